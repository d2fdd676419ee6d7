import { expect, test } from '@jest/globals'
import { bench, child, refusal, slow, type Bench } from './support.ts'

const configuration = (message = 'no module named x'): Error =>
  Object.assign(new Error(message), { code: 'CONFIGURATION' })

const starts = (it: Bench): number => it.events.filter(({ type }) => type === 'child.start').length

/** A started supervisor with a child `a` whose start is not awaited, and a sibling `b`. */
async function started(more: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const it = bench({ children: [slow('a', { awaitReady: false }), child('b')], ...more })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

/** Fails the child, and waits for the restart if there is one. */
async function fail(it: Bench, ...errors: readonly Error[]): Promise<void> {
  for (const error of errors) {
    await it.crash('a', error)
    const { until } = it.app.children[0] ?? {}
    if (it.state('a') === 'backing_off' && until !== undefined) await it.clock.advance(until - it.clock.now())
  }
}

test('X12 the third identical failure before ready parks; no start for 30 s, then one', async () => {
  const it = await started()
  const boom = new Error('boom')
  await fail(it, boom, boom)
  expect(it.state('a')).toBe('starting')
  await fail(it, boom)
  expect(it.events.at(-1)).toMatchObject({
    type: 'child.parked',
    cause: 'identical_failures',
    failure: { error: boom },
  })
  expect(it.app.children[0]).toMatchObject({ state: 'parked', until: it.clock.now() + 30_000 })
  expect(starts(it)).toBe(3 + 1)
  await it.clock.advance(29_999)
  expect(starts(it)).toBe(3 + 1)
  await it.clock.advance(1)
  expect(it.state('a')).toBe('starting')
  await it.app.stop()
})

test('X13 failures that differ only in numbers count as equal, failures of another kind do not', async () => {
  const it = await started()
  const busy = (port: number): Error => new Error(`port ${port} busy`)
  await fail(it, busy(4001), busy(4002), new TypeError('x is not a function'))
  expect(it.state('a')).toBe('starting')
  await fail(it, busy(4003), busy(4004), busy(4005))
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('X14 ready in between clears the count', async () => {
  const it = await started()
  const boom = new Error('boom')
  await fail(it, boom, boom)
  await it.send('a', { type: 'ready' })
  await it.clock.advance(6_000)
  await fail(it, boom, boom, boom)
  expect(it.state('a')).toBe('starting')
  await it.app.stop()
})

test('X15 six failures of any kind before the child was ever ready park it', async () => {
  const it = await started()
  const [odd, even] = [new Error('odd'), new Error('even')]
  await fail(it, odd, even, odd, even, odd)
  expect(it.state('a')).toBe('starting')
  await fail(it, even)
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'unstable' })
  await it.app.stop()
})

test('the same failure six times soon after ready parks the child as unstable', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom, boom, boom, boom, boom)
  expect(it.state('a')).toBe('running')
  await it.clock.advance(4_999)
  await fail(it, boom)
  expect(it.events.at(-1)).toMatchObject({
    type: 'child.parked',
    cause: 'unstable',
    failure: { phase: 'run', attempts: 6 },
  })
  await it.app.stop()
})

test('a run of minUptime clears the count for unstable', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom, boom, boom, boom, boom)
  await it.clock.advance(5_000)
  await fail(it, boom)
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('X16 a parked child that is being probed cannot be started a second time', async () => {
  const it = await started()
  await fail(it, configuration())
  await it.app.unpark('a')
  expect(await refusal(it.app.unpark('a'))).toBe('not_parked')
  expect(await refusal(it.app.restartChild('a'))).toBe('breaker_half_open')
  expect(it.app.children[0]).toMatchObject({ incarnation: 2 })
  await it.app.stop()
})

test('X17 a probe that fails in the same way opens for twice as long, up to ten minutes', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom, boom, boom, boom, boom, boom)
  const openings: number[] = []
  for (let probe = 0; probe < 7; probe += 1) {
    const { until = 0 } = it.app.children[0] ?? {}
    openings.push(until - it.clock.now())
    await it.clock.advance(until - it.clock.now())
    expect(it.state('a')).toBe('running')
    await it.clock.advance(9_000)
    await it.crash('a', boom)
    expect(it.state('a')).toBe('parked')
  }
  expect(openings).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000])
  await it.app.stop()
})

