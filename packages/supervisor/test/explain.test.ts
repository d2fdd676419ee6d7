// explain(): for every state that a child can be in, the structure and the sentence.
import { describe, expect, test } from '@jest/globals'
import { administrate, createSupervisor, supervisor, IGNORE, type Explanation } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import type { PlanAction, RestartStrategy } from '@terrarium/supervisor/strategies'
import type { AnyActorLogic, AnyActorRef } from 'xstate'
import { bench, child, obedient, slow, started, stubborn, type Bench } from './support.ts'

const boom = new Error('boom')

const failing = (id: string, more = {}) =>
  child(id, { backoff: { first: 100, base: 100, jitter: 'none' }, breaker: { identical: 3 }, ...more })

/** A readiness test that no actor passes. */
const never = () => false

const explained = (it: Bench, id = 'a'): Explanation => it.app.explain(id)

/** What is told beside the sentence. */
const facts = (it: Bench, id = 'a'): unknown => {
  const { sentence: _, failure, because: __, ...rest } = explained(it, id)
  return { ...rest, ...(failure === undefined ? {} : { failure: failure.error }) }
}

describe('a child that is', () => {
  test('not started, because the supervisor is not', () => {
    const it = bench({ children: [child('a')] })
    expect(explained(it)).toEqual({
      id: 'a',
      state: 'stopped',
      incarnation: 0,
      sentence: 'a has not been started, because supervisor app has not been started.',
      attempts: 0,
      unpark: ['start()'],
    })
  })

  test('starting, and what waits for it', async () => {
    const it = bench({ children: [slow('a', { startTimeout: 9_000 }), child('b')] })
    void it.app.start().catch(() => undefined)
    await it.clock.advance(1_234)
    expect(explained(it).sentence).toBe('a has been starting for 1,234 ms, of at most 9,000 ms.')
    expect(facts(it)).toEqual({ id: 'a', state: 'starting', incarnation: 1, attempts: 0, unpark: [] })
    expect(explained(it, 'b').sentence).toBe('b is started when a is ready.')
    expect(explained(it, 'b').unpark).toEqual(['the start of a', "restartChild('b')"])
  })

  test('running', async () => {
    const it = await started({ children: [child('a')] })
    expect(explained(it).sentence).toBe('a has been running for 10 ms.')
    expect(facts(it)).toEqual({ id: 'a', state: 'running', incarnation: 1, attempts: 0, unpark: [] })
  })

  test('running again', async () => {
    const it = await started({ children: [child('a')] })
    await it.crash('a', boom)
    await it.clock.advance(5)
    expect(explained(it).sentence).toBe(
      'a has been running for 5 ms, in incarnation 2, since it failed once with Error: boom.',
    )
    expect(facts(it)).toEqual({ id: 'a', state: 'running', incarnation: 2, attempts: 1, unpark: [], failure: boom })
    await it.clock.advance(20_000)
    await it.crash('a', boom)
    await it.crash('a', new TypeError('odd\nand more'))
    await it.clock.advance(200)
    expect(explained(it).sentence).toBe(
      'a has been running for 0 ms, in incarnation 4, since it failed twice in a row with TypeError: odd (bug).',
    )
  })

  test('waiting for the end of its delay', async () => {
    const it = await started({ children: [failing('a')] })
    await it.crash('a', boom)
    await it.clock.advance(40)
    expect(explained(it).sentence).toBe('a failed once with Error: boom and is started again in 60 ms.')
    expect(facts(it)).toEqual({
      id: 'a',
      state: 'backing_off',
      incarnation: 1,
      attempts: 1,
      failure: boom,
      until: it.clock.now() + 60,
      waits: 60,
      unpark: ['time: 60 ms', "restartChild('a', { force: true })", 'reconfigure(spec)'],
    })
  })

  test('waiting, and the children that are down for that', async () => {
    const it = await started({ strategy: 'one_for_all', children: [failing('a'), child('b'), child('c')] })
    await it.crash('a', boom)
    expect(explained(it).sentence).toBe(
      'a failed once with Error: boom and is started again in 100 ms together with b and c.',
    )
    expect(explained(it, 'b').sentence).toBe('b is down until a, which has failed, is started again.')
    expect(facts(it, 'b')).toEqual({
      id: 'b',
      state: 'stopped',
      incarnation: 1,
      attempts: 0,
      heldBy: 'a',
      unpark: ['the start of a', "restartChild('b')"],
    })
  })

  test('down with a group that a plan delays, although none of the group has failed', async () => {
    const actions: PlanAction[] = [
      { action: 'park', child: 'a' },
      { action: 'delay', child: 'b', by: 5_000 },
      { action: 'delay', child: 'c', by: 5_000, because: 'it needs b' },
    ]
    const strategy: RestartStrategy = { name: 'later', plan: () => ({ actions }) }
    const it = await started({ strategy, children: [child('a'), child('b'), child('c')] })
    await it.crash('a', boom)
    expect(explained(it, 'b').sentence).toBe(
      'b is down because a failed with Error: boom and is started again in 5,000 ms together with c.',
    )
    expect(explained(it, 'c').sentence).toBe(
      'c is down because a failed with Error: boom (strategy later says "it needs b"), and is started again with b.',
    )
    expect(explained(it, 'c').heldBy).toBe('b')
    await it.clock.advance(5_000)
    expect(it.app.children.map(({ state }) => state)).toEqual(['parked', 'running', 'running'])
  })

  test('waiting, because too many restarts began at once', async () => {
    const it = await started({ startRate: 1, children: [child('a'), child('b')] })
    await it.crash('b', boom)
    await it.crash('a', boom)
    expect(explained(it).sentence).toBe('a failed once with Error: boom and is started again in 1,000 ms.')
  })

  test('waiting for another try of its start (otp)', async () => {
    let starts = 0
    const logic = (): AnyActorLogic => {
      starts += 1
      if (starts > 1) throw boom
      return obedient
    }
    const it = await started({ mode: 'otp', intensity: 1_000, children: [child('a', { logic })] })
    exit(it.ref('a'), { type: 'killed' })
    expect(explained(it).sentence).toBe('a failed with Error: boom in its start and is started again at once.')
    expect(explained(it)).toMatchObject({
      state: 'restarting',
      unpark: ["restartChild('a', { force: true })", 'reconfigure(spec)'],
    })
    await it.app.terminateChild('a')
  })

  test('parked, until it is probed', async () => {
    const it = await started({
      children: [slow('a', { awaitReady: false, ...failing('a'), logic: obedient, ready: never })],
    })
    for (let failure = 1; failure <= 3; failure += 1) {
      await it.crash('a', boom)
      await it.clock.advance(100)
    }
    expect(explained(it).sentence).toBe(
      'a is parked, because it failed again and again in the same way before it was ready: Error: boom; it is started once, as a probe, in 29,900 ms.',
    )
    expect(facts(it)).toEqual({
      id: 'a',
      state: 'parked',
      incarnation: 3,
      attempts: 3,
      failure: boom,
      until: it.clock.now() + 29_900,
      waits: 29_900,
      unpark: ['time: 29,900 ms', "unpark('a')", "restartChild('a')", 'reconfigure(spec)'],
    })
    await it.clock.advance(30_000)
    expect(explained(it).sentence).toBe(
      'a has been starting for 100 ms, as a probe whether the cause for which it was parked is gone, after it failed 3 times in a row with Error: boom.',
    )
  })

  test('parked for good', async () => {
    const error = Object.assign(new Error('no module'), { code: 'CONFIGURATION' })
    const it = await started({ children: [child('a', { awaitReady: false, ready: never })] })
    await it.crash('a', error)
    expect(explained(it).sentence).toBe(
      'a is parked, because its configuration is wrong: Error: no module (configuration); only an operation starts it again.',
    )
    expect(explained(it).unpark).toEqual(["unpark('a')", "restartChild('a')", 'reconfigure(spec)'])
    expect(explained(it).waits).toBeUndefined()
  })

  test('parked, because its attempts are used up', async () => {
    const it = await started({ breaker: 'off', backoff: { maxAttempts: 1 }, children: [child('a')] })
    await it.crash('a', boom)
    await it.crash('a', boom)
    expect(explained(it).sentence).toBe(
      'a is parked, because its attempts are used up: Error: boom; only an operation starts it again.',
    )
  })

  test('parked, because it was never stable', async () => {
    const it = await started({ breaker: { unstable: 2 }, children: [child('a')] })
    await it.crash('a', boom)
    await it.crash('a', boom)
    expect(explained(it).sentence).toBe(
      'a is parked, because it was never stable: Error: boom; it is started once, as a probe, in 30,000 ms.',
    )
  })

  test.each([
    ['5,000 ms', { shutdown: 5_000 }, 'a is asked to end, and is stopped hard after 5,000 ms.'],
    ['no limit', { shutdown: 'infinity' }, 'a is asked to end, however long it takes.'],
  ] as const)('stopping, with %s', async (_, more, sentence) => {
    const it = await started({ children: [child('a', { logic: stubborn, ...more })] })
    void it.app.terminateChild('a').catch(() => undefined)
    expect(explained(it).sentence).toBe(sentence)
    expect(facts(it)).toEqual({ id: 'a', state: 'stopping', incarnation: 1, attempts: 0, unpark: [] })
  })

  test('stopped on request', async () => {
    const it = await started({ children: [child('a')] })
    await it.app.terminateChild('a')
    expect(explained(it).sentence).toBe('a was stopped on request, and only an operation starts it again.')
    expect(explained(it).unpark).toEqual(["restartChild('a')"])
  })

  test.each([
    ['transient', { type: 'normal' }, 'a ended normally, is transient, and only an operation starts it again.'],
    ['transient', { type: 'shutdown' }, 'a shut down, is transient, and only an operation starts it again.'],
  ] as const)('stopped, because it is %s and its exit was %j', async (restart, reason, sentence) => {
    const it = await started({ children: [child('a', { restart })] })
    await it.end('a', reason)
    expect(explained(it).sentence).toBe(sentence)
  })

  test('stopped, because a requested start has failed', async () => {
    const it = await started({ children: [child('a')] })
    await it.app.terminateChild('a')
    await it.app.reconfigure(
      child('a', {
        logic: () => {
          throw boom
        },
      }),
    )
    await it.app.restartChild('a').catch(() => undefined)
    expect(explained(it).sentence).toBe('a failed with Error: boom and only an operation starts it again.')
  })

  test('not needed', async () => {
    const it = await started({ children: [child('a', { logic: () => IGNORE })] })
    expect(explained(it).sentence).toBe('a is not needed: its start function returned IGNORE.')
  })

  test('killed, and not started again before it is its turn', async () => {
    const it = await started({
      strategy: 'one_for_one',
      children: [child('b'), child('c')],
    })
    void it.app.startChild(slow('a')).catch(() => undefined)
    exit(it.ref('b'), { type: 'killed' })
    expect(explained(it, 'b').sentence).toBe('b was killed; the supervisor deals with that when a is ready.')
    expect(explained(it, 'b').unpark).toEqual([])
  })

  test('about to be stopped', async () => {
    const it = await started({ children: [child('a'), child('b', { logic: stubborn, shutdown: 100 })] })
    void it.app.stop()
    await it.clock.advance(10)
    expect(explained(it).sentence).toBe('a has been running for 20 ms, and is about to be stopped.')
    expect(explained(it, 'b').sentence).toBe('b is asked to end, and is stopped hard after 100 ms.')
    await it.clock.advance(100)
    expect(explained(it).sentence).toBe('a is down, because supervisor app has ended.')
    expect(explained(it).unpark).toEqual([])
  })

  test('down while its supervisor is ending', async () => {
    const it = await started({ children: [child('a', { logic: stubborn, shutdown: 100 }), child('b')] })
    void it.app.stop()
    await it.clock.advance(10)
    expect(explained(it, 'b').sentence).toBe('b is down, because supervisor app is ending.')
  })
})

