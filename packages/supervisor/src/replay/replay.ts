// Runs a journal again on the core: as it was, or as it would have been with another strategy, backoff, breaker or
// intensity.
import { Checker, isFields, shown, type Fields } from '../base/checker.ts'
import { TerrariumError } from '../base/errors.ts'
import { decide } from '../core/decide.ts'
import type { Effect } from '../core/effect.ts'
import { Fifo } from '../core/fifo.ts'
import { stepOf, type Step } from '../core/rehearsal.ts'
import type { CoreState } from '../core/state.ts'
import type { DelayInput } from '../policy/backoff.ts'
import type { FailureClass } from '../policy/failure.ts'
import { recordOf } from '../policy/recorded.ts'
import { resolveOptions, type SupervisorOptions } from '../spec/options.ts'
import { IGNORE } from '../spec/spec.ts'
import type { DynamicStrategyName } from '../spec/strategy.ts'
import { checkedOptions } from '../spec/validate.ts'
import { checkJournal, unfit } from './check-journal.ts'
import type { Decoder, Functions } from './decoder.ts'
import { differencesOf, type Difference } from './differences.ts'
import { effectToJson, type EffectJson } from './effect-json.ts'
import { Encoder } from './encoder.ts'
import type { JournalJson } from './journal-json.ts'
import { Lives } from './lives.ts'
import { openJournal, readEvent, readOptions, readState, strategyName, type Answers } from './read-journal.ts'
import { Divergence } from './divergence.ts'

/** What to change in a replay. */
export type ReplayChanges = Pick<
  SupervisorOptions,
  'strategy' | 'restartStrategy' | 'backoff' | 'breaker' | 'intensity' | 'period' | 'classify'
>

export interface Replay {
  readonly supervisor: string
  /** The times of the checkpoint and of the last input, in ms of the supervisor's clock. */
  readonly from: number
  readonly until: number
  /** What the core wanted done in the recorded run: for each input, its time and its effects. */
  readonly effects: readonly (readonly [at: number, effects: readonly EffectJson[]])[]
  /** What happened in the recorded run. */
  readonly recorded: readonly Step[]
  /** What would have happened with the changes; the same without. */
  readonly timeline: readonly Step[]
  /** What happened in one of the two only. Empty without changes. */
  readonly differences: readonly Difference[]
}

const CHANGES: Readonly<Record<keyof ReplayChanges, true>> = {
  strategy: true,
  restartStrategy: true,
  backoff: true,
  breaker: true,
  intensity: true,
  period: true,
  classify: true,
}

/**
 * Runs a journal again. Without changes the core has the same effects, byte for byte. With changes the two runs are
 * compared: they are the same until the supervisor first decides otherwise. From then on starts, failures and
 * operations are taken from the recorded run as well as they can be, see docs/explain.md.
 *
 * Functions of the user's are not in a journal. Their recorded answers are used instead; if anything else is changed, a
 * strategy of the user's must be given as `strategy`.
 *
 * Throws INVALID_ARGUMENT for a journal of another version, or a damaged one (`details.reason: 'invalid_journal'`), and
 * for changes that are no valid options.
 */
export function replay(journal: JournalJson, changes: ReplayChanges = {}): Replay {
  checkJournal(journal)
  checkChanges(journal, changes)
  try {
    return run(journal, changes)
  } catch (error) {
    if (error instanceof TerrariumError) throw error
    throw unfit(error)
  }
}

/** The changes without fields that are undefined. */
function given(changes: ReplayChanges): Partial<ReplayChanges> {
  return Object.fromEntries(Object.entries(changes as Fields).filter(([, value]) => value !== undefined))
}

function run(journal: JournalJson, changes: ReplayChanges): Replay {
  const isChanged = Object.keys(given(changes)).length > 0
  const recorded = new RecordedRun(journal)
  const changed = isChanged ? new ChangedRun(journal, changes, recorded) : undefined
  const effects = recorded.play()
  const { supervisor, from } = journal
  const until = journal.inputs.at(-1)?.[0] ?? from
  const timeline = changed?.play(effects, until) ?? recorded.steps
  return {
    supervisor,
    from,
    until,
    effects,
    recorded: recorded.steps,
    timeline,
    differences: changed === undefined ? [] : differencesOf(recorded.steps, timeline),
  }
}

type Effects = Replay['effects'][number]

/** One core that is fed with the inputs of a journal. */
class Player {
  readonly journal: JournalJson
  readonly decoder: Decoder
  readonly answers: Answers
  readonly state: CoreState
  readonly steps: Step[] = []
  readonly effects = new Fifo<Effect>()
  readonly #encoder: Encoder

  constructor(journal: JournalJson, functions: (answers: Answers) => Functions, changes: ReplayChanges = {}) {
    this.journal = journal
    const { decoder, answers } = openJournal(journal, functions)
    this.decoder = decoder
    this.answers = answers
    const options = {
      ...readOptions(journal, decoder, () => answers.next('plan') as never),
      ...given(changes),
    }
    this.state = readState(journal, resolveOptions(options), decoder)
    this.#encoder = new Encoder(journal.errors, true, decoder.refs)
  }