test('X17 a probe that is stable closes the breaker: the next failure is the first', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom, boom, boom, boom, boom, boom)
  it.take()
  await it.clock.advance(30_000)
  expect(it.take()).toEqual(['child.start a', 'child.unparked a', 'child.ready a'])
  await it.clock.advance(10_000)
  await it.crash('a', boom)
  expect(it.state('a')).toBe('running')
  expect(it.app.children[0]?.failure).toMatchObject({ attempts: 1 })
  await it.crash('a', boom) // this failure is not a probe's
  expect(it.state('a')).toBe('backing_off')
  await it.app.stop()
})

test('X18 a probe that fails in another way opens for 30 s', async () => {
  const it = await started()
  const boom = new Error('boom')
  await fail(it, boom, boom, boom)
  await it.clock.advance(30_000)
  await it.crash('a', boom)
  expect((it.app.children[0]?.until ?? 0) - it.clock.now()).toBe(60_000)
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'identical_failures' })
  await it.clock.advance(60_000)
  await it.crash('a', new TypeError('other'))
  expect((it.app.children[0]?.until ?? 0) - it.clock.now()).toBe(30_000)
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'identical_failures' })
  await it.app.stop()
})

test('X18 a latched child whose probe fails in another way is no longer latched', async () => {
  const it = await started()
  await fail(it, configuration())
  await it.app.unpark('a')
  await it.crash('a', new Error('boom'))
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'unstable' })
  expect((it.app.children[0]?.until ?? 0) - it.clock.now()).toBe(30_000)
  await it.app.stop()
})

test('X19 a configuration failure before ready latches the child after one start', async () => {
  const it = await started()
  const error = configuration()
  await fail(it, error)
  expect(it.events.at(-1)).toMatchObject({
    type: 'child.parked',
    cause: 'configuration',
    failure: { error, class: 'configuration', phase: 'start', attempts: 1 },
  })
  expect(it.clock.pending).toBe(0)
  await it.clock.advance(24 * 3_600_000)
  expect(it.events.filter((event) => event.type === 'child.start' && event.id === 'a')).toHaveLength(1)
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})

