import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Operation } from '../src/core/operation.ts'
import { IDLE } from '../src/core/task.ts'
import type { ExitReason } from '../src/base/exit-reason.ts'
import { child } from './support.ts'
import { IDS, World } from './decide-world.ts'

const anId = fc.constantFrom(...IDS)
const aReason = fc.constantFrom<ExitReason>(
  { type: 'normal' },
  { type: 'shutdown' },
  { type: 'killed' },
  { type: 'error', error: new Error('boom') },
  { type: 'error', error: new Error('bang') },
  { type: 'error', error: Object.assign(new Error('no module'), { code: 'CONFIGURATION' }) },
)
const aFraction = fc.double({ min: 0, max: 0.999, noNaN: true })

const aSpec = fc.record({
  restart: fc.constantFrom('permanent', 'transient', 'temporary'),
  shutdown: fc.constantFrom(100, 'infinity', 'brutal_kill'),
  awaitReady: fc.boolean(),
  onExhausted: fc.constantFrom('park', 'escalate'),
  significant: fc.boolean(),
})

type Step = (world: World) => void

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(9), aFraction).map(([n, random]): Step => (world) => {
      world.happen(n, 'spawn', { type: 'killed' }, random)
    }),
  },
  {
    weight: 8,
    arbitrary: fc.nat(9).map((n): Step => (world) => {
      world.happen(n, 'ready', { type: 'killed' }, 0)
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(9).map((n): Step => (world) => {
      world.happen(n, 'ignore', { type: 'killed' }, 0)
    }),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(40), aReason, aFraction).map(([n, reason, random]): Step => (world) => {
      world.happen(n, 'exit', reason, random)
    }),
  },
  {
    weight: 4,
    arbitrary: fc.nat(20_000).map((ms): Step => (world) => {
      world.now += ms
    }),
  },
  {
    weight: 6,
    arbitrary: aFraction.map((random): Step => (world) => {
      world.fire(random, false)
    }),
  },
  {
    weight: 1,
    arbitrary: aFraction.map((random): Step => (world) => {
      world.fire(random, true)
    }),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('terminateChild', 'restartChild', 'deleteChild', 'unpark', 'getChildSpec'),
        fc.nat(40),
        fc.boolean(),
      )
      .map(([type, n, flag]): Step => (world) => {
        world.ask({ type, child: world.address(n), isOver: () => !flag, force: flag })
      }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anId, aSpec).map(([id, spec]): Step => (world) => {
      world.startOne(child(id, { ...(spec as object), significant: false }))
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<Operation>({ type: 'whichChildren' }, { type: 'countChildren' })
      .map((call): Step => (world) => {
        world.ask(call)
      }),
  },
)

const aWorld = fc
  .record({
    mode: fc.constantFrom('default', 'otp'),
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one', 'dynamic'),
    intensity: fc.nat(6),
    autoShutdown: fc.constantFrom('never', 'any_significant', 'all_significant'),
    reviveStopped: fc.boolean(),
    stopDuringStart: fc.constantFrom('wait', 'preempt'),
    specs: fc.array(aSpec, { minLength: 1, maxLength: 4 }),
  })
  .map(
    ({ specs, ...options }) =>
      () =>
        new World({
          id: 'app',
          ...options,
          children: specs.map((spec, index) => child(IDS[index] ?? 'z', spec as never)),
        }),
  )

const aStory = fc.array(aStep, { maxLength: 120 })

/** Nothing is alive, nothing is waited for, every start has its exit and every question its answer. */
function expectNothingLeft(world: World): void {
  expect(world.state.phase).toBe('stopped')
  expect(world.incarnations.filter(({ state }) => state === 'spawned')).toEqual([])
  expect([...world.exits.keys()]).toHaveLength(world.starts.size)
  expect(world.timers.size).toBe(0)
  expect(world.state.task).toBe(IDLE)
  expect(world.answered).toBe(world.asked)
  for (const { state, ref, timer } of world.state.children.values()) {
    // Who is parked is so in the supervisor's next life.
    expect(['stopped', 'parked']).toContain(state)
    expect({ ref, timer }).toEqual({ ref: undefined, timer: undefined })
  }
}

function isOver({ over }: World): boolean {
  return over
}

function live(make: () => World, story: readonly Step[]): World {
  const world = make()
  world.tell({ type: 'supervisor.boot' })
  for (const step of story) {
    if (world.over) break
    step(world)
  }
  return world
}

const RUNS = { numRuns: 1_000 }

test('whatever happens: one live incarnation per id, one exit per start, no timer unaccounted for, nothing thrown', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => void live(make, story)),
    RUNS,
  )
})

test('whatever has happened: after stop nothing remains, whenever the last actors come and go', () => {
  fc.assert(
    fc.property(aWorld, aStory, aStory, (make, story, afterwards) => {
      const world = live(make, story)
      if (!world.over) world.tell({ type: 'supervisor.shutdown' })
      for (const step of afterwards) if (!world.over) step(world)
      world.settle()
      for (let fires = 0; fires < IDS.length && !isOver(world); fires += 1) world.fire(0, false)
      expect(world.over).toBe(true)
      expectNothingLeft(world)
    }),
    RUNS,
  )
})

test('whatever has happened: a hard stop leaves nothing at once', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => {
      const world = live(make, story)
      if (world.over) return
      world.tell({ type: 'supervisor.halt' })
      expectNothingLeft(world)
    }),
    RUNS,
  )
})

test('children are stopped in reverse start order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (count) => {
      const ids = Array.from({ length: count }, (_, index) => `c${index}`)
      const world = new World({ id: 'app', children: ids.map((id) => child(id)) })
      world.tell({ type: 'supervisor.boot' })
      for (let each = 0; each < count; each += 1) {
        world.happen(0, 'spawn', { type: 'killed' }, 0)
        world.happen(each, 'ready', { type: 'killed' }, 0)
      }
      world.tell({ type: 'supervisor.shutdown' })
      world.settle()
      const order = [...world.exits.keys()].map(({ id }) => id)
      expect(order).toEqual(ids.toReversed())
    }),
  )
})

test('the same story always leads to the same end', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => {
      const view = ({ state, now }: World): unknown => [now, [...state.children.values()].map((each) => each.info())]
      expect(view(live(make, story))).toEqual(view(live(make, story)))
    }),
    { numRuns: 200 },
  )
})