  /** Feeds one input, and returns the effects as JSON. They are left in `effects`. */
  feed(index: number): Effects {
    const [now, json] = this.journal.inputs[index] ?? [0, {}]
    decide(this.state, readEvent(json, this.decoder, this.answers), now, this.effects)
    return [now, this.effects.items.map((effect) => effectToJson(effect, this.#encoder))]
  }

  /** Takes the effects away. */
  take(): readonly Effect[] {
    const taken = this.effects.items
    while (this.effects.shift() !== undefined);
    return taken
  }
}

/** The recorded run, as it was. */
class RecordedRun {
  readonly steps: Step[] = []
  readonly lives: Lives
  /** The classes that a classifier of the user's has given. */
  readonly classes = new Map<unknown, FailureClass>()
  /** The last delay for each attempt that a schedule of the user's has given, in ms. */
  readonly delays = new Map<number, number>()
  readonly #player: Player

  constructor(journal: JournalJson) {
    this.#player = new Player(journal, (answers) => ({
      classify: (error) => {
        const answer = answers.next('classify') as FailureClass | undefined
        if (answer !== undefined) this.classes.set(recordOf(error), answer)
        return answer
      },
      delay: ({ attempt }: DelayInput) => {
        const answer = answers.next('delay') as number
        this.delays.set(attempt, answer)
        return answer
      },
    }))
    this.lives = new Lives(this.#player.state)
  }

  play(): Effects[] {
    const { journal, state, decoder, answers } = this.#player
    const all: Effects[] = []
    for (const [index, [now, json]] of journal.inputs.entries()) {
      this.lives.note(readEvent(json, decoder, answers), state, now)
      all.push(this.#player.feed(index))
      for (const effect of this.#player.take()) {
        this.lives.follow(effect, now)
        if (isEvent(effect)) this.steps.push(stepOf(effect, now))
      }
      if (answers.isShort) throw unfit()
    }
    return all
  }
}

/** The run as it would have been. */
class ChangedRun {
  readonly #player: Player
  readonly #recorded: RecordedRun

  constructor(journal: JournalJson, changes: ReplayChanges, recorded: RecordedRun) {
    this.#recorded = recorded
    this.#player = new Player(
      journal,
      () => ({
        classify: (error) => recorded.classes.get(recordOf(error)),
        delay: ({ attempt }: DelayInput) => recorded.delays.get(attempt) ?? 0,
      }),
      changes,
    )
  }

  /** Follows the recorded run as long as the effects are the same, and from then on its own way. */
  play(recorded: readonly Effects[], until: number): readonly Step[] {
    const steps: Step[] = []
    for (const [index, [now, expected]] of recorded.entries()) {
      const [, effects] = this.#player.feed(index)
      const taken = this.#player.take()
      if (JSON.stringify(effects) !== JSON.stringify(expected)) return [...steps, ...this.#diverge(index, taken, until)]
      for (const effect of taken) if (isEvent(effect)) steps.push(stepOf(effect, now))
    }
    return steps
  }

  #diverge(index: number, effects: readonly Effect[], until: number): readonly Step[] {
    const { state, journal, decoder, answers } = this.#player
    const divergence = new Divergence(state, journal.inputs[index]?.[0] ?? 0, this.#recorded.lives)
    divergence.begin(effects)
    for (const [now, json] of journal.inputs.slice(index + 1)) divergence.plan(now, readEvent(json, decoder, answers))
    return divergence.play(until)
  }
}

function isEvent(effect: Effect): effect is Extract<Effect, { readonly supervisor: string }> {
  return effect.type.startsWith('child.') || effect.type === 'supervisor.exit'
}

function checkChanges(journal: JournalJson, changes: unknown): void {
  const check = new Checker()
  if (check.object('changes', changes, CHANGES)) check.known(changes, CHANGES)
  check.finish('changes of a replay')
  if (!isFields(changes) || Object.keys(changes).length === 0) return
  const { id, mode, strategy, restartStrategy } = journal.options as unknown as SupervisorOptions
  const { strategy: other, restartStrategy: otherRestart } = changes
  const kind = isDynamic(strategy) ? strategy : undefined
  if (other !== undefined && (kind === undefined ? isDynamic(other) : other !== kind)) {
    check.say('invalid_option', `strategy cannot become ${shown(other)}: static and dynamic children differ`)
    check.finish('changes of a replay')
  }
  const template = kind === 'simple_one_for_one' ? { children: [{ id: 'template', logic: () => IGNORE }] } : {}
  checkedOptions({
    ...template,
    ...given(changes),
    id,
    ...(mode === undefined ? {} : { mode }),
    ...(kind === undefined ? {} : { strategy: kind }),
  } as SupervisorOptions)
  const own = strategyName(strategy) ?? strategyName(restartStrategy)
  if (own === undefined || other !== undefined || otherRestart !== undefined) return
  const field = kind === undefined ? 'strategy' : 'restartStrategy'
  throw new TerrariumError('INVALID_ARGUMENT', `the journal holds only the name of strategy ${own}`, {
    hint: `Pass the strategy with the other changes, as \`${field}\`.`,
    details: { strategy: own },
  })
}

function isDynamic(strategy: unknown): strategy is DynamicStrategyName {
  return strategy === 'simple_one_for_one' || strategy === 'dynamic'
}
