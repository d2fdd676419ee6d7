import { expect, test } from '@jest/globals'
import { createMachine, fromCallback, fromPromise } from 'xstate'
import { administrate, supervisor } from '@terrarium/supervisor'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import { bench, child, idle, refusal, slow, stubborn, type Bench } from './support.ts'

test('default mode: children are stopped in reverse start order, each down before the next is asked', async () => {
  const { app, take, clock } = bench({ children: [child('a'), child('b', { logic: stubborn }), child('c')] })
  await app.start()
  take()
  const stopped = app.stop()
  await clock.advance(4_999)
  expect(take()).toEqual(['child.exit c'])
  await clock.advance(1)
  await stopped
  expect(take()).toEqual(['child.exit b', 'child.exit a', 'supervisor.exit'])
  expect(clock.pending).toBe(0)
})

test('default mode: two children that ignore the shutdown event take the sum of their times', async () => {
  const deaf = { logic: stubborn, shutdown: 100 }
  const { app, clock } = bench({ children: [child('a', deaf), child('b', deaf)] })
  await app.start()
  let stopped = false
  const stopping = app.stop().then(() => {
    stopped = true
  })
  await clock.advance(199)
  expect(stopped).toBe(false)
  await clock.advance(1)
  await stopping
})

test('default mode: a child that handles the shutdown event ends by itself, for its own reason', async () => {
  const { app, events } = bench({ children: [child('a')] })
  await app.start()
  await app.stop()
  expect(events.filter(({ type }) => type.endsWith('.exit'))).toMatchObject([
    { type: 'child.exit', id: 'a', reason: { type: 'shutdown' } },
    { type: 'supervisor.exit', supervisor: 'app', reason: { type: 'shutdown' } },
  ])
})

test('default mode: a child that cannot handle the shutdown event is stopped at once, with its clean-up', async () => {
  let cleaned = false
  const callback = fromCallback(() => () => {
    cleaned = true
  })
  let aborted = false
  const promise = fromPromise(({ signal }) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    return new Promise(() => undefined)
  })
  const { app, events, elapsed } = bench({
    children: [
      { id: 'callback', logic: callback },
      { id: 'promise', logic: promise },
      { id: 'transition', logic: idle },
    ],
  })
  await app.start()
  await app.stop()
  expect({ cleaned, aborted }).toEqual({ cleaned: true, aborted: true })
  expect(events.filter(({ type }) => type === 'child.exit')).toMatchObject([
    { id: 'transition', reason: { type: 'shutdown' } },
    { id: 'promise', reason: { type: 'shutdown' } },
    { id: 'callback', reason: { type: 'shutdown' } },
  ])
  expect(elapsed()).toBe(0)
})

test('default mode: a child that ignores the shutdown event is killed at its deadline, and the call resolves', async () => {
  const { app, clock, events, state } = bench({ children: [child('a', { logic: stubborn, shutdown: 100 })] })
  await app.start()
  const terminated = app.terminateChild('a')
  await clock.advance(99)
  expect(state('a')).toBe('stopping')
  await clock.advance(1)
  await terminated
  expect(state('a')).toBe('stopped')
  expect(events.at(-1)).toMatchObject({ type: 'child.exit', reason: { type: 'killed' } })
  await app.stop()
})

test('a shutdown time that is given holds for any logic', async () => {
  const { app, clock, state } = bench({ children: [{ id: 'a', logic: idle, shutdown: 100 }] })
  await app.start()
  const terminated = app.terminateChild('a')
  await clock.advance(99)
  expect(state('a')).toBe('stopping')
  await clock.advance(1)
  await terminated
  await app.stop()
})

test('default mode: brutal_kill sends no shutdown', async () => {
  const { app, events } = bench({ children: [child('a', { shutdown: 'brutal_kill' })] })
  await app.start()
  await app.stop()
  expect(events.at(-2)).toMatchObject({ type: 'child.exit', reason: { type: 'killed' } })
})

