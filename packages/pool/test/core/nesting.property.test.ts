// Whatever tools and functions of the host call of each other, in sessions and without: no nested call waits for ever,
// and none is refused that could go on. See `nesting-world.ts`.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Settings } from '../../src/core/state.ts'
import { AFFINITIES } from '../../src/core/tool-session.ts'
import { NestingWorld } from './nesting-world.ts'
import '../../../../test/support/no-stacks.mjs'

type Step = (world: NestingWorld) => void

const step = <T>(weight: number, arbitrary: fc.Arbitrary<T>, act: (world: NestingWorld, drawn: T) => unknown) => ({
  weight,
  arbitrary: arbitrary.map((drawn): Step => (world) => {
    act(world, drawn)
  }),
})

const aTool = fc.constantFrom('sync', 'sync', 'other', 'async', 'batch', 'async batch')
const anAffinity = fc.constantFrom(...AFFINITIES)

const aStep: fc.Arbitrary<Step> = fc.oneof(
  step(8, fc.tuple(aTool, fc.boolean()), (world, [tool, idempotent]) => {
    world.offer(tool, idempotent)
  }),
  step(14, fc.nat(40), (world, n) => {
    world.callHost(n)
  }),
  step(14, fc.tuple(fc.nat(40), aTool, fc.boolean()), (world, [n, tool, idempotent]) => {
    world.nest(n, tool, idempotent)
  }),
  step(4, fc.tuple(aTool, fc.boolean(), anAffinity), (world, [tool, idempotent, affinity]) => {
    world.offer(tool, idempotent, affinity)
  }),
  step(8, fc.tuple(fc.nat(40), aTool, fc.boolean(), anAffinity), (world, [n, tool, idempotent, affinity]) => {
    world.nest(n, tool, idempotent, affinity)
  }),
  step(4, fc.nat(40), (world, n) => world.answerHost(n)),
  step(8, fc.nat(40), (world, n) => world.answer(n)),
  step(6, fc.constant(0), (world) => world.giveBack()),
  step(6, fc.nat(40), (world, n) => world.runBatch(n)),
  step(2, fc.constant(0), (world) => world.wait()),
  step(1, fc.nat(40), (world, n) => {
    world.crash(n)
  }),
  step(1, fc.constantFrom('pool.pause', 'pool.resume'), (world, type) => {
    world.tell({ type })
  }),
)

const aSettings: fc.Arbitrary<Settings> = fc.record({
  pool: fc.constant('p'),
  size: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.constantFrom(1, 1_000),
  hasHandle: fc.constant(true),
  maxDeaths: fc.integer({ min: 1, max: 3 }),
  sessionLimit: fc.constant(10),
  cancelGrace: fc.constant(100),
  drainTimeout: fc.constant(1_000),
})

test('whatever calls what: no nested call waits for ever, and none is refused that could go on', () => {
  const aStory = fc.array(aStep, { minLength: 20, maxLength: 150, size: 'max' })
  fc.assert(
    fc.property(aSettings, aStory, (settings, story) => {
      const world = new NestingWorld(settings)
      for (const step of story) step(world)
      world.finish()
    }),
    { numRuns: 2_000 },
  )
  const { events, nested, refused, placed, givenBack, atHome, busy, lost } = NestingWorld.counts
  expect(events).toBeGreaterThan(100_000)
  expect([nested > 20_000, refused > 2_000, placed > 5_000, givenBack > 500]).toEqual([true, true, true, true])
  expect([atHome > 1_000, busy > 1_000, lost > 100]).toEqual([true, true, true])
})
