import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { onAbort, reasonOf } from '@terrarium/supervisor/base'
import { call } from '@terrarium/supervisor/otp'
import { child } from './support.ts'

const warnings: Error[] = []
const note = (warning: Error): void => void warnings.push(warning)

beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})

afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve)) // Node emits a warning in the next turn
  process.off('warning', note)
  expect(warnings).toEqual([])
})

/** A signal of our own that counts its listeners. */
function counting() {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1
    remove(...args)
  }
  return { controller, signal, listeners: () => listeners }
}

test('C6: a thousand waits share one listener, which is removed with the last wait', () => {
  const { signal, listeners } = counting()
  const waits = Array.from({ length: 1_000 }, () => onAbort(signal, () => undefined))
  expect(listeners()).toBe(1)
  for (const wait of waits.slice(1)) wait.release()
  expect(listeners()).toBe(1)
  waits[0]?.release()
  waits[0]?.release()
  expect(listeners()).toBe(0)
})

test('C6: an abort reaches each pending wait once, in order, also a wait that another wait releases', () => {
  const { controller, signal, listeners } = counting()
  const told: unknown[] = []
  const first = onAbort(signal, (reason) => {
    told.push(['first', reason])
    third.release()
  })
  const second = onAbort(signal, (reason) => told.push(['second', reason]))
  const third = onAbort(signal, () => told.push('third'))
  const released = onAbort(signal, () => told.push('released'))
  released.release()
  controller.abort('why')
  controller.abort('again')
  for (const wait of [first, second]) wait.release()
  expect(told).toEqual([
    ['first', 'why'],
    ['second', 'why'],
  ])
  expect(listeners()).toBe(0)
})

test('C6: calls of an actor share the listener of their signal too', async () => {
  const { controller, signal, listeners } = counting()
  const app = createSupervisor({ id: 'app', children: [child('a')] })
  await app.start()
  const { ref } = app.children[0] ?? {}
  if (ref === undefined) throw new Error('not started')
  const calls = Array.from({ length: 50 }, () => call(ref, { type: 'get' }, { signal, timeout: 'infinity' }))
  const outcomes = Promise.allSettled(calls)
  expect(listeners()).toBe(1)
  controller.abort(new Error('enough'))
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ reason: { code: 'CANCELLED', cause: { message: 'enough' } } })
  }
  expect(listeners()).toBe(0)
  await app.stop()
})

test('a signal that throws when it is listened to adds no wait, and its reason is what it throws', () => {
  const boom = new Error('boom')
  const explode = (): never => {
    throw boom
  }
  const ignore = (): void => undefined
  const silent = { aborted: false, addEventListener: explode, removeEventListener: explode }
  expect(() => onAbort(silent, ignore)).toThrow(boom)
  const deaf = { ...silent, addEventListener: ignore }
  onAbort(deaf, ignore).release()
  const reason = Object.defineProperty({ ...deaf }, 'reason', { get: explode })
  expect(reasonOf(reason)).toBe(boom)
})