test('default mode: infinity waits without limit', async () => {
  const { app, clock, state } = bench({ children: [child('a', { logic: stubborn, shutdown: 'infinity' })] })
  await app.start()
  const terminated = refusal(app.terminateChild('a'))
  await clock.advance(24 * 3_600_000)
  expect(state('a')).toBe('stopping')
  expect(clock.pending).toBe(0)
  app.ref.stop()
  expect(await terminated).toBe('STOPPED')
  expect(state('a')).toBe('stopped')
})

test('default mode: a child that ends in another way while being stopped is stopped all the same', async () => {
  const { app, ref, take, events, clock } = bench({
    children: [child('a'), child('b', { logic: stubborn }), child('c')],
  })
  await app.start()
  take()
  const stopped = app.stop()
  ref('a').send({ type: 'throw', error: new Error('boom') })
  await clock.advance(5_000)
  await stopped
  expect(take()).toEqual(['child.exit c', 'child.exit a', 'child.exit b', 'supervisor.exit'])
  expect(events.at(-1)).toMatchObject({ reason: { type: 'shutdown' } })
})

test('default mode: stop() does not wait for a start that hangs', async () => {
  const { app, clock, take } = bench({ children: [child('a'), slow('b'), child('c')] })
  const started = app.start()
  started.catch(() => undefined)
  await clock.advance(100)
  await app.stop()
  expect(await refusal(started)).toBe('STOPPED')
  expect(take('child.start', 'child.exit')).toEqual(['child.start a', 'child.start b', 'child.exit b', 'child.exit a'])
  expect(clock.pending).toBe(0)
})

test('corner 7: logic that arrives after stop() starts nothing, and a late rejection harms no actor', async () => {
  const arrivals: ((logic: typeof idle) => void)[] = []
  const late = child('late', { logic: () => new Promise<typeof idle>((resolve) => arrivals.push(resolve)) })
  const failing = child('failing', {
    awaitReady: false,
    logic: () =>
      new Promise<typeof idle>((_, reject) =>
        arrivals.push(() => {
          reject(new Error('late'))
        }),
      ),
  })
  const { app, clock, take } = bench({ children: [failing, late] })
  const started = app.start()
  started.catch(() => undefined)
  await clock.advance(0)
  for (const arrive of arrivals) arrive(idle)
  await app.stop()
  await clock.advance(60_000)
  expect(take('child.start')).toEqual([])
})

test('corner 7: logic that arrives after its start timeout is dropped', async () => {
  let arrive: (logic: typeof idle) => void = () => undefined
  const logic = (): Promise<typeof idle> =>
    new Promise((resolve) => {
      arrive = resolve
    })
  const { app, clock, take } = bench({ children: [child('a', { logic, startTimeout: 1_000 })] })
  const started = app.start()
  started.catch(() => undefined)
  await clock.advance(1_000)
  expect(await refusal(started)).toBe('START_FAILED')
  arrive(idle)
  await clock.advance(60_000)
  expect(take()).toEqual(['supervisor.exit'])
})

test('corner 5, X05: stop during a delay leaves no timer and starts nothing', async () => {
  const { app, clock, crash, take, state } = bench({
    children: [child('a')],
    backoff: { first: 5_000, jitter: 'none' },
  })
  await app.start()
  await clock.advance(10)
  await crash('a')
  await clock.advance(2_000)
  expect(state('a')).toBe('backing_off')
  take()
  await app.stop()
  expect(clock.pending).toBe(0)
  await clock.advance(60_000)
  expect(take()).toEqual(['supervisor.exit'])
})

test('default mode: operations that wait when the supervisor stops are rejected', async () => {
  const { app, clock } = bench({ children: [child('a')] })
  await app.start()
  const first = refusal(app.startChild(slow('b')))
  const second = refusal(app.terminateChild('a'))
  await clock.advance(0)
  await app.stop()
  expect(await Promise.all([first, second])).toEqual(['STOPPED', 'STOPPED'])
  expect(await refusal(app.countChildren())).toBe('STOPPED')
})

