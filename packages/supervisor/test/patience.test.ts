import { expect, test } from '@jest/globals'
import { fromTransition } from 'xstate'
import { bench, child, NO_JITTER, type Bench } from './support.ts'

const MINUTE = 60_000

const boom = new Error('boom')

const countOf = (it: Bench, type: string): number => it.events.filter((event) => event.type === type).length

test('X23 a thousand crashes at once are restarted 20 per second, first come first served', async () => {
  const counter = fromTransition((count: number, event: { type: string }) => {
    if (event.type === 'throw') throw boom
    return count
  }, 0)
  const it = bench({ strategy: 'simple_one_for_one', children: [{ id: 'job', logic: counter }] })
  await it.app.start()
  const refs = await Promise.all(Array.from({ length: 1_000 }, () => it.app.startChild()))
  await it.clock.advance(10)
  it.take()
  for (const ref of refs) ref?.send({ type: 'throw' })
  await it.clock.advance(999)
  const first = it.take('child.start')
  expect(first).toEqual(Array.from({ length: 20 }, (_, index) => `child.start job:${index + 1}`))
  await it.clock.advance(1)
  expect(it.take('child.start')).toHaveLength(20)
  expect(await it.app.countChildren()).toMatchObject({ active: 40, workers: 1_000 })
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
  await it.clock.advance(MINUTE)
  expect(it.take('child.start')).toEqual([])
})

test('X24 one alarm per window for a child that crashes every 11 s, and every restart at once', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  for (let crash = 0; crash < 327; crash += 1) {
    await it.clock.advance(11_000)
    await it.crash('a')
    expect(it.state('a')).toBe('running')
  }
  expect(countOf(it, 'child.crash_loop')).toBe(1)
  await it.clock.advance(60 * MINUTE)
  for (let crash = 0; crash < 10; crash += 1) {
    await it.clock.advance(11_000)
    await it.crash('a')
  }
  expect(it.events.filter(({ type }) => type === 'child.crash_loop')).toMatchObject([
    { id: 'a', failures: 10, failure: { error: boom } },
    { id: 'a', failures: 10 },
  ])
  await it.app.stop()
})

test('a child whose failures go on for longer than maxElapsed is parked', async () => {
  const it = bench({
    backoff: { ...NO_JITTER, first: 1_000, base: 1_000, factor: 1, maxAttempts: Infinity, maxElapsed: 3_500 },
    breaker: 'off',
    children: [
      child('a', {
        awaitReady: false,
        logic: () => {
          throw boom
        },
      }),
    ],
  })
  await it.app.start()
  await it.clock.advance(3_999)
  expect(it.state('a')).toBe('backing_off')
  await it.clock.advance(1)
  expect(it.state('a')).toBe('parked')
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'exhausted', failure: { attempts: 5 } })
  await it.app.stop()
})
