// What can be seen of a pool's actor: its XState snapshot, and what JSON has of that.
import { failureToJson, type FailureJson } from '@terrarium/supervisor'
import { exitWith, type ExitOutput, type ExitReason } from '@terrarium/supervisor/base'
import type { AnyActorRef, Snapshot } from 'xstate'
import type { PoolStats, PoolStatus } from './api.ts'
import type { Slot } from './core/slot.ts'
import { countsToKeep, inFlightIn, queuedIn, readyIn, type Counts, type PoolState } from './core/state.ts'
import type { Ground } from './resources.ts'
import type { Shell } from './shell.ts'

/**
 * - `down`: there is no worker, and none is due
 * - `starting`: a worker is being started
 * - `ready`: it takes calls
 * - `ending`: it takes no calls any more
 * - `backing_off`: the next start is due at `until`
 * - `parked`: not started again until the cause is gone, or tried again just now
 */
export type WorkerState = 'down' | 'starting' | 'ready' | 'ending' | 'backing_off' | 'parked'

/** One worker, as plain data. */
export interface WorkerView {
  readonly id: string
  readonly state: WorkerState
  /** 0 before the first start, then counts starts. */
  readonly incarnation: number
  readonly inFlight: number
  /** Calls in flight that wait for functions of the host; left out when there is none. */
  readonly onHost?: number
  /** Calls that were with its workers so far. A call that is run again counts again. */
  readonly calls: number
  /** As the host sees it, while there is a process that was ready. */
  readonly pid?: number
  /** The last failure, until a worker of this slot is ready again. */
  readonly failure?: FailureJson
  /** When the next start is due, in ms of the pool's clock. */
  readonly until?: number
}

interface QueueView {
  readonly waiting: number
  readonly again: number
  readonly limit: number
  /** No call leaves the queue, see `pause()`. */
  readonly paused: boolean
}

/**
 * What a pool's actor shows, beside XState's `status`, `output` and `error`. `phase` is the pool as it was at the
 * transition; the rest is as it is when it is looked at, since calls do not go through the actor's mailbox.
 */
interface View {
  readonly phase: PoolStatus
  readonly workers: readonly WorkerView[]
  /**
   * `waiting`: calls that wait for a place on a worker; `again`: calls that are to be run again, which go first.
   */
  readonly queue: QueueView
  readonly counts: Counts & Pick<PoolStats, 'inFlight' | 'ready' | 'sessions'>
}

/** The deadlines of calls in flight. */
export interface DeadlinesView {
  /** Calls with a deadline that is to come. */
  readonly calls: number
  /** In how many ms the next one passes. */
  readonly nextIn?: number
  /** Calls whose deadline has passed, and that their worker has not let go of. */
  readonly passed: number
}

/** What JSON has of a pool's snapshot: of errors name, message and code, of an output nothing. */
export interface PoolJson extends View {
  readonly status: string
  /** Once the pool has ended: why. */
  readonly exit?: { readonly type: ExitReason['type'] }
}

export type PoolSnapshot = Snapshot<ExitOutput> &
  View & {
    /** As of a machine: `workers` is the supervisor of the workers, once there is one. */
    readonly children: Readonly<Record<string, AnyActorRef>>
    /** What the workers stand on, once it is open. */
    readonly ground: Ground | undefined
    /**
     * How many calls of each tool took how long on their workers, since the pool began: bucket k has the calls below
     * 2 ** k / 16 ms. The arrays go on rising.
     */
    readonly times: ReadonlyMap<string, Uint32Array>
    /** The deadlines of the calls in flight, of one worker or of all. */
    deadlines(worker?: string): DeadlinesView
    /** Whether the event means something to the actor: its supervisor asks for `supervisor.shutdown`. */
    can(event: { readonly type: string }): boolean
    toJSON(): PoolJson
  }

/** What `getPersistedSnapshot()` keeps. Workers are started afresh, unless the pool had ended. */
export interface PersistedPool {
  readonly status: string
  readonly output: unknown
  readonly error: unknown
  readonly counts: Counts
}

