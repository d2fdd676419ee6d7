// Whatever happens to a pool, in whatever order: the rules that hold after every single event, see `world.ts`.
import { expect, test } from '@jest/globals'
import { TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import fc from 'fast-check'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import type { Priority } from '../../src/core/lanes.ts'
import { inFlightIn, queuedIn, type Settings } from '../../src/core/state.ts'
import { missingModule } from './support.ts'
import { SessionLedger } from './session-ledger.ts'
import { StreamLedger } from './stream-ledger.ts'
import { World } from './world.ts'
import '../../../../test/support/no-stacks.mjs'

type Step = (world: World) => void

const aReason = fc.constantFrom<ExitReason>(
  { type: 'shutdown' },
  { type: 'killed' },
  { type: 'error', error: new Error('boom') },
  { type: 'error', error: missingModule() },
  { type: 'error', error: new TerrariumError('WORKER_CRASHED', 'died') },
)

const step = <T>(weight: number, arbitrary: fc.Arbitrary<T>, act: (world: World, drawn: T) => void) => ({
  weight,
  arbitrary: arbitrary.map((drawn): Step => (world) => {
    act(world, drawn)
  }),
})

const aStep: fc.Arbitrary<Step> = fc.oneof(
  step(
    16,
    fc.record({
      tool: fc.constantFrom('sync', 'sync', 'sync', 'other', 'async'),
      timeout: fc.option(fc.integer({ min: 1, max: 501 }), { nil: undefined }),
      idempotent: fc.boolean(),
      size: fc.constantFrom(0, 0, 0, 3_000, 16_384, 16_385),
      priority: fc.constantFrom<Priority>('normal', 'normal', 'high', 'low'),
    }),
    (world, asked) => {
      world.offer(asked)
    },
  ),
  step(
    24,
    fc.tuple(fc.nat(40), fc.constantFrom('value', 'value', 'value', 'error', 'given back', 'out of time'), fc.nat(15)),
    (world, [n, what, manner]) => {
      world.answer(n, what, manner === 0 ? 'stale' : manner === 1 ? 'out of order' : 'in order')
    },
  ),
  step(
    8,
    fc.tuple(
      fc.nat(9),
      fc.constantFrom('start', 'start', 'ready', 'ready', 'ready', 'lost', 'exit', 'park', 'kill'),
      aReason,
      fc.nat(9),
    ),
    (world, [n, what, reason, some]) => {
      world.happen(n, what, reason, some)
    },
  ),
  step(3, fc.nat(9), (world, some) => {
    world.startAll(some)
  }),
  step(
    4,
    fc.tuple(fc.nat(40), fc.constantFrom('call.expired', 'call.aborted', 'call.unwatchable')),
    (world, [n, what]) => {
      world.cut(n, what)
    },
  ),
  step(1, fc.nat(300), (world, ms) => {
    world.now += ms
  }),
  step(8, fc.double({ min: 0, max: 0.3, noNaN: true }), (world, ms) => {
    world.now += ms
  }),
  step(3, fc.nat(9), (world, n) => {
    world.fire(n === 0)
  }),
  step(1, fc.nat(9), (world) => {
    world.tell({ type: 'pool.environment' })
  }),
  step(
    2,
    fc.constantFrom('pool.pause', 'pool.resume', 'pool.resume', 'pool.drain', 'pool.reload', 'pool.reload'),
    (world, type) => {
      world.tell({ type })
    },
  ),
  step(6, fc.nat(9), (world) => {
    world.obey()
  }),
)

const aStreamStep: fc.Arbitrary<Step> = fc.oneof(
  step(
    6,
    fc.record({
      tool: fc.constantFrom('stream', 'async'),
      timeout: fc.option(fc.integer({ min: 1, max: 501 }), { nil: undefined }),
      idempotent: fc.constant(false),
      size: fc.constant(0),
      priority: fc.constantFrom<Priority>('normal', 'low'),
      stream: fc.constantFrom(0, 0, 20, 200),
    }),
    (world, asked) => {
      world.offer(asked)
    },
  ),
  step(
    3,
    fc.record({
      tool: fc.constantFrom('sync', 'sync', 'stream', 'async'),
      timeout: fc.option(fc.integer({ min: 1, max: 501 }), { nil: undefined }),
      idempotent: fc.constant(false),
      size: fc.constant(0),
      priority: fc.constantFrom<Priority>('normal', 'low'),
      stream: fc.constant(undefined),
      feeds: fc.constant(true),
    }),
    (world, asked) => {
      world.offer(asked)
    },
  ),
  step(12, fc.tuple(fc.nat(40), fc.constantFrom(17, 1_000, 60_000, 200_000, 1_000_000)), (world, [n, bytes]) => {
    world.item(n, bytes)
  }),
  step(8, fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 20 })), (world, [n, count]) => {
    world.streams.take(n, count)
  }),
  step(1, fc.nat(40), (world, n) => {
    world.streams.leave(n)
  }),
)

const aSessionStep: fc.Arbitrary<Step> = fc.oneof(
  step(
    20,
    fc.record({
      tool: fc.constantFrom('sync', 'sync', 'other', 'async'),
      timeout: fc.option(fc.integer({ min: 1, max: 501 }), { nil: undefined }),
      idempotent: fc.boolean(),
      size: fc.constant(0),
      priority: fc.constantFrom<Priority>('normal', 'normal', 'high', 'low'),
      handle: fc.nat(11),
    }),
    (world, asked) => {
      world.offer(asked)
    },
  ),
  step(2, fc.tuple(fc.nat(11), fc.constantFrom('session.close', 'session.restart')), (world, [n, type]) => {
    world.end(n, type)
  }),
)

