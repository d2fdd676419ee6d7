// A replay has the effects of the live run, byte for byte, whatever has happened.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { replay } from '@terrarium/supervisor/replay'
import { effectToJson } from '../src/replay/effect-json.ts'
import { Encoder } from '../src/replay/encoder.ts'
import { Journal } from '../src/replay/journal.ts'
import { writeJournal, type JournalJson } from '../src/replay/journal-json.ts'
import type { FailureClass } from '../src/policy/failure.ts'
import type { SupervisorOptions } from '../src/spec/options.ts'
import type { PlanAction } from '../src/spec/strategy.ts'
import { aLongStory, aStory, aWorld, type Step, type World } from './world.ts'
import '../../../test/support/no-stacks.mjs'

interface Lived {
  readonly world: World
  readonly journal: JournalJson
  /** What the live run did after the checkpoint of the journal. */
  readonly effects: readonly unknown[]
}

type Make = (journal: Journal, more?: (base: SupervisorOptions) => object) => World

function live(make: Make, story: readonly Step[], kept: Journal, more?: (base: SupervisorOptions) => object): Lived {
  const world = make(kept, more)
  world.tell({ type: 'supervisor.boot' })
  for (const step of story) {
    if (world.over) break
    step(world)
  }
  const encoder = new Encoder(kept.options.errors)
  const journal = writeJournal(kept, world.options, encoder)
  const inline = new Encoder(kept.options.errors, true, encoder.refs)
  const effects = world.turns
    .slice(journal.dropped)
    .map(([now, turn]) => [now, turn.map((effect) => effectToJson(effect, inline))])
  return { world, journal, effects }
}

const throughJson = (journal: JournalJson): JournalJson => JSON.parse(JSON.stringify(journal)) as JournalJson

const RUNS = { numRuns: 500 }
const aSize = fc.constantFrom(1, 5, 20, 1_000)
const errors = fc.constantFrom('message', 'none')

test('a replay has the same effects, byte for byte, also of a journal that went through JSON and lost its beginning', () => {
  let dropped = 0
  let inputs = 0
  fc.assert(
    fc.property(aWorld, aLongStory, aSize, errors, (make, story, size, texts) => {
      const { journal, effects } = live(make as Make, story, new Journal({ size, errors: texts }))
      if (journal.dropped > 0) dropped += 1
      inputs += journal.inputs.length
      const played = replay(throughJson(journal))
      expect(JSON.stringify(played.effects)).toBe(JSON.stringify(effects))
      expect(JSON.stringify(replay(journal))).toBe(JSON.stringify(played))
    }),
    RUNS,
  )
  expect(dropped).toBeGreaterThan(50)
  expect(inputs).toBeGreaterThan(5_000)
})

const classes: readonly (FailureClass | undefined)[] = [
  'configuration',
  'transient',
  'overload',
  'cancelled',
  undefined,
]

/** Functions of the user's that answer anything, or throw, and never the same again. */
function ownFunctions(draws: readonly number[]): Partial<SupervisorOptions> {
  let drawn = 0
  const draw = (): number => draws[(drawn += 1) % draws.length] ?? 0
  return {
    strategy: {
      name: 'own',
      plan: (failed, children, { memory, time }) => {
        const ids = Array.from(children, ({ id }) => id).filter((id) => id === failed.id || draw() < 0.5)
        if (draw() < 0.02) return { restart: ['zz'] }
        if (draw() < 0.02) return { restart: [], memory: new Date(0) }
        const told = { memory: { failures: [...pastOf(memory), [failed.id, time]] } }
        if (draw() < 0.3) return { restart: ids, ...told }
        if (draw() < 0.05) return { actions: [{ action: 'escalate', child: failed.id }] }
        return { actions: ids.map((id) => anAction(id, draw)), ...told }
      },
    },
    classify: () => {
      if (draw() < 0.1) throw new Error('no class')
      return classes[Math.floor(draw() * classes.length)]
    },
    backoff: {
      delay: () => {
        if (draw() < 0.1) throw new Error('no delay')
        return draw() < 0.5 ? 0 : draw() * 1_000
      },
    },
  }
}

const pastOf = (memory: unknown): readonly unknown[] => {
  const { failures = [] } = Object(memory) as { readonly failures?: readonly unknown[] }
  return failures.slice(-3)
}

function anAction(child: string, draw: () => number): PlanAction {
  const chance = draw()
  if (chance < 0.4) return { action: 'restart', child, because: `drew ${chance}` }
  if (chance < 0.6) return { action: 'delay', child, by: Math.floor(draw() * 3) * 100 }
  if (chance < 0.75) return { action: 'park', child, for: 1 + Math.floor(draw() * 1_000) }
  return chance < 0.85 ? { action: 'park', child } : { action: 'stop', child }
}

test('a replay needs no function of the user’s: what it answered, or threw, is in the journal', () => {
  fc.assert(
    fc.property(
      aWorld,
      aLongStory,
      aSize,
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 7, maxLength: 30 }),
      (make, story, size, draws) => {
        const own = ownFunctions(draws)
        const more = (base: SupervisorOptions): Partial<SupervisorOptions> => {
          const isStatic = base.strategy !== 'dynamic' && base.strategy !== 'simple_one_for_one'
          const { strategy, ...others } = own
          const asked = isStatic ? { strategy } : { restartStrategy: strategy }
          return { mode: 'default', autoShutdown: 'never', intensity: 20, ...others, ...asked } as SupervisorOptions
        }
        const { journal, effects } = live(make as Make, story, new Journal({ size }), more)
        expect(JSON.stringify(replay(throughJson(journal)).effects)).toBe(JSON.stringify(effects))
      },
    ),
    RUNS,
  )
})

test('changes that change nothing make no difference', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => {
      const { journal, world } = live(make as Make, story, new Journal({ size: 20 }))
      const { intensity = 1 } = world.options
      const { differences, timeline, recorded } = replay(journal, { intensity })
      expect(differences).toEqual([])
      expect(timeline).toEqual(recorded)
    }),
    { numRuns: 200 },
  )
})

test('with any change a replay comes to an end, and its differences lead from one run to the other', () => {
  let different = 0
  fc.assert(
    fc.property(
      aWorld,
      aLongStory,
      fc.constantFrom<SupervisorOptions['strategy']>('one_for_one', 'one_for_all', 'rest_for_one'),
      fc.nat(10),
      (make, story, strategy, intensity) => {
        const { journal, world } = live(make as Make, story, new Journal({}))
        if (world.options.strategy === 'dynamic' || world.options.strategy === 'simple_one_for_one') return
        const played = replay(journal, { strategy, intensity } as never)
        if (played.differences.length > 0) different += 1
        const runs = (run: string) => played.differences.filter((each) => each.run === run).length
        expect(played.recorded.length - runs('recorded')).toBe(played.timeline.length - runs('changed'))
        for (const { at } of played.timeline) expect(at).toBeLessThanOrEqual(played.until)
      },
    ),
    { numRuns: 300 },
  )
  expect(different).toBeGreaterThan(20)
})
