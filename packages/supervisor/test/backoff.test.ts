import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  DEFAULT_BACKOFF,
  nextDelay,
  shortestTime,
  type Backoff,
  type DelayInput,
  type Jitter,
} from '../src/policy/backoff.ts'
import { createSupervisor } from '../src/index.ts'
import { bench, child, NO_JITTER, NOON, refusal, slow, type Bench } from './support.ts'

/** Makes each start fail at once, and returns the delays before the restarts, in ms. */
async function delays(it: Bench, attempts: number): Promise<number[]> {
  const seen: number[] = []
  it.app.on('child.backoff', ({ delay }) => seen.push(delay))
  await it.app.start()
  await it.clock.advance(1)
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    await it.crash('a', new Error(attempt % 2 === 0 ? 'even' : 'odd'))
    const { until } = it.app.children[0] ?? {}
    if (it.state('a') === 'backing_off' && until !== undefined) await it.clock.advance(until - it.clock.now())
  }
  return seen
}

test('X01 a child that always fails at once is delayed longer each time, and parked after maxAttempts', async () => {
  const it = bench({ breaker: 'off', children: [child('a')] })
  expect(await delays(it, 10)).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000])
  await it.crash('a', new Error('odd'))
  expect(it.elapsed()).toBe(81_001)
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'exhausted', failure: { attempts: 11 } })
  expect(it.state('a')).toBe('parked')
  await it.app.stop()
})

test('X01 with `escalate` the supervisor gives up instead', async () => {
  const it = bench({ breaker: 'off', children: [child('a', { onExhausted: 'escalate' }), child('b')] })
  await delays(it, 10)
  it.take()
  await it.crash('a')
  expect(it.take()).toEqual(['child.exit a', 'child.exit b', 'supervisor.exit'])
  expect(it.events.at(-1)).toMatchObject({ reason: { type: 'error', error: { code: 'STOPPED' } } })
})

test.each([
  ['identical failures', 3, () => new Error('boom')],
  ['instability', 6, (attempt: number) => new Error('boom '.repeat(attempt))],
  ['configuration', 1, () => Object.assign(new Error('no key'), { code: 'CONFIGURATION' })],
])(
  'with `escalate` the supervisor also gives up instead of parking a child for %s',
  async (exceeded, failures, error) => {
    const it = bench({ children: [slow('a', { onExhausted: 'escalate', awaitReady: false }), child('b')] })
    await it.app.start()
    for (let attempt = 1; attempt <= failures; attempt += 1) {
      expect(it.app.ref.getSnapshot().status).toBe('active')
      await it.crash('a', error(attempt))
      await it.clock.advance((it.app.children[0]?.until ?? it.clock.now()) - it.clock.now())
    }
    expect(it.take('child.parked', 'supervisor.exit')).toEqual(['supervisor.exit'])
    expect(it.events.at(-1)).toMatchObject({
      reason: { error: { code: 'STOPPED', details: { child: 'a', exceeded } } },
    })
  },
)

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

test.each([
  ['equal', 1_600, 3_200],
  ['full', 0, 3_200],
  ['decorrelated', 200, 4_800],
  ['none', 3_200, 3_200],
] as const)('X02 jitter %s stays within %d and %d ms, and follows its seed', (jitter: Jitter, least, most) => {
  const draw = (seed: number): number[] => {
    const random = seeded(seed)
    return Array.from({ length: 10_000 }, () =>
      nextDelay({ ...DEFAULT_BACKOFF, jitter }, { attempt: 6, previous: 1_600, random: random(), scale: 1 }),
    )
  }
  const list = draw(7)
  expect(Math.min(...list)).toBeGreaterThanOrEqual(least)
  expect(Math.max(...list)).toBeLessThanOrEqual(most)
  if (jitter !== 'none') expect(Math.max(...list) - Math.min(...list)).toBeGreaterThan((most - least) * 0.9)
  expect(draw(7)).toEqual(list)
})

test('X02 no delay ever exceeds `max`', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Jitter>('equal', 'full', 'decorrelated', 'none'),
      fc.integer({ min: 2, max: 2_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      fc.nat(30_000),
      fc.constantFrom(1, 5),
      (jitter, attempt, random, previous, scale) => {
        const delay = nextDelay({ ...DEFAULT_BACKOFF, jitter }, { attempt, random, previous, scale })
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(DEFAULT_BACKOFF.max)
      },
    ),
  )
})

