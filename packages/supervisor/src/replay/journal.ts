// The journal of a running supervisor: a ring of the core's inputs, by reference, so that recording costs little. It
// is written as JSON only when it is asked for.
import { cloneState } from '../core/clone.ts'
import type { CoreEvent } from '../core/event.ts'
import type { CoreState } from '../core/state.ts'
import { IDLE } from '../core/task.ts'
import { Checker, isCount } from '../base/checker.ts'
import type { Recorder } from '../core/recorder.ts'
import type { JournalKeeper, Settings, SupervisorOptions } from '../spec/options.ts'
import { listen, listenToEvent, type Answer } from './hooks.ts'
import { writeJournal, type JournalJson } from './journal-json.ts'

/** What a journal keeps. */
export interface JournalOptions {
  /** The number of inputs that are kept at least, default 1,000; at most about twice as many. */
  readonly size?: number
  /** What an export holds of errors: `message`, their name, message and code (default), or `none` of these. */
  readonly errors?: 'message' | 'none'
}

const OPTIONS: Readonly<Record<keyof JournalOptions, true>> = { size: true, errors: true }

export const DEFAULT_JOURNAL: Required<JournalOptions> = { size: 1_000, errors: 'message' }

/**
 * The option `journal` of a supervisor: keeps what it was told lately. Throws INVALID_ARGUMENT, naming every mistake at
 * once.
 */
export function keepJournal(options: JournalOptions = {}): JournalKeeper {
  const check = new Checker()
  if (check.object('options', options, OPTIONS)) {
    check.known(options, OPTIONS)
    check.field(options, 'size', (value) => isCount(value) && value !== 0, 'a whole number, 1 or more')
    check.oneOf(options, 'errors', ['message', 'none'])
  }
  check.finish('journal options')
  const own = { ...options }
  return { open: () => new Journal(own) }
}

/** A checkpoint copies each child. With this many inputs per child that costs little beside the inputs. */
const INPUTS_PER_CHILD = 16

/** The inputs since one checkpoint. Input n is `events[n]`, at `times[n]`. */
export interface Segment {
  /** The state before the first input. */
  readonly checkpoint: CoreState
  readonly at: number
  readonly events: CoreEvent[]
  /** In ms. */
  readonly times: number[]
  /** What functions of the user's have answered, in order. */
  readonly answers: Answer[]
}

/**
 * Records the inputs of one core. It keeps the current segment and the one before, so that the last `size` inputs are
 * always there. A segment is longer if the supervisor has many children, or while a core task runs.
 */
export class Journal implements Recorder<JournalJson> {
  readonly options: Required<JournalOptions>
  /** How many inputs were dropped with old segments. */
  dropped = 0
  #before: Segment | undefined
  #current: Segment | undefined

  constructor(options: JournalOptions) {
    this.options = { ...DEFAULT_JOURNAL, ...options }
  }

  /** The settings with which the recorded core has to run. */
  listen(settings: Settings): Settings {
    return listen(settings, this.#note)
  }

  readonly #note = (answer: Answer): void => {
    this.#current?.answers.push(answer)
  }

  /** Begins with this state. `now` in ms. */
  begin(state: CoreState, now: number): void {
    this.dropped += this.#before?.events.length ?? 0
    this.#before = this.#current
    this.#current = { checkpoint: cloneState(state), at: now, events: [], times: [], answers: [] }
  }

  /** Records one input, and returns it as the core is to get it. `now` in ms. */
  record(event: CoreEvent, now: number): CoreEvent {
    const current = this.#current
    if (current === undefined) return event
    current.events.push(event)
    current.times.push(now)
    return event.type === 'supervisor.call' ? listenToEvent(event, this.#note) : event
  }

  /** Begins a new segment if the current one is full and the core has nothing to do. Called between two events. */
  settle(state: CoreState, now: number): void {
    const length = this.#current?.events.length ?? 0
    if (length < this.options.size || state.task !== IDLE || state.queue.length > 0) return
    if (length >= INPUTS_PER_CHILD * state.children.size) this.begin(state, now)
  }

  write(options: SupervisorOptions): JournalJson {
    return writeJournal(this, options)
  }

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return [this.#before, this.#current].filter((segment) => segment !== undefined)
  }
}
