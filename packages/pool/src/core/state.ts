// All that the core of a pool knows. It is updated in place; nothing in it holds a promise, a clock or an actor.
import type { TerrariumError } from '@terrarium/supervisor/base'
import type { ToolInfo } from '@terrarium/worker'
import type { PoolStats, PoolStatus } from '../api.ts'
import { CallList, type Call } from './call.ts'
import { Lanes } from './lanes.ts'
import { Paces } from './pace.ts'
import type { Reload } from './reload.ts'
import { Slot } from './slot.ts'
import { Times } from './times.ts'
import type { ToolSessionState } from './tool-session.ts'

/** What the core needs of the options. Times in ms. */
export interface Settings {
  readonly pool: string
  /** The pool has a handle, see `createPool()`; without one it is an actor that the user starts. For hints. */
  readonly hasHandle: boolean
  readonly size: number
  readonly concurrency: number
  readonly queueLimit: number
  readonly maxDeaths: number
  readonly cancelGrace: number
  readonly drainTimeout: number
  readonly sessionLimit: number
}

/** What is to happen when a timer fires. */
export type Timer =
  /** The call was stopped: the worker is asked to give back what it has not begun. */
  | { readonly type: 'recall'; readonly call: Call }
  /** The call was stopped and its grace is over: the worker is killed. */
  | { readonly type: 'overrun'; readonly call: Call }
  /** The deadline of the call has passed while it was ahead, and its worker has not said whether it had begun. */
  | { readonly type: 'late'; readonly call: Call }
  /** The worker may have taken too long for the next item of the stream. */
  | { readonly type: 'idle'; readonly call: Call }
  /** Calls that were asked back for nested calls and are still there have begun. */
  | { readonly type: 'stuck' }
  /** Calls are ahead: silent workers are looked for. */
  | { readonly type: 'look' }
  /** The worker refuses calls and has not ended. */
  | { readonly type: 'retire'; readonly slot: Slot }
  /** The session may have been idle for too long. */
  | { readonly type: 'session'; readonly session: ToolSessionState }
  /** The calls in flight have had their time. */
  | { readonly type: 'drain' }

/** Calls by their fate. `accepted` = `completed` + `failed` + the calls that are not settled. */
export type Counts = Pick<PoolStats, 'accepted' | 'completed' | 'failed' | 'retried' | 'starts' | 'crashes'>

export interface PoolState {
  readonly settings: Settings
  /** `size` of them, and while the pool is reloaded a spare behind them. */
  readonly slots: Slot[]
  status: PoolStatus
  /** Calls that other calls wait for: they go before all others, also while the pool is paused. */
  readonly nested: CallList
  /** Calls that are to be run again, or elsewhere: they go before the calls that wait. */
  readonly again: CallList
  readonly waiting: Lanes
  /** Sessions that are open or lost, by id. */
  readonly sessions: Map<string, ToolSessionState>
  /** Sessions that end when their last call has ended. */
  readonly closing: Set<ToolSessionState>
  /** How many calls wait in the queues of sessions. */
  inSessions: number
  /** While calls of sessions wait: the queues whose calls any worker may run, in the order of their turns. */
  readonly queues: Set<Lanes>
  /** Sessions with calls that do not wait for their worker. */
  readonly hasty: Set<ToolSessionState>
  /** The number that a worker was given last for a session. */
  lastSession: number
  /** How many calls were sent ahead and have no place yet: they wait, too. */
  ahead: number
  /** The timer of the next look at workers with calls ahead; 0: none. */
  look: number
  /** The timer after which calls that were asked back for nested calls have begun; 0: none. */
  stuckTimer: number
  readonly paces: Paces
  readonly times: Times
  /** The tools of the worker that was ready last. */
  tools: readonly ToolInfo[]
  readonly counts: { -readonly [Name in keyof Counts]: number }
  /** No call is handed to a worker. */
  isPaused: boolean
  /** `drain()` has not been answered yet. */
  isDraining: boolean
  /** A reload that goes on. */
  reload: Reload | undefined
  /** `start()` has not been answered yet. */
  isStarting: boolean
  /** What the workers stand on is being opened: `pool.opened` or `pool.failed` follows, whatever happens meanwhile. */
  isOpening: boolean
  /** Why nothing is run again: the pool is stopping. */
  closed: TerrariumError | undefined
  /** Its end is under way, and no call is with a worker any more. */
  isClosing: boolean
  /** The timer of the drain; 0: none. */
  drain: number
  /** Why a worker was parked last. */
  parkedBecause: TerrariumError | undefined
  /** Why the pool cannot be opened. */
  failedBecause: TerrariumError | undefined
  /** Why the pool has ended without being asked to. */
  overBecause: TerrariumError | undefined
  readonly timers: Map<number, Timer>
  lastTimer: number
}

const NONE: Counts = { accepted: 0, completed: 0, failed: 0, retried: 0, starts: 0, crashes: 0 }

/** `counts`: of an earlier life of the pool. */
export function createState(settings: Settings, counts: Partial<Counts> = {}): PoolState {
  return {
    settings,
    slots: Array.from({ length: settings.size }, (_, index) => new Slot(`worker-${index + 1}`)),
    status: 'idle',
    nested: new CallList(),
    again: new CallList(),
    waiting: new Lanes(),
    sessions: new Map(),
    closing: new Set(),
    inSessions: 0,
    queues: new Set(),
    hasty: new Set(),
    lastSession: 0,
    ahead: 0,
    look: 0,
    stuckTimer: 0,
    paces: new Paces(),
    times: new Times(),
    tools: [],
    counts: { ...NONE, ...counts },
    isPaused: false,
    isDraining: false,
    reload: undefined,
    isStarting: false,
    isOpening: false,
    closed: undefined,
    isClosing: false,
    drain: 0,
    parkedBecause: undefined,
    failedBecause: undefined,
    overBecause: undefined,
    timers: new Map(),
    lastTimer: 0,
  }
}

/** Calls that wait: in the queue, or ahead. */
export const queuedIn = ({ nested, again, waiting, ahead, inSessions }: PoolState): number =>
  nested.size + again.size + waiting.size + ahead + inSessions

/** Calls that have a place on a worker. */
export function inFlightIn({ slots }: PoolState): number {
  let sum = 0
  for (const { inFlight } of slots) sum += inFlight
  return sum
}

/** Workers that take calls. */
export const readyIn = ({ slots }: PoolState): number => slots.filter(({ occupant }) => occupant === 'ready').length

/** Calls that are with a worker: with a place there, or ahead. */
export function withWorkers({ slots }: PoolState): number {
  let sum = 0
  for (const { calls } of slots) sum += calls.size
  return sum
}

/** What the next life of the pool begins with: calls that are not settled now never are. */
export function countsToKeep({ completed, failed, retried, starts, crashes }: Counts): Counts {
  return { accepted: completed + failed, completed, failed, retried, starts, crashes }
}
