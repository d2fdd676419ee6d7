// Sending ahead under load, with workers that take time and die: its rules hold at every moment, see `busy-pool.ts`.
import { expect, test } from '@jest/globals'
import { Random } from '../../../../test/support/random.ts'
import { BusyPool, type Load, type Tally } from './busy-pool.ts'
import '../../../../test/support/no-stacks.mjs'

/** How long calls take, in ms. */
const TOOLS: Load['tools'] = {
  quick: () => 0.02,
  brief: (random) => random.next(),
  middling: (random) => random.next() * 4,
  long: () => 25,
  varying: (random) => (random.chance(0.05) ? 40 : 0.1),
  async: (random) => random.next() * 20,
}

const pick = (...names: readonly string[]): Load['tools'] =>
  Object.fromEntries(Object.entries(TOOLS).filter(([name]) => names.includes(name)))

const CALM: Load = { size: 2, concurrency: 1, callers: 64, tools: pick('quick'), deaths: 0, timeouts: 0, aborts: 0 }

const run = (load: Partial<Load>, calls: number, seed = 1): Tally =>
  new BusyPool({ ...CALM, ...load }, calls, new Random(seed, 0)).run()

const sum = (tallies: readonly Tally[], name: keyof Tally): number =>
  tallies.reduce((all, tally) => all + tally[name], 0)

test('100,000 events: whatever is called, however long it takes, and whichever worker dies, the rules hold', () => {
  const tallies: Tally[] = []
  for (let seed = 1; sum(tallies, 'events') < 100_000; seed += 1) {
    const random = new Random(seed, 1)
    const names = Object.keys(TOOLS).filter(() => random.chance(0.5))
    const load = {
      size: random.between(1, 4),
      concurrency: random.pick([1, 1, 2, 4]),
      callers: random.pick([1, 3, 10, 64, 200]),
      tools: names.length === 0 ? pick('quick') : pick(...names),
      deaths: random.pick([0, 20, 100]),
      timeouts: random.pick([0, 0.2]),
      aborts: random.pick([0, 0.1]),
    }
    try {
      tallies.push(run(load, 600, seed))
    } catch (error) {
      throw new Error(`seed ${seed}, ${JSON.stringify({ ...load, tools: names })}`, { cause: error })
    }
  }
  expect(sum(tallies, 'sentAhead')).toBeGreaterThan(2_000)
  expect(sum(tallies, 'silences')).toBeGreaterThan(10)
})

test('with many callers nearly all calls of a short tool are sent ahead, and none is asked back', () => {
  const { sent, sentAhead, silences } = run({}, 10_000)
  expect([sent, silences]).toEqual([10_000, 0])
  expect(sentAhead).toBeGreaterThan(9_000)
})

test('a tool that is long now and then is sent ahead seldom', () => {
  const { silences } = run({ tools: pick('varying'), callers: 8 }, 10_000)
  expect(silences).toBeGreaterThan(0)
  expect(silences).toBeLessThan(20)
})

test('a long tool is never sent ahead', () => {
  expect(run({ tools: pick('long') }, 300)).toMatchObject({ sent: 300, sentAhead: 0 })
})