const aSettings: fc.Arbitrary<Settings> = fc.record({
  pool: fc.constant('p'),
  size: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.nat(12),
  hasHandle: fc.boolean(),
  maxDeaths: fc.integer({ min: 1, max: 3 }),
  cancelGrace: fc.nat(300),
  drainTimeout: fc.nat(1_000),
  sessionLimit: fc.integer({ min: 1, max: 6 }),
})

const aStory = fc.array(aStep, { minLength: 20, maxLength: 200, size: 'max' })

const aStreamStory = fc.array(fc.oneof({ weight: 3, arbitrary: aStep }, { weight: 2, arbitrary: aStreamStep }), {
  minLength: 20,
  maxLength: 200,
  size: 'max',
})

const aSessionStory = fc.array(fc.oneof({ weight: 2, arbitrary: aStep }, { weight: 1, arbitrary: aSessionStep }), {
  minLength: 20,
  maxLength: 200,
  size: 'max',
})

const anEnd = fc.constantFrom<readonly PoolCoreEvent[]>(
  [{ type: 'pool.stop' }],
  [{ type: 'pool.over', reason: { type: 'error', error: new Error('too many') } }],
  [{ type: 'pool.stop' }, { type: 'pool.stop' }],
  [{ type: 'pool.failed', error: new TerrariumError('CONFIGURATION', 'no interpreter') }],
)

function live(settings: Settings, story: readonly Step[]): World {
  const world = new World(settings)
  world.tell({ type: 'pool.start' })
  world.tell({ type: 'pool.opened' })
  for (const step of story) step(world)
  return world
}

/** Runs of a property. The first one has four times as many: with stories of 110 steps more than 100,000 events. */
const RUNS = 500

test('whatever happens: at most `concurrency` calls a worker, none for a doomed one, each settled once, in order', () => {
  fc.assert(
    fc.property(aSettings, aStory, (settings, story) => void live(settings, story)),
    { numRuns: 4 * RUNS },
  )
  expect(World.events).toBeGreaterThan(100_000)
  expect(World.sentAhead).toBeGreaterThan(500)
  expect(World.reloads).toBeGreaterThan(100)
  expect(World.drains).toBeGreaterThan(100)
})

test('whatever happens to streams: credit is never overdrawn nor lost, none is run again, each is let go of once', () => {
  const before = World.events
  fc.assert(
    fc.property(aSettings, aStreamStory, (settings, story) => void live(settings, story)),
    { numRuns: 4 * RUNS },
  )
  expect(World.events - before).toBeGreaterThan(100_000)
  const { items, credits, left, idle } = StreamLedger.counts
  expect([items > 5_000, credits > 1_000, left > 500, idle > 200]).toEqual([true, true, true, true])
})

test('whatever happens to sessions: a strict one never moves, each call finds its own, none is left, all take turns', () => {
  const before = World.events
  fc.assert(
    fc.property(aSettings, aSessionStory, (settings, story) => void live(settings, story)),
    { numRuns: 4 * RUNS },
  )
  expect(World.events - before).toBeGreaterThan(100_000)
  const { opened, lost, expired, closed, sent } = SessionLedger.counts
  expect([opened > 1_000, lost > 100, expired > 100, closed > 100, sent > 5_000]).toEqual([
    true,
    true,
    true,
    true,
    true,
  ])
})

test('whatever has happened: after stop every call is settled, in whatever order the last workers go', () => {
  fc.assert(
    fc.property(
      aSettings,
      fc.oneof(aStory, aStreamStory, aSessionStory),
      anEnd,
      aSessionStory,
      (settings, story, end, afterwards) => {
        const world = live(settings, story)
        for (const event of end) world.tell(event)
        for (const step of afterwards) step(world)
        const { isClosing, status } = world.state
        if (!isClosing && status !== 'stopping') return // it had started before it could fail
        for (let fires = 0; !world.state.isClosing && fires < 1_000; fires += 1) world.fire(false) // it drains
        world.tell({ type: 'pool.closed', left: [] })
        expect(['stopped', 'idle']).toContain(world.state.status)
        expect([queuedIn(world.state), inFlightIn(world.state), world.ended, world.answers]).toEqual([0, 0, 1, 1])
      },
    ),
    { numRuns: RUNS },
  )
})

test('whatever has happened: a hard stop settles every call at once, and later events have no effect', () => {
  fc.assert(
    fc.property(
      aSettings,
      fc.oneof(aStory, aStreamStory, aSessionStory),
      aSessionStory,
      (settings, story, afterwards) => {
        const world = live(settings, story)
        world.tell({ type: 'pool.halt' })
        expect([queuedIn(world.state), inFlightIn(world.state), world.timers.size]).toEqual([0, 0, 0])
        expect([world.settled.size, world.answers]).toEqual([world.accepted.size, 1])
        world.ended = 1
        for (const step of afterwards) step(world)
        expect(world.settled.size).toBe(world.accepted.size)
      },
    ),
    { numRuns: RUNS },
  )
})

test('the same events always lead to the same state', () => {
  fc.assert(
    fc.property(aSettings, aStory, (settings, story) => {
      const view = ({ state, now }: World): unknown => [now, state.counts, state.status, queuedIn(state)]
      expect(view(live(settings, story))).toEqual(view(live(settings, story)))
    }),
    { numRuns: 100 },
  )
})