test('the supervisor draws its jitter from `random`', async () => {
  const it = bench({ backoff: {}, random: () => 0.25, children: [child('a')] })
  expect(await delays(it, 3)).toEqual([125, 250])
  await it.app.stop()
})

test.each([
  [10_000, 'is forgotten', 'running'],
  [9_999, 'counts on', 'backing_off'],
])('X03 after a run of %d ms what went before %s', async (uptime, _, state) => {
  const it = bench({ breaker: 'off', children: [child('a')] })
  await delays(it, 5)
  await it.clock.advance(uptime)
  await it.crash('a')
  expect(it.state('a')).toBe(state)
  const { attempts } = it.app.children[0]?.failure ?? {}
  expect(attempts).toBe(state === 'running' ? 1 : 6)
  await it.app.stop()
})

test('X04 time before ready does not count as a stable run', async () => {
  const it = bench({ breaker: 'off', children: [slow('a', { awaitReady: false })] })
  await it.app.start()
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await it.clock.advance(20_000)
    await it.crash('a')
    expect(it.app.children[0]?.failure).toMatchObject({ attempts: attempt })
    await it.clock.advance(attempt === 1 ? 0 : 200 * 2 ** (attempt - 2))
  }
  await it.app.stop()
})

async function waiting(): Promise<Bench> {
  const it = bench({ backoff: { first: 1_000, ...NO_JITTER }, children: [child('a')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  await it.clock.advance(500)
  expect(it.app.children[0]).toMatchObject({ state: 'backing_off', until: NOON + 1_010 })
  it.take()
  return it
}

test('X05 during a delay: terminateChild cancels, deleteChild is refused', async () => {
  const it = await waiting()
  expect(await refusal(it.app.deleteChild('a'))).toBe('restarting')
  await it.app.terminateChild('a')
  expect(it.app.children[0]).not.toHaveProperty('until')
  expect(it.clock.pending).toBe(0)
  await it.clock.advance(60_000)
  expect(it.take()).toEqual([])
  expect(it.state('a')).toBe('stopped')
  await it.app.stop()
})

test('X06 during a delay restartChild is refused', async () => {
  const it = await waiting()
  expect(await refusal(it.app.restartChild('a'))).toBe('restarting')
  await it.clock.advance(500)
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('corner 6: a delay that was cancelled never starts anything', async () => {
  const it = await waiting()
  await it.app.terminateChild('a')
  await it.app.restartChild('a')
  await it.clock.advance(60_000)
  expect(it.take()).toEqual(['child.start a', 'child.ready a'])
  expect(it.app.children[0]).toMatchObject({ incarnation: 2 })
  await it.app.stop()
})

test('corner 5: a second failure after the delay is handled as the first', async () => {
  const it = await waiting()
  await it.clock.advance(500)
  await it.crash('a')
  expect(it.state('a')).toBe('backing_off')
  await it.clock.advance(200)
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('X11 the clean end of a transient child forgets its failures', async () => {
  const it = bench({ breaker: 'off', children: [child('a', { restart: 'transient' })] })
  await delays(it, 4)
  await it.end('a', { type: 'normal' })
  expect(it.app.children[0]).toMatchObject({ state: 'stopped' })
  expect(it.app.children[0]?.failure).toBeUndefined()
  await it.app.restartChild('a')
  await it.clock.advance(10)
  await it.crash('a')
  expect(it.app.children[0]?.failure).toMatchObject({ attempts: 1 })
  await it.app.stop()
})

test('X24 a child that crashes every 11 s is always restarted at once and never exhausted', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  for (let crashes = 0; crashes < 100; crashes += 1) {
    await it.clock.advance(11_000)
    await it.crash('a')
    expect(it.state('a')).toBe('running')
  }
  expect(it.take('child.backoff', 'child.parked')).toEqual([])
  await it.app.stop()
})

test('an overloaded child gets five times the delay', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  const overload = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  await it.clock.advance(10)
  await it.crash('a', overload)
  await it.crash('a', overload)
  expect(it.events.at(-1)).toMatchObject({ type: 'child.backoff', delay: 1_000, failure: { class: 'overload' } })
  await it.app.stop()
})

test('a child’s backoff overrides the supervisor’s, field by field', async () => {
  const it = bench({ backoff: { first: 100, ...NO_JITTER }, children: [child('a', { backoff: { base: 50 } })] })
  expect(await delays(it, 3)).toEqual([100, 50, 100])
  await it.app.stop()
})

const INPUT: DelayInput = { attempt: 1, previous: 0, random: 0.5, scale: 1 }

/** The delay that the core uses when `delay` returns this value. */
const answeredWith = (answer: () => unknown): number =>
  nextDelay({ ...DEFAULT_BACKOFF, max: 1_000, delay: answer as () => number }, INPUT)

test('`first` is cut to `max` too', () => {
  expect(nextDelay({ ...DEFAULT_BACKOFF, first: 60_000 }, INPUT)).toBe(30_000)
  expect(nextDelay({ ...DEFAULT_BACKOFF, first: 10, max: 7.5 }, INPUT)).toBe(7)
})

test.each([
  [0, 0],
  [0.4, 0],
  [12.5, 13],
  [999.6, 1_000],
  [1_001, 1_000],
  [Infinity, 1_000],
  [-1, 1_000],
  [NaN, 1_000],
  ['5', 1_000],
  [5n, 1_000],
  [undefined, 1_000],
  [null, 1_000],
])('a `delay` of %p counts as %d', (answer, delay) => {
  expect(answeredWith(() => answer)).toBe(delay)
})

test('a `delay` that throws counts as `max`', () => {
  expect(
    answeredWith(() => {
      throw new Error('no schedule')
    }),
  ).toBe(1_000)
})

test('`delay` replaces the schedule; maxAttempts still applies', async () => {
  const inputs: DelayInput[] = []
  const delay = (input: DelayInput): number => {
    inputs.push(input)
    return input.attempt * 100 + input.previous
  }
  const backoff = { first: 7, base: 7, delay, max: 1_500, maxAttempts: 5 }
  const it = bench({ backoff, breaker: 'off', random: () => 0.25, children: [child('a')] })
  expect(await delays(it, 6)).toEqual([100, 300, 600, 1_000, 1_500])
  expect(inputs.at(1)).toEqual({ attempt: 2, previous: 100, random: 0.25, scale: 1 })
  expect(it.events.at(-1)).toMatchObject({ type: 'child.parked', cause: 'exhausted', failure: { attempts: 6 } })
  await it.app.stop()
})

test('with `delay` a stable run resets the attempts', async () => {
  const it = bench({ backoff: { delay: ({ attempt }) => attempt * 100, stableAfter: 50 }, children: [child('a')] })
  expect(await delays(it, 2)).toEqual([100, 200])
  await it.clock.advance(50)
  await it.crash('a')
  expect(it.events.at(-1)).toMatchObject({ type: 'child.backoff', delay: 100, attempt: 1 })
  await it.app.stop()
})

test('a `delay` that throws parks no child, ends no supervisor, and is reported once', async () => {
  const error = new Error('no schedule')
  const delay = (): number => {
    throw error
  }
  const told: unknown[] = []
  const onFault = (...fault: unknown[]): void => void told.push(fault)
  const it = bench({ onFault, backoff: { delay, max: 1_000 }, children: [child('a')] })
  expect(await delays(it, 2)).toEqual([1_000, 1_000])
  expect(told).toEqual([['`backoff.delay` of supervisor app failed', error]])
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('the shortest time of a `delay` is that of its lowest draws', () => {
  const shortest = (delay: Backoff['delay']): number => shortestTime({ ...DEFAULT_BACKOFF, delay } as Backoff, 3)
  expect(shortest(({ attempt, random }) => attempt * 100 * (1 + random))).toBe(600)
  expect(shortest(({ random }) => 100 * (1 - random))).toBe(0)
  expect(shortest(() => NaN)).toBe(90_000)
})

test('X07 a `delay` too long for the intensity is refused, unless something else sets an end', () => {
  const made = (ms: number): unknown =>
    createSupervisor({
      id: 'app',
      intensity: 5,
      period: 5_000,
      backoff: { delay: () => ms, maxAttempts: Infinity, maxElapsed: Infinity },
      children: [child('a')],
    })
  expect(() => made(2_000)).toThrow('5 restarts take at least 10000 ms')
  expect(() => made(100)).not.toThrow()
})
