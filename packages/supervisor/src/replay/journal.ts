// The journal of a running supervisor: a ring of the core's inputs, by reference, so that recording costs little. It
// is written as JSON only when it is asked for.
import { cloneState } from '../core/clone.ts'
import type { CoreEvent } from '../core/event.ts'
import type { CoreState } from '../core/state.ts'
import { IDLE } from '../core/task.ts'
import type { JournalOptions, Settings } from '../spec/options.ts'
import { listen, listenToEvent, type Answer } from './hooks.ts'

export const DEFAULT_JOURNAL: Required<JournalOptions> = { size: 1_000, errors: 'message' }

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
export class Journal {
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

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return [this.#before, this.#current].filter((segment) => segment !== undefined)
  }
}
