import { expect, test } from '@jest/globals'
import { createActor, createMachine, type Snapshot } from 'xstate'
import { administrate, createSupervisor, supervisor, type SupervisorOptions } from '@terrarium/supervisor'
import { exit, fromServer } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { bench, child, idle, NO_JITTER, refusal, type Bench } from './support.ts'

const MINUTE = 60_000

const boom = new Error('boom')

/** A child that fails before it is ready, `times` times. */
function failing(id: string, times: number, error: unknown = boom): ReturnType<typeof child> {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    if (starts > 1 && starts <= times + 1) throw error
    return idle
  }
  return child(id, { logic })
}

const rejection = (options: SupervisorOptions): unknown => {
  try {
    createSupervisor(options)
  } catch (error) {
    return (error as { details: { reason: unknown } }).details.reason
  }
  return undefined
}

const countOf = (it: Bench, type: string): number => it.events.filter((event) => event.type === type).length

test('X05 stop() during a delay leaves no timer and starts nothing', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  await it.crash('a')
  expect(it.state('a')).toBe('backing_off')
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
  await it.clock.advance(MINUTE)
  expect(countOf(it, 'child.start')).toBe(2)
})

test('X06 restartChild with force starts at once, and the old timer starts nothing', async () => {
  const it = bench({ strategy: 'one_for_all', children: [child('a'), child('b')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  await it.crash('a')
  expect(it.app.children.map(({ state }) => state)).toEqual(['backing_off', 'stopped'])
  expect(await refusal(it.app.restartChild('a'))).toBe('restarting')
  const ref = await it.app.restartChild('a', { force: true })
  expect(it.ref('a')).toBe(ref)
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'running'])
  const starts = countOf(it, 'child.start')
  await it.clock.advance(MINUTE)
  expect(countOf(it, 'child.start')).toBe(starts)
  await it.app.stop()
})

test('X06 a child whose start is forced waits for no time while the children before it start', async () => {
  let isSlow = false
  const slow = () => (isSlow ? new Promise<typeof idle>(() => undefined) : idle)
  const it = bench({ strategy: 'one_for_all', children: [child('a', { logic: slow }), child('b')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('b')
  await it.crash('b')
  expect(it.app.children).toMatchObject([{ state: 'stopped' }, { state: 'backing_off' }])
  isSlow = true
  void it.app.restartChild('b', { force: true }).catch(() => undefined)
  await it.clock.advance(0)
  expect(it.app.children.map(({ state, until }) => [state, until])).toEqual([
    ['starting', undefined],
    ['restarting', undefined],
  ])
  await it.app.stop()
})

test('X07 an intensity that delays make unreachable is refused, unless something else sets an end', () => {
  const options = (more: object): SupervisorOptions => ({
    id: 'app',
    intensity: 5,
    period: 5_000,
    backoff: { ...NO_JITTER, base: 1_000, maxAttempts: Infinity, maxElapsed: Infinity, ...more },
    children: [child('a')],
  })
  expect(rejection(options({}))).toBe('unreachable_intensity')
  expect(rejection(options({ maxAttempts: 10 }))).toBeUndefined()
  expect(rejection(options({ maxElapsed: MINUTE }))).toBeUndefined()
  expect(rejection(options({ base: 100 }))).toBeUndefined()
})

test('X16 of two operations that start a parked child at once only one succeeds', async () => {
  const logic = createMachine({})
  let starts = 0
  const it = bench({
    children: [
      child('a', {
        awaitReady: false,
        logic: () => {
          starts += 1
          if (starts <= 3) throw boom
          return new Promise<typeof logic>((resolve) => {
            it.clock.setTimeout(() => {
              resolve(logic)
            }, 100)
          })
        },
      }),
    ],
  })
  await it.app.start()
  await it.clock.advance(1_000)
  expect(it.state('a')).toBe('parked')
  await it.app.unpark('a')
  expect(await refusal(it.app.restartChild('a'))).toBe('breaker_half_open')
  await it.clock.advance(100)
  expect(it.state('a')).toBe('running')
  expect(starts).toBe(4)
  await it.app.stop()
})

test('X19 a latched child is started once by a new specification, and not by the same one', async () => {
  const misconfigured = Object.assign(new Error('no such path'), { code: 'CONFIGURATION' })
  let starts = 0
  const spec = child('a', {
    awaitReady: false,
    logic: () => {
      starts += 1
      throw misconfigured
    },
  })
  const it = bench({ children: [spec] })
  await it.app.start()
  await it.clock.advance(24 * 60 * MINUTE)
  expect([starts, it.state('a')]).toEqual([1, 'parked'])
  await it.app.reconfigure({ ...spec })
  expect([starts, it.state('a')]).toEqual([1, 'parked'])
  const ref = await it.app.reconfigure({ ...spec, logic: idle })
  expect(it.ref('a')).toBe(ref)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  expect(it.app.children[0]?.failure).toBeUndefined()
  expect(await refusal(it.app.reconfigure(child('unknown')))).toBe('not_found')
  expect(await refusal(it.app.reconfigure({ id: 'a' } as never))).toBe('missing_logic')
  await it.app.stop()
})

test('a running child gets its new specification with its next start', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  const before = it.ref('a')
  expect(await it.app.reconfigure(child('a', { restart: 'temporary' }))).toBe(before)
  expect(await it.app.getChildSpec('a')).toMatchObject({ restart: 'temporary' })
  await it.clock.advance(10)
  await it.crash('a')
  expect(it.state('a')).toBe('absent')
  await it.app.stop()
})

test('X20 a call of a parked child is refused in the same turn, with retryAt and fingerprint', async () => {
  const it = bench({ children: [failing('a', 3), child('b')] })
  await it.app.start()
  await it.clock.advance(10)
  exit(it.ref('a'), { type: 'error', error: boom })
  await it.clock.advance(1_000)
  const [{ failure, until } = {}] = it.app.children
  expect(it.state('a')).toBe('parked')
  const refused = it.app.call('a', { type: 'ping' }, { clock: it.clock })
  expect(it.clock.pending).toBe(1) // the probe's; nothing waits for the call
  await expect(refused).rejects.toMatchObject({
    code: 'PARKED',
    cause: boom,
    details: { child: 'a', state: 'parked', retryAt: until, fingerprint: failure?.fingerprint },
  })
  await it.app.terminateChild('b')
  await expect(it.app.call('b', { type: 'ping' })).rejects.toMatchObject({
    code: 'STOPPED',
    details: { state: 'stopped' },
  })
  await expect(it.app.call('c', { type: 'ping' })).rejects.toMatchObject({ details: { state: 'not_found' } })
  await it.app.stop()
})

test('a call by id reaches the current incarnation', async () => {
  const server = fromServer({ init: () => ({ state: 7 }), handleCall: (_request, _from, state) => ({ reply: state }) })
  const it = bench({ children: [child('a', { logic: server })] })
  await it.app.start()
  await it.clock.advance(10)
  exit(it.ref('a'), { type: 'killed' })
  expect(it.app.children[0]).toMatchObject({ incarnation: 2 })
  expect(await it.app.call<number>('a', { type: 'read' }, { clock: it.clock })).toBe(7)
  expect(it.clock.pending).toBe(0)
  await it.app.stop()
})

test('the history of failures survives a persisted snapshot', async () => {
  const clock = new VirtualClock(5_000)
  const misconfigured = Object.assign(new Error('no such path'), { code: 'CONFIGURATION' })
  const starts = { parked: 0, flaky: 0 }
  const logic = supervisor({
    id: 'app',
    backoff: NO_JITTER,
    children: [
      child('parked', {
        awaitReady: false,
        logic: () => {
          starts.parked += 1
          throw misconfigured
        },
      }),
      child('flaky', {
        awaitReady: false,
        logic: () => {
          starts.flaky += 1
          throw Object.assign(new Error('come back later'), { code: 'ECONNREFUSED' })
        },
      }),
    ],
  })
  const before = createActor(logic, { clock })
  before.subscribe({ error: () => undefined })
  before.start()
  await clock.advance(100)
  const kept = JSON.parse(JSON.stringify(before.getPersistedSnapshot())) as never
  before.stop()
  expect(starts).toEqual({ parked: 1, flaky: 2 })

  const later = new VirtualClock(1_000_000)
  const after = createActor(logic, { clock: later, snapshot: kept })
  after.subscribe({ error: () => undefined })
  after.start()
  await later.advance(0)
  const [parked, flaky] = after.getSnapshot().supervised
  expect(parked).toMatchObject({ state: 'parked', incarnation: 0, failure: { class: 'configuration', attempts: 1 } })
  expect(parked?.failure?.error).toMatchObject({ message: 'no such path', code: 'CONFIGURATION' })
  // The third failure of `flaky` in a row, in the same way: the breaker parks the child.
  expect(flaky).toMatchObject({ state: 'parked', incarnation: 1, failure: { attempts: 3 } })
  expect(starts).toEqual({ parked: 1, flaky: 3 })
  await later.advance(30_000)
  expect(starts).toEqual({ parked: 1, flaky: 4 })
  await expect(administrate(after as never).unpark('parked')).resolves.toBeUndefined()
  expect(starts.parked).toBe(2)
  after.stop()
  expect(later.pending).toBe(0)
})

test.each([
  ['error', 'error'],
  ['shutdown', 'shutdown'],
] as const)('giveUpWith %s is the reason with which the supervisor gives up', async (giveUpWith, type) => {
  const it = bench({ giveUpWith, intensity: 0, children: [child('a')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type } })
})

test.each([
  ['otp-seconds', 'stopped'],
  ['ms', 'running'],
] as const)('windowClock %s: two crashes 1.9 s apart within a period of 1 s', async (windowClock, state) => {
  const it = bench({ mode: 'otp', windowClock, intensity: 1, period: 1_000, children: [child('a')] })
  await it.app.start()
  await it.clock.advance(20)
  await it.crash('a')
  await it.clock.advance(1_900)
  await it.crash('a')
  expect(it.state('a')).toBe(state)
  await it.app.stop()
})

test.each([
  [true, 'running'],
  [false, 'stopped'],
])('reviveStopped %s: a group restart finds a child that had been stopped', async (reviveStopped, state) => {
  const it = bench({
    reviveStopped,
    strategy: 'one_for_all',
    children: [child('a'), child('b'), child('c', { restart: 'transient' })],
  })
  await it.app.start()
  await it.app.terminateChild('b')
  await it.end('c', { type: 'normal' })
  await it.clock.advance(10)
  await it.crash('a')
  expect([it.state('a'), it.state('b'), it.state('c')]).toEqual(['running', state, state])
  await it.app.stop()
})

test('with reviveStopped false children that were stopped with the group come back, also after a second try', async () => {
  const it = bench({
    mode: 'otp',
    intensity: 5,
    reviveStopped: false,
    strategy: 'one_for_all',
    children: [child('a'), failing('b', 1), child('c'), child('d')],
  })
  await it.app.start()
  await it.app.terminateChild('d')
  await it.clock.advance(10)
  await it.crash('a')
  await it.clock.advance(0)
  expect(it.app.children.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'a running',
    'b running',
    'c running',
    'd stopped',
  ])
  await it.app.stop()
})

test.each([
  ['wait', 1],
  ['preempt', 0],
] as const)('stopDuringStart %s: stop() while a start hangs', async (stopDuringStart, ended) => {
  const it = bench({ stopDuringStart, children: [child('a')] })
  await it.app.start()
  let resolve: (logic: typeof idle) => void = () => undefined
  const late = it.app.startChild(
    child('b', {
      logic: () =>
        new Promise<typeof idle>((made) => {
          resolve = made
        }),
    }),
  )
  const outcome = late.then(
    () => 'started',
    (error: unknown) => (error as { code: string }).code,
  )
  await it.clock.advance(0)
  const stopped = it.app.stop()
  await it.clock.advance(0)
  expect(it.events.some(({ type }) => type === 'supervisor.exit')).toBe(stopDuringStart === 'preempt')
  resolve(idle)
  await stopped
  expect(await outcome).toBe(stopDuringStart === 'preempt' ? 'STOPPED' : 'started')
  expect(it.events.filter((event) => event.type === 'child.exit' && event.id === 'b')).toHaveLength(ended)
  expect(it.clock.pending).toBe(0)
})

test('createSupervisor() continues from a persisted snapshot', async () => {
  let starts = 0
  const logic = (): never => {
    starts += 1
    throw Object.assign(new Error('no such path'), { code: 'CONFIGURATION' })
  }
  const children = [child('a', { logic, awaitReady: false }), child('b')]
  const before = bench({ children })
  await before.app.start()
  const snapshot = JSON.parse(JSON.stringify(before.app.ref.getPersistedSnapshot())) as Snapshot<unknown>
  await before.app.stop()
  const after = bench({ children, snapshot })
  await after.app.start()
  expect(after.app.children).toMatchObject([{ state: 'parked' }, { state: 'running' }])
  expect(starts).toBe(1)
  await after.app.stop()
  expect(() => bench({ snapshot: 'old' as never })).toThrow('snapshot must be what getPersistedSnapshot() gave')
})