test('X19 a configuration failure is found in the cause of a cause', async () => {
  const it = await started()
  await fail(it, new Error('could not start', { cause: configuration() }))
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('a configuration failure after ready is restarted once', async () => {
  const it = await started()
  await it.send('a', { type: 'ready' })
  await fail(it, configuration())
  expect(it.state('a')).toBe('starting')
  await fail(it, configuration())
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('unpark starts once; a repaired child heals, any other child is parked again', async () => {
  const it = await started()
  await fail(it, configuration())
  it.take()
  await it.app.unpark('a')
  await it.crash('a', configuration('no module named y'))
  expect(it.take()).toEqual(['child.start a', 'child.exit a', 'child.parked a'])
  await it.app.unpark('a')
  await it.send('a', { type: 'ready' })
  expect(it.take()).toEqual(['child.start a', 'child.unparked a', 'child.ready a'])
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('restartChild of a parked child starts a probe and waits for its result', async () => {
  const it = bench({ children: [slow('a')] })
  const start = it.app.start()
  await it.send('a', { type: 'ready' })
  await start
  await it.crash('a', configuration())
  await it.crash('a', configuration())
  expect(it.state('a')).toBe('parked')
  const restarted = it.app.restartChild('a')
  const failed = expect(restarted).rejects.toMatchObject({ code: 'START_FAILED', cause: { code: 'CONFIGURATION' } })
  await it.crash('a', configuration())
  await failed
  expect(it.state('a')).toBe('parked')
  const again = it.app.restartChild('a')
  await it.send('a', { type: 'ready' })
  expect(await again).toBe(it.ref('a'))
  await it.app.stop()
})

test('X21 parking and failing probes neither stop siblings nor use up restarts', async () => {
  const it = await started({ intensity: 2 })
  const b = it.ref('b')
  const boom = new Error('boom')
  await fail(it, boom, boom, boom)
  for (let probe = 0; probe < 100; probe += 1) {
    await it.app.unpark('a')
    await it.crash('a', boom)
  }
  expect(it.state('a')).toBe('parked')
  expect(it.ref('b')).toBe(b)
  await it.crash('b')
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})

test('the restart of a group leaves a parked child parked', async () => {
  const it = await started({ strategy: 'one_for_all', backoff: 'off' })
  await fail(it, configuration())
  expect(it.state('b')).toBe('running')
  it.take()
  await it.crash('b')
  expect(it.take()).toEqual(['child.exit b', 'child.restart b', 'child.start b', 'child.ready b'])
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('a parked child can be stopped, deleted and restarted', async () => {
  const it = await started()
  await fail(it, configuration())
  await it.app.terminateChild('a')
  expect(it.state('a')).toBe('stopped')
  expect(await refusal(it.app.unpark('a'))).toBe('not_parked')
  await it.app.deleteChild('a')
  expect(it.state('a')).toBe('absent')
  await it.app.stop()
})

test('stop() while parked leaves no timer', async () => {
  const it = await started()
  const boom = new Error('boom')
  await fail(it, boom, boom, boom)
  expect(it.clock.pending).toBe(1)
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
})

test('without a breaker a configuration failure is retried like any other', async () => {
  const it = await started({ breaker: 'off' })
  await fail(it, configuration(), configuration(), configuration(), configuration())
  expect(it.state('a')).toBe('starting')
  await it.app.stop()
})

test('`classify` decides before the built-in rules, which decide if it throws', async () => {
  const seen: unknown[] = []
  const told: unknown[] = []
  const it = await started({
    onFault: (what) => told.push(what),
    classify: (error, context) => {
      seen.push(context)
      if ((error as Error).message === 'mine') return 'configuration'
      throw new Error('faulty rules')
    },
  })
  await fail(it, new TypeError('odd'))
  expect(it.app.children[0]?.failure).toMatchObject({ class: 'bug' })
  await fail(it, new Error('mine'))
  expect(it.state('a')).toBe('parked')
  expect(seen[0]).toEqual({ id: 'a', phase: 'start', attempts: 1, uptime: 10 })
  expect(told).toEqual(['`classify` of supervisor app failed'])
  await it.app.stop()
})

test('a parked child that is unparked early drops the timer of its probe', async () => {
  const it = await started()
  const boom = new Error('boom')
  await fail(it, boom, boom, boom)
  expect(it.state('a')).toBe('parked')
  await it.clock.advance(29_000)
  await it.app.unpark('a')
  await it.clock.advance(10_000)
  expect(it.state('a')).toBe('starting')
  await it.app.stop()
})

test('a child that runs again has no `until`', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom)
  await it.crash('a', boom)
  expect(it.state('a')).toBe('backing_off')
  expect(it.app.children[0]?.until).toBeGreaterThan(it.clock.now())
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 3 })
  expect(it.app.children[0]).not.toHaveProperty('until')
  expect(it.clock.pending).toBe(0)
  await it.app.stop()
})

test('a probed child that is stopped and started again by hand is no longer on probation', async () => {
  const it = await started({ children: [child('a', { ready: () => true, awaitReady: false }), child('b')] })
  const boom = new Error('boom')
  await fail(it, boom, boom, boom, boom, boom, boom)
  await it.app.unpark('a')
  expect(it.take('child.unparked')).toEqual(['child.unparked a'])
  await it.app.terminateChild('a')
  await it.app.restartChild('a')
  expect([it.state('a'), it.take('child.unparked')]).toEqual(['running', []])
  await it.app.stop()
})

test('a probe counts as stable after 10 s, even if stableAfter is longer', async () => {
  const backoff = { jitter: 'none', stableAfter: 60_000 } as const
  const it = await started({ backoff, children: [child('a'), child('b')] })
  const attempts = (): unknown => it.app.children[0]?.failure?.attempts
  const boom = new Error('boom')
  await fail(it, boom)
  await it.clock.advance(10_000)
  await fail(it, boom)
  expect(attempts()).toBe(2)
  await fail(it, boom, boom, boom, boom, boom, boom)
  expect(it.state('a')).toBe('parked')
  await it.app.unpark('a')
  await it.clock.advance(10_000)
  await fail(it, boom)
  expect([it.state('a'), attempts()]).toEqual(['running', 1])
  await it.app.stop()
})

test('exits that are no failures delay the next start, and never park the child', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  for (let run = 0; run < 8; run += 1) {
    await it.end('a', { type: 'normal', output: undefined })
    const { until } = it.app.children[0] ?? {}
    if (until !== undefined) await it.clock.advance(until - it.clock.now())
    expect(it.state('a')).toBe('running')
  }
  expect(it.take('child.parked')).toEqual([])
  await it.app.stop()
})
