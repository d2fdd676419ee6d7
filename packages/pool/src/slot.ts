import type { TerrariumError } from '@terrarium/supervisor/base'
import type { Session, ToolInfo, WorkerRef } from '@terrarium/worker'
import { CallQueue } from './call-queue.ts'
import type { PendingCall } from './call.ts'

/** A call that is with a worker. */
export interface Placement {
  readonly slot: Slot
  /** Its id in the session. */
  readonly id: number
  /** Its caller has been answered, and the worker has not let go of it yet. */
  overdue: boolean
  /** Takes back what is to happen about that. */
  cancelTimer: (() => void) | undefined
  /** The worker was asked to give it back if it has not begun. */
  recalled: boolean
}

/** A place for a worker: the same place through all its restarts, one worker at a time. */
export class Slot {
  readonly id: string
  /** The machine of the present worker, or of the last one. */
  ref: WorkerRef | undefined
  /** Of the present worker, or of the last one; 0 before the first. */
  incarnation = 0
  /** Why no worker is started here at present. */
  parked: TerrariumError | undefined
  /** Parked, and being tried again. */
  probing = false
  /**
   * The calls that are with the present worker, oldest first. One whose caller was answered early stays until the
   * worker lets go of it.
   */
  readonly calls = new CallQueue()
  /** A suspect is with the present worker: no other call is handed to it. */
  isolated = false
  /** How many of its calls have callers that were answered early. */
  overdue = 0
  /** How many calls the last worker may have begun when it ended. */
  lost = 0
  #session: Session | undefined
  #pid: number | undefined
  #asyncTools: ReadonlySet<string> = new Set()
  #doomed = false
  /** Takes back what is to happen to the present worker. */
  #cancelEnd: (() => void) | undefined

  constructor(id: string) {
    this.id = id
  }

  opened(session: Session, pid: number, tools: readonly ToolInfo[]): void {
    this.#session = session
    this.#pid = pid
    this.#asyncTools = new Set(tools.flatMap(({ name, isAsync }) => (isAsync ? [name] : [])))
    this.#doomed = false
    this.parked = undefined
    this.probing = false
  }

  /** The worker is gone: everything in flight on it is settled with this. */
  ended(error: TerrariumError): void {
    const session = this.#session
    this.#session = undefined
    this.lost = session?.begun ?? 0
    this.#cancelEnd?.()
    this.#cancelEnd = undefined
    session?.abandon(error)
  }

  /** As the host sees it; in a namespace of its own the worker may see another one. */
  get pid(): number | undefined {
    return this.#session === undefined ? undefined : this.#pid
  }

  get inFlight(): number {
    return this.calls.size
  }

  /** The session of a worker that is ready; undefined from the moment its stream is gone or its end is decided. */
  get session(): Session | undefined {
    return this.#session?.closed === false && !this.#doomed ? this.#session : undefined
  }

  /**
   * The session of a worker that may be handed a call: not while it goes on with one that was to be stopped, and is
   * about to be killed for it.
   */
  get open(): Session | undefined {
    return this.overdue === 0 && !this.isolated ? this.session : undefined
  }

  /**
   * The call that keeps the worker's main thread busy, as far as it is known: ordinary tools are run one at a time, in
   * order of arrival. Async tools run beside it.
   */
  get running(): PendingCall | undefined {
    let call = this.calls.first
    while (call !== undefined && this.isAsync(call.tool)) call = call.next
    return call
  }

  isAsync(tool: string): boolean {
    return this.#asyncTools.has(tool)
  }

  /** No call is handed to the present worker any more. `cancelEnd` is called when it has ended. */
  doom(cancelEnd?: () => void): void {
    this.#doomed = true
    if (cancelEnd !== undefined) this.#cancelEnd = cancelEnd
  }

  /** SIGKILLs the present worker. */
  kill(error: TerrariumError): void {
    this.doom()
    this.ref?.send({ type: 'worker.kill', error })
  }
}
