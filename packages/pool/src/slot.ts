import type { TerrariumError } from '@terrarium/supervisor'
import type { Session, WorkerRef } from '@terrarium/worker'

/** A call that is with a worker. */
export interface Placement {
  readonly slot: Slot
  /** Its id in the session. */
  readonly id: number
  /** Set when its caller has been answered and the worker has not let go of it yet: cancels what is to happen then. */
  cancelOverrun: (() => void) | undefined
}

/** A place for a worker: the same place through all its restarts, one worker at a time. */
export class Slot {
  readonly id: string
  /** The machine of the present worker, or of the last one. */
  ref: WorkerRef | undefined
  /** Why no worker is started here at present. */
  parked: TerrariumError | undefined
  /** Parked, and being tried again. */
  probing = false
  /** How many calls are with the present worker. One whose caller was answered early stays until the worker lets go of it. */
  inFlight = 0
  /** A suspect is with the present worker: no other call is handed to it. */
  isolated = false
  /** How many calls were with the last worker when it ended. */
  lost = 0
  #session: Session | undefined
  #pid: number | undefined
  #doomed = false

  constructor(id: string) {
    this.id = id
  }

  opened(session: Session, pid: number): void {
    this.#session = session
    this.#pid = pid
    this.#doomed = false
    this.parked = undefined
    this.probing = false
  }

  /** The worker is gone: everything in flight on it is settled with this. */
  ended(error: TerrariumError): void {
    const session = this.#session
    this.#session = undefined
    this.lost = this.inFlight
    session?.abandon(error)
  }

  /** As the host sees it; in a namespace of its own the worker may see another one. */
  get pid(): number | undefined {
    return this.#session === undefined ? undefined : this.#pid
  }

  /** The session of a worker that is ready; undefined from the moment its stream is gone or its end is decided. */
  get session(): Session | undefined {
    return this.#session?.closed === false && !this.#doomed ? this.#session : undefined
  }

  /** SIGKILLs the present worker. No call is handed to it any more. */
  kill(error: TerrariumError): void {
    this.#doomed = true
    this.ref?.send({ type: 'worker.kill', error })
  }
}