test('a child that is being started with its group waits for the children before it', async () => {
  const it = await started({ strategy: 'one_for_all', children: [child('a'), child('b')] })
  await it.app.reconfigure(slow('a'))
  await it.crash('b', boom)
  expect(explained(it).sentence).toBe('a has been starting for 0 ms, after b failed with Error: boom.')
  expect(explained(it, 'b').sentence).toBe('b is started when a is ready.')
})

test.each(['dynamic', 'simple_one_for_one'] as const)(
  'a child of a %s supervisor is explained by its ref',
  async (strategy) => {
    const spec = failing('a')
    const it = await started({ strategy, children: strategy === 'dynamic' ? [] : [spec] })
    const ref = (await it.app.startChild(strategy === 'dynamic' ? spec : undefined)) as AnyActorRef
    await it.clock.advance(10)
    expect(it.app.explain(ref).sentence).toBe('a:1 has been running for 10 ms.')
    exit(ref, { type: 'error', error: boom })
    expect(it.app.explain(ref)).toMatchObject({
      sentence: 'a:1 failed once with Error: boom and is started again in 100 ms.',
      unpark: ['time: 100 ms', ...(strategy === 'dynamic' ? ['restartChild(ref, { force: true })'] : [])],
    })
    expect(it.app.explain('a:1')).toEqual(it.app.explain(ref))
  },
)

test('a snapshot and an administration explain as the supervisor itself does', async () => {
  const app = createSupervisor({
    id: 'app',
    children: [{ id: 'nested', logic: supervisor({ id: 'nested', children: [child('a')] }) }],
  })
  await app.start()
  const ref = app.child('nested')
  if (ref === undefined) throw new Error('no nested supervisor')
  expect(administrate(ref).explain('a').state).toBe('running')
  expect(ref.getSnapshot().explain('a').state).toBe('running')
  await app.stop()
})

test.each([
  ['b', 'b'],
  [undefined, 'undefined'],
  [{}, 'an object'],
])('%p is no child', async (address, shown) => {
  const it = await started({ children: [child('a')] })
  const explain = (): unknown => it.app.explain(address as never)
  expect(explain).toThrow(`child ${shown} of supervisor app does not exist`)
  expect(explain).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      hint: 'Name one of its children: a.',
      details: { supervisor: 'app', child: shown, reason: 'not_found' },
    }),
  )
})
