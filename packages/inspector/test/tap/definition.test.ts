// Statecharts as the page gets them: every kind of state and transition, and machines that are too large.
import { expect, test } from '@jest/globals'
import { createMachine, fromPromise, setup, type AnyStateMachine } from 'xstate'
import { defineMachine, rootOf } from '../../src/shared/definition.ts'
import { NODES_PER_MACHINE } from '../../src/shared/limits.ts'
import type { NodeView } from '../../src/shared/protocol.ts'

function define(machine: AnyStateMachine): NodeView {
  const root = rootOf(machine)
  if (root === undefined) throw new Error('the machine has no root')
  return defineMachine(root)
}

test('states of every type, with guards, actions, delays, invoked actors and history', () => {
  const machine = setup({
    actors: { load: fromPromise(() => Promise.resolve(1)) },
    guards: { isReady: () => true },
    actions: { note: () => undefined },
  }).createMachine({
    id: 'all',
    type: 'parallel',
    states: {
      left: {
        initial: 'a',
        states: {
          a: { on: { GO: { target: 'b', guard: 'isReady', actions: ['note', () => undefined] } }, after: { 500: 'b' } },
          b: { invoke: { src: 'load', onDone: 'end', onError: 'a' }, always: { target: 'end', guard: () => false } },
          end: { type: 'final' },
          back: { type: 'history' },
        },
      },
      right: { on: { '*': '.', STAY: {} } },
    },
    on: { RESET: '.left.back' },
  })
  expect(define(machine)).toEqual({
    id: 'all',
    key: 'all',
    type: 'parallel',
    on: [{ event: 'RESET', targets: ['all.left.back'] }],
    states: [
      {
        id: 'all.left',
        key: 'left',
        type: 'compound',
        initial: 'a',
        states: [
          {
            id: 'all.left.a',
            key: 'a',
            type: 'atomic',
            on: [
              { event: 'GO', targets: ['all.left.b'], guard: 'isReady', actions: ['note', 'function'] },
              { event: 'after 500 ms', targets: ['all.left.b'] },
            ],
          },
          {
            id: 'all.left.b',
            key: 'b',
            type: 'atomic',
            invoke: ['load'],
            on: [
              { event: 'invoked: done', targets: ['all.left.end'] },
              { event: 'invoked: error', targets: ['all.left.a'] },
              { event: 'always', targets: ['all.left.end'], guard: 'guard' },
            ],
          },
          { id: 'all.left.end', key: 'end', type: 'final' },
          { id: 'all.left.back', key: 'back', type: 'history' },
        ],
      },
      { id: 'all.right', key: 'right', type: 'atomic', on: expect.any(Array) as unknown },
    ],
  })
})

test('a machine with too many states is cut, and says how many were left out', () => {
  const states = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`s${i}`, {}]))
  const { states: shown = [], more } = define(createMachine({ id: 'wide', initial: 's0', states }))
  expect({ shown: shown.length, more }).toEqual({ shown: NODES_PER_MACHINE - 1, more: 1_501 - NODES_PER_MACHINE })
})

test('a machine that is too deep is cut', () => {
  let config: object = {}
  for (let i = 0; i < 60; i += 1) config = { initial: 'in', states: { in: config } }
  const text = JSON.stringify(define(createMachine({ id: 'deep', ...config })))
  expect(text).toContain('"more":1')
  expect(text.match(/"key":"in"/g)?.length).toBe(24)
})

test('what is no machine has no root', () => {
  for (const logic of [undefined, null, {}, { root: 1 }, fromPromise(() => Promise.resolve(1))])
    expect(rootOf(logic)).toBeUndefined()
})