test('stop() twice, and a hard stop of the actor itself, leave nothing', async () => {
  const { app, clock } = bench({ children: [child('a'), child('b', { logic: stubborn })] })
  await app.start()
  const stopping = [app.stop(), app.stop()]
  app.ref.stop()
  await Promise.all(stopping)
  expect(clock.pending).toBe(0)
  expect(app.children.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
})

test('a hard stop of the actor kills the children newest first', async () => {
  const { app, take, events } = bench({ children: [child('a'), child('b')] })
  await app.start()
  take()
  app.ref.stop()
  expect(take()).toEqual(['child.exit b', 'child.exit a', 'supervisor.exit'])
  expect(events.at(-1)).toMatchObject({ reason: { type: 'killed' } })
  await app.stop()
})

test.each([
  ['is not asked if it only takes whatever comes', { '*': { actions: () => undefined } }, 0],
  ['is asked if it names the request', { 'supervisor.shutdown': { actions: () => undefined } }, 5_000],
  ['is asked if it names what supervisors say', { 'supervisor.*': { actions: () => undefined } }, 5_000],
] as const)('a machine %s', async (_, on, ms) => {
  const it = bench({ children: [{ id: 'a', logic: createMachine({ on }) }] })
  await it.app.start()
  const stopped = it.app.stop()
  await it.clock.advance(10_000)
  await stopped
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit' })
  expect(it.events.at(-2)).toMatchObject({ type: 'child.exit', reason: { type: ms === 0 ? 'shutdown' : 'killed' } })
})

test('a child that is stopped before it is ready has its shutdown time, not the rest of its startTimeout', async () => {
  const never = { logic: stubborn, ready: () => false, awaitReady: false, startTimeout: 1_000 }
  const it = bench({ children: [child('a', { ...never, shutdown: 'infinity' })] })
  await it.app.start()
  const ref = it.ref('a')
  const terminated = it.app.terminateChild('a')
  await it.clock.advance(10_000)
  expect([it.state('a'), it.clock.pending]).toEqual(['stopping', 0])
  exit(ref, { type: 'killed' })
  await terminated
  await it.app.stop()
})

test('E5: stop() takes a reason and a time limit: of the handle, of administrate(), of a nested supervisor', async () => {
  const reason = { type: 'error', error: new Error('no longer needed') } as const
  const nested = supervisor({ id: 'nested', children: [child('x', { logic: stubborn, shutdown: 200 })] })
  const children = [child('a'), { id: 'nested', logic: nested, restart: 'temporary' }] as const
  const stops = [
    ['app', (it: Bench) => it.app],
    ['app', (it: Bench) => administrate(it.app.ref)],
    ['nested', (it: Bench) => administrate(it.ref('nested'))],
  ] as const
  for (const [stopped, target] of stops) {
    const it = bench({ children })
    await it.app.start()
    const ref = stopped === 'app' ? it.app.ref : it.ref('nested')
    const late = expect(target(it).stop({ reason, timeout: 150 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      details: { supervisor: stopped, timeout: 150 },
    })
    await it.clock.advance(150)
    await late
    expect(exitReasonOf(ref)).toBeUndefined()
    const inTime = target(it).stop({ reason, timeout: 60 })
    await it.clock.advance(50)
    await inTime
    expect(exitReasonOf(ref)).toEqual(reason)
    await it.app.stop()
    expect(it.clock.pending).toBe(0)
  }
})

test.each([
  [null, 'it must be an object, not null'],
  [{ reason: 'shutdown' }, "reason must be an exit reason, as { type: 'shutdown' }, not 'shutdown'"],
  [{ timeout: -1 }, "timeout must be ms, 0 or more, or 'infinity', not -1"],
  [{ timeout: NaN }, "timeout must be ms, 0 or more, or 'infinity', not NaN"],
])('E5: stop(%j) is refused, and nothing is stopped', async (options, mistake) => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  await expect(it.app.stop(options as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { mistakes: [mistake] },
  })
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})