class PoolView implements View {
  readonly status: string
  readonly output: ExitOutput | undefined
  readonly error: unknown
  readonly phase: PoolStatus
  declare readonly workers: readonly WorkerView[]
  declare readonly queue: View['queue']
  declare readonly counts: View['counts']
  readonly #shell: Shell

  constructor(shell: Shell, status?: 'stopped') {
    const { state, outcome } = shell
    this.#shell = shell
    this.status = status ?? (outcome === undefined ? 'active' : outcome.type === 'error' ? 'error' : 'done')
    this.output = this.status === 'done' && outcome !== undefined ? exitWith(outcome) : undefined
    this.error = outcome?.type === 'error' ? outcome.error : undefined
    this.phase = state.status
    // Of the object itself, so that a copy of its fields has them.
    Object.defineProperties(this, {
      workers: { enumerable: true, get: () => state.slots.map(workerView) },
      queue: { enumerable: true, get: () => queueOf(state) },
      counts: { enumerable: true, get: () => countsOf(state) },
    })
  }

  get children(): PoolSnapshot['children'] {
    const { workers } = this.#shell
    return workers === undefined ? {} : { workers }
  }

  get ground(): PoolSnapshot['ground'] {
    return this.#shell.ground
  }

  get times(): PoolSnapshot['times'] {
    return this.#shell.state.times.counts
  }

  deadlines(worker?: string): DeadlinesView {
    const deadlines: number[] = []
    let passed = 0
    for (const slot of this.#shell.state.slots) {
      if (worker !== undefined && slot.id !== worker) continue
      for (let call = slot.calls.first; call !== undefined; call = call.next) {
        if (call.isAhead || call.deadline === undefined) continue
        if (call.overdue) passed += 1
        else deadlines.push(call.deadline)
      }
    }
    const next = deadlines.reduce((least, each) => Math.min(least, each), Infinity)
    const nextIn = Math.max(0, next - this.#shell.now)
    return { calls: deadlines.length, passed, ...(deadlines.length === 0 ? {} : { nextIn }) }
  }

  can({ type }: { readonly type: string }): boolean {
    return type === 'supervisor.shutdown' && this.status === 'active'
  }

  toJSON(): PoolJson {
    const { status, phase, workers, queue, counts, output, error } = this
    const type = error === undefined ? output?.exit.type : 'error'
    return { status, phase, workers, queue, counts, ...(type === undefined ? {} : { exit: { type } }) }
  }
}

export function viewOf(shell: Shell, status?: 'stopped'): PoolSnapshot {
  return new PoolView(shell, status) as unknown as PoolSnapshot
}

export function persist({ status, output, error, counts }: PoolSnapshot): PersistedPool {
  return { status, output, error, counts: countsToKeep(counts) }
}

function workerView(slot: Slot): WorkerView {
  const { id, incarnation, inFlight, hosts, taken, pid, failure, until } = slot
  return {
    id,
    state: stateOf(slot),
    incarnation,
    inFlight,
    ...(hosts === 0 ? {} : { onHost: hosts }),
    calls: taken,
    ...(pid === undefined ? {} : { pid }),
    ...(failure === undefined ? {} : { failure: failureToJson(failure) }),
    ...(until === undefined ? {} : { until }),
  }
}

function stateOf({ occupant, parked, until }: Slot): WorkerState {
  if (parked !== undefined) return 'parked'
  switch (occupant) {
    case 'none':
      return until === undefined ? 'down' : 'backing_off'
    case 'doomed':
      return 'ending'
    default:
      return occupant
  }
}

const queueOf = (state: PoolState): View['queue'] => ({
  waiting: state.waiting.size + state.ahead + state.inSessions,
  again: state.again.size,
  limit: state.settings.queueLimit,
  paused: state.isPaused,
})

const countsOf = (state: PoolState): View['counts'] => ({
  ...state.counts,
  inFlight: inFlightIn(state),
  ready: readyIn(state),
  sessions: state.sessions.size,
})

/** The same for the handle of a pool. */
export function statsOf(state: PoolState): PoolStats {
  return { queued: queuedIn(state), ...countsOf(state) }
}
