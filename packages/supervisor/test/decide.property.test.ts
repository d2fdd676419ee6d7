import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { IDLE } from '../src/core/task.ts'
import { child } from './support.ts'
import { aStory, aWorld, IDS, World, type Step } from './world.ts'
import '../../../test/support/no-stacks.mjs'

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
