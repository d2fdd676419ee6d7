// park(): a child is stopped on request and stays down until an operation starts it again, whatever happens meanwhile.
import { describe, expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import { createActor } from 'xstate'
import { administrate, supervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { bench, child, NO_JITTER, refusal, slow, started, stubborn } from './support.ts'

const HOUR = 3_600_000

test('a running child is stopped in order and stays parked; unpark() starts it', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  await it.app.park('a', 'the disk is replaced')
  expect(it.take()).toEqual(['child.exit a', 'child.parked a'])
  expect(it.events.at(-1)).toMatchObject({
    type: 'child.parked',
    cause: 'request',
    failure: {
      class: 'cancelled',
      phase: 'run',
      attempts: 0,
      error: {
        code: 'PARKED',
        message: 'a is parked by hand: the disk is replaced',
        hint: 'Call unpark() when a is to run again.',
        details: { supervisor: 'app', child: 'a', reason: 'request', because: 'the disk is replaced' },
      },
    },
  })
  await it.clock.advance(HOUR)
  expect([it.state('a'), it.clock.pending, it.take()]).toEqual(['parked', 0, []])
  await it.app.unpark('a')
  expect(it.take()).toEqual(['child.start a', 'child.unparked a', 'child.ready a'])
  expect(it.app.explain('a').sentence).toBe('a has been running for 0 ms, in incarnation 2.')
  await it.app.stop()
})

test('explain() says that it was parked by hand, why, and what starts it', async () => {
  const it = await started({ children: [child('a'), slow('b', { awaitReady: false })] })
  await it.app.park('a', 'the disk is replaced')
  expect(it.app.explain('a')).toMatchObject({
    state: 'parked',
    sentence: 'a is parked by hand: the disk is replaced; only an operation starts it again.',
    unpark: ["unpark('a')", "restartChild('a')"],
  })
  await it.app.park('b')
  expect(it.app.explain('b').sentence).toBe('b is parked by hand; only an operation starts it again.')
  await it.app.unpark('b')
  expect(it.app.explain('b').sentence).toBe('b has been starting for 0 ms.')
  await it.app.stop()
})

test.each(['one_for_all', 'rest_for_one'] as const)(
  '%s: the failure of a sibling does not start it',
  async (strategy) => {
    const it = await started({ strategy, children: [child('a'), child('b')] })
    await it.app.park('b')
    await it.crash('a')
    expect([it.state('a'), it.state('b')]).toEqual(['running', 'parked'])
    await it.app.stop()
  },
)

test('a plan of the strategy neither starts it nor makes it a stopped child', async () => {
  const plans = [
    { action: 'restart', child: 'b' },
    { action: 'stop', child: 'b' },
  ] as const
  let asked = 0
  const strategy = {
    name: 'both',
    plan: () => ({ actions: [{ action: 'restart', child: 'a' } as const, plans[asked++ % 2] as (typeof plans)[0]] }),
  }
  const it = await started({ strategy, children: [child('a'), child('b')] })
  await it.app.park('b')
  for (const _ of plans) {
    await it.crash('a')
    expect(it.state('b')).toBe('parked')
  }
  expect(asked).toBe(2)
  await it.app.unpark('b')
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})

test('a new specification does not start it; restartChild() does, with this specification', async () => {
  const it = await started({ children: [child('a')] })
  await it.app.park('a')
  await it.app.reconfigure(child('a', { shutdown: 7 }))
  expect(it.state('a')).toBe('parked')
  await it.app.restartChild('a')
  expect(await it.app.getChildSpec('a')).toMatchObject({ shutdown: 7 })
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('a child that waits for its restart is parked, and its siblings that were held for it are started', async () => {
  const backoff = { ...NO_JITTER, first: 100 }
  const it = await started({ strategy: 'one_for_all', backoff, children: [child('a'), child('b')] })
  await it.crash('a')
  expect([it.state('a'), it.state('b')]).toEqual(['backing_off', 'stopped'])
  await it.app.park('a')
  await it.clock.advance(HOUR)
  expect([it.state('a'), it.state('b')]).toEqual(['parked', 'running'])
  await it.app.stop()
})

test('a child that the breaker has parked is parked by hand: it is not probed any more', async () => {
  const it = await started({ children: [slow('a', { awaitReady: false }), child('b')] })
  for (let n = 0; n < 3; n += 1) {
    await it.crash('a')
    const { until } = it.app.children[0] ?? {}
    if (it.state('a') === 'backing_off' && until !== undefined) await it.clock.advance(until - it.clock.now())
  }
  expect([it.state('a'), it.clock.pending]).toEqual(['parked', 1])
  await it.app.park('a')
  it.take()
  await it.clock.advance(HOUR)
  expect([it.take(), it.clock.pending]).toEqual([[], 0])
  await it.app.stop()
})

test('a failure after it was unparked is judged as any other: it is no probe', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  await it.app.park('a')
  await it.app.unpark('a')
  await it.crash('a')
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('a child that does not end in time is killed, and parked', async () => {
  const it = await started({ children: [child('a', { logic: stubborn, shutdown: 50 })] })
  const parked = it.app.park('a')
  await it.clock.advance(49)
  expect(it.state('a')).toBe('stopping')
  await it.clock.advance(1)
  await parked
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('the supervisor ends while a child is being parked: the operation is refused', async () => {
  const it = await started({ children: [child('a', { logic: stubborn, shutdown: 50 })] })
  const refused = refusal(it.app.park('a'))
  const stopped = it.app.stop()
  await it.clock.advance(50)
  expect(await refused).toBe('STOPPED')
  await stopped
})

describe.each(['dynamic', 'simple_one_for_one'] as const)('%s', (strategy) => {
  test('a dynamic child is kept while it is parked, and addressed by its last ref', async () => {
    const it = await started({ strategy, children: strategy === 'dynamic' ? [] : [child('w')] })
    const ref = (await it.app.startChild(strategy === 'dynamic' ? child('w') : undefined)) as AnyActorRef
    await it.app.park(ref)
    await it.clock.advance(HOUR)
    expect(it.app.children).toMatchObject([{ state: 'parked' }])
    await it.app.unpark(ref)
    expect(it.app.children).toMatchObject([{ state: 'running', incarnation: 2 }])
    await it.app.stop()
    expect(it.app.children).toEqual([])
  })
})

test('a temporary child and a child in mode `otp` cannot be parked', async () => {
  const it = await started({ children: [child('a', { restart: 'temporary' })] })
  expect(await refusal(it.app.park('a'))).toBe('not_parkable')
  expect(it.state('a')).toBe('running')
  await it.app.stop()
  const otp = await started({ mode: 'otp', children: [child('a')] })
  expect(await refusal(otp.app.park('a'))).toBe('not_parkable')
  expect(otp.state('a')).toBe('running')
  await otp.app.stop()
})

test('a reason that is no string is a mistake; a long one is cut', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  await expect(it.app.park('a', 7 as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(it.state('a')).toBe('running')
  await it.app.park('a', 'x'.repeat(300))
  expect(it.app.explain('a').sentence).toBe(
    `a is parked by hand: ${'x'.repeat(200)}; only an operation starts it again.`,
  )
  await it.app.stop()
})

test('it stays parked in the next life of its supervisor, with the reason', async () => {
  const clock = new VirtualClock()
  const logic = supervisor({ id: 'app', children: [child('a'), child('b')] })
  const before = createActor(logic, { clock })
  before.start()
  await clock.advance(0)
  await administrate(before as never).park('a', 'no disk')
  const kept = JSON.parse(JSON.stringify(before.getPersistedSnapshot())) as never
  before.stop()
  const after = createActor(logic, { clock, snapshot: kept })
  after.start()
  await clock.advance(HOUR)
  const app = administrate(after as never)
  expect(app.explain('a').sentence).toBe('a is parked by hand: no disk; only an operation starts it again.')
  expect(app.explain('b').state).toBe('running')
  await app.unpark('a')
  expect(app.explain('a').state).toBe('running')
  after.stop()
})
