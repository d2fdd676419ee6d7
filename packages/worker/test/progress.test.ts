import { expect, test } from '@jest/globals'
import type { ProgressFrame } from '../src/frame.ts'
import type { Progress } from '../src/progress-takers.ts'
import { bareSession, encoded, ready, result, tool } from './bare.ts'

// What a session makes of Progress frames.

const progress = (id: number, more: Partial<ProgressFrame> = {}): ProgressFrame => ({
  kind: 'progress',
  id,
  done: 1,
  total: null,
  text: '',
  ...more,
})

function open() {
  const { session, sent } = bareSession()
  session.receive(ready('a', tool('s', { isStream: true })))
  const told: Progress[] = []
  const extras = {
    progress: (each: Progress): void => {
      told.push(each)
    },
  }
  return { session, sent, told, extras }
}
const ignore = (): void => undefined
const call = { settled: ignore }

test('a call that asks for its progress hears it, and its frame says so', () => {
  const { session, sent, told, extras } = open()
  const id = session.call('a', encoded(Buffer.alloc(1)), 0, call, extras)
  const stream = session.stream('s', encoded(Buffer.alloc(1)), 0, ignore, call, extras)
  expect(sent).toMatchObject([{ wantsProgress: true }, { wantsProgress: true, isStream: true }])
  session.receive(progress(id, { done: 2, total: 3, text: 'x'.repeat(2_000) }))
  session.receive(progress(stream, { done: null }))
  expect(told).toEqual([
    { done: 2, total: 3, text: expect.stringMatching(/^x{1000}[^x]{0,3}$/) },
    { done: undefined, total: undefined, text: '' },
  ])
})

test('Progress of a call that did not ask for it, or has its answer, is a protocol error', () => {
  const { session, told, extras } = open()
  const plain = session.call('a', encoded(Buffer.alloc(1)), 0, call)
  const asked = session.call('a', encoded(Buffer.alloc(1)), 0, call, extras)
  session.receive(result(asked, 1))
  for (const id of [plain, asked, 99]) {
    expect(() => {
      session.receive(progress(id))
    }).toThrow(`a Progress of call ${id}, which did not ask for it`)
  }
  expect(told).toEqual([])
})
