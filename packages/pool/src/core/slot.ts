// A place in the pool for one worker at a time, through all its restarts.
import type { FailureInfo } from '@terrarium/supervisor'
import type { TerrariumError } from '@terrarium/supervisor/base'
import type { ToolInfo } from '@terrarium/worker'
import { CallList, type Call } from './call.ts'
import type { Lanes } from './lanes.ts'

/**
 * The worker that is in a slot:
 * - `none`: there is none
 * - `starting`: its process is being started, or is not ready yet
 * - `ready`: it takes calls
 * - `doomed`: its session is gone or its end is decided; it gets no call any more
 */
export type Occupant = 'none' | 'starting' | 'ready' | 'doomed'

export class Slot {
  readonly id: string
  occupant: Occupant = 'none'
  /** Of the present worker, or of the last one; 0 before the first. */
  incarnation = 0
  /** The present worker's process id as the host sees it; the worker may see another one in its namespace. */
  pid: number | undefined
  /** Why no worker is started here at present. */
  parked: TerrariumError | undefined
  /** To be parked by hand, once its worker has no call. `isAsked`: its supervisor was told to. */
  parking: { isAsked: boolean; readonly why: string | undefined } | undefined
  /** Parked, and being tried again. */
  probing = false
  /** The last failure, until a worker is ready again. */
  failure: FailureInfo | undefined
  /** When the next start is due, in ms. */
  until: number | undefined
  /**
   * The calls that are with the present worker, oldest first: calls with a place, then calls that were sent ahead. A
   * call whose caller was answered early stays until the worker lets go of it.
   */
  readonly calls = new CallList()
  /** The first of its calls that were sent ahead, their number and their bytes. */
  firstAhead: Call | undefined
  ahead = 0
  bytesAhead = 0
  /** How many calls have had a place on its workers, so far. A call that is run again counts again. */
  taken = 0
  /** How many of its calls are not known to be short. */
  notShort = 0
  /** How many of its calls are of ordinary tools. */
  ordinary = 0
  /** How many of its calls were recalled. */
  recalled = 0
  /** When the worker last answered a call of an ordinary tool, or was handed one while it had none, in ms. */
  since = 0
  /** The value of `since` at the last look at a silent worker, see `ahead.ts`. */
  lookedAt = -1
  /** After the worker has died it is known which calls it had begun. */
  reportsBegun = false
  /** A suspect is with the present worker: no other call is handed to it. */
  isolated = false
  /** How many of its calls are overdue. */
  overdue = 0
  /** How many of its calls wait for functions of the host. */
  hosts = 0
  /** The timer that kills a worker which refused calls and does not end; 0: none. */
  timer = 0
  /** How many sessions have a state on its worker. */
  sessions = 0
  /** The queues of strict sessions that wait for its worker, in the order of their turns. */
  readonly bound = new Set<Lanes>()
  /** The last call that was handed out in turn was of one of these. */
  servedBound = false
  #asyncTools: ReadonlySet<string> = new Set()
  #batchTools: ReadonlySet<string> = new Set()

  constructor(id: string) {
    this.id = id
  }

  /** How many calls have a place on its worker. */
  get inFlight(): number {
    return this.calls.size - this.ahead
  }

  /**
   * Whether its worker may be handed a call: not while the worker goes on with a call that was stopped, for which it
   * may be killed soon.
   */
  get isOpen(): boolean {
    return this.occupant === 'ready' && this.overdue === 0 && !this.isolated
  }

  /**
   * The call that keeps the worker's main thread busy, as far as it is known: a call that waits for functions of the
   * host; else the first, since sync tools run one at a time, in order of arrival, but for calls that wait for the
   * others of their batch. Async tools run beside it.
   */
  get running(): Call | undefined {
    let first: Call | undefined
    for (let call = this.calls.first; call !== undefined; call = call.next) {
      if (this.isAsync(call.tool)) continue
      if (this.hosts === 0 || call.hosts > 0) return call
      first ??= call
    }
    return first
  }

  isAsync(tool: string): boolean {
    return this.#asyncTools.size > 0 && this.#asyncTools.has(tool)
  }

  /** Calls of the tool begin, and end, with others. */
  isBatch(tool: string): boolean {
    return this.#batchTools.has(tool)
  }

  opened(pid: number, tools: readonly ToolInfo[], reportsBegun: boolean): void {
    this.occupant = 'ready'
    this.pid = pid
    this.#asyncTools = new Set(tools.flatMap(({ name, isAsync }) => (isAsync ? [name] : [])))
    this.#batchTools = new Set(tools.flatMap(({ name, batch = 0 }) => (batch > 0 ? [name] : [])))
    this.reportsBegun = reportsBegun
    this.parked = undefined
    this.probing = false
    this.failure = undefined
    this.until = undefined
  }
}
