import type { TerrariumError } from '@terrarium/supervisor'
import type { Session, WorkerRef } from '@terrarium/worker'
import type { PendingCall } from './call.ts'

/** A call that is with a worker. */
export interface Placement {
  /** Its id in the session. */
  readonly id: number
  /** Runs when its caller has been answered and the worker has not let go of it yet. */
  overrun: unknown
}

/** A place for a worker: the same place through all its restarts, one worker at a time. */
export class Slot {
  readonly id: string
  /** The machine of the present worker, or of the last one. */
  ref: WorkerRef | undefined
  /** Why no worker is started here at present. */
  parked: TerrariumError | undefined
  /** Calls with the present worker. One whose caller was answered early stays until the worker lets go of it. */
  readonly calls = new Map<PendingCall, Placement>()
  #session: Session | undefined

  constructor(id: string) {
    this.id = id
  }

  opened(session: Session): void {
    this.#session = session
    this.parked = undefined
  }

  /** The worker is gone: everything in flight on it is settled with this. */
  ended(error: TerrariumError): void {
    const session = this.#session
    this.#session = undefined
    session?.abandon(error)
  }

  get pid(): number | undefined {
    return this.#session?.pid
  }

  /** The session of a worker that is ready; undefined from the moment its stream is gone. */
  get session(): Session | undefined {
    return this.#session?.closed === false ? this.#session : undefined
  }

  /** SIGKILLs the present worker. */
  kill(error: TerrariumError): void {
    this.ref?.send({ type: 'worker.kill', error })
  }
}
