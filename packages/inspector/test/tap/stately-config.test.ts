// The configuration that Stately's viewers are told: XState takes it, and it is the machine that was written.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createMachine, type AnyStateMachine } from 'xstate'
import { defineMachine, rootOf } from '../../src/shared/definition.ts'
import type { NodeView } from '../../src/shared/protocol.ts'
import { configOf } from '../../src/shared/stately-config.ts'

const define = (machine: AnyStateMachine): NodeView => defineMachine(rootOf(machine) ?? {})

interface Drawn {
  readonly type: 'atomic' | 'parallel' | 'final'
  readonly below: readonly Drawn[]
  readonly transitions: readonly { readonly on: string; readonly to: number; readonly isGuarded: boolean }[]
  readonly invokes: boolean
}

const transition = fc.record({
  on: fc.constantFrom('GO', 'STOP', '*', 'always', 'after', 'done', 'invoked'),
  to: fc.nat(30),
  isGuarded: fc.boolean(),
})

const draw = (depth: number): fc.Arbitrary<Drawn> =>
  fc.record({
    type: fc.constantFrom('atomic' as const, 'parallel' as const, 'final' as const),
    below: depth === 0 ? fc.constant([]) : fc.array(draw(depth - 1), { maxLength: 3 }),
    transitions: fc.array(transition, { maxLength: 3 }),
    invokes: fc.boolean(),
  })

/** A configuration for XState, written as users write it. */
function written({ type, below, transitions, invokes }: Drawn, id: string, ids: readonly string[]): object {
  const of = (kind: string): object[] =>
    transitions
      .filter(({ on }) => on === kind)
      .map(({ to, isGuarded }) => ({
        target: `#${ids[to % ids.length] ?? id}`,
        ...(isGuarded && { guard: 'isFine', actions: ['note'] }),
      }))
  const isFinal = type === 'final' && below.length === 0 && id !== 'm'
  const states = Object.fromEntries(below.map((each, i) => [`s${i}`, written(each, `${id}.s${i}`, ids)]))
  if (isFinal) return { type: 'final' }
  return {
    ...(id === 'm' && { id }),
    ...(below.length > 0 && { states, ...(type === 'parallel' ? { type } : { initial: 's0' }) }),
    on: Object.fromEntries(['GO', 'STOP', '*'].map((kind) => [kind, of(kind)])),
    after: { 100: of('after') },
    // Without a guard it may be taken for ever.
    always: of('always'),
    onDone: of('done'),
    ...(invokes && { invoke: { src: 'load', onDone: of('invoked') } }),
  }
}

const idsOf = ({ below }: Drawn, id: string): string[] => [
  id,
  ...below.flatMap((each, i) => idsOf(each, `${id}.s${i}`)),
]

test('the configuration of any machine is one of the same machine', () => {
  fc.assert(
    fc.property(draw(3), (drawn) => {
      const ids = idsOf(drawn, 'm').slice(1)
      const machine = createMachine(written(drawn, 'm', ids.length === 0 ? ['m'] : ids) as never)
      const definition = define(machine)
      expect(ordered(define(createMachine(configOf(definition) as never)))).toEqual(ordered(definition))
    }),
    { numRuns: 300 },
  )
})

/** XState keeps transitions by event: their order among different events says nothing. */
function ordered(node: NodeView): NodeView {
  const on = [...(node.on ?? [])].sort((a, b) => (a.event < b.event ? -1 : Number(a.event > b.event)))
  return { ...node, on, states: (node.states ?? []).map(ordered) }
}

test('a machine that was cut is a machine, too', () => {
  const states = Object.fromEntries(
    Array.from({ length: 1_500 }, (_, i) => [`s${i}`, { on: { NEXT: `s${(i + 1) % 1_500}` } }]),
  )
  const definition = define(createMachine({ id: 'wide', initial: 's0', states }))
  const again = define(createMachine(configOf(definition) as never))
  expect(again.states).toHaveLength(999)
  expect(again.states?.[0]?.on).toEqual([{ event: 'NEXT', targets: ['wide.s1'] }])
  expect(again.states?.[998]?.on).toEqual([{ event: 'NEXT', targets: [] }])
})
