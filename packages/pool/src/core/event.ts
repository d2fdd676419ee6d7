// What the core of a pool is told.
import type { Identity } from '@terrarium/process'
import type { FailureInfo } from '@terrarium/supervisor'
import type { ExitReason, TerrariumError } from '@terrarium/supervisor/base'
import type { ToolInfo } from '@terrarium/worker'
import type { Call } from './call.ts'
import type { Slot } from './slot.ts'
import type { SessionUse } from './tool-session.ts'

/** News of a worker. News of an incarnation that its slot no longer has is ignored. */
interface AboutWorker {
  /** The slot's id. */
  readonly worker: string
  readonly incarnation: number
}

/** What became of the workers, as their supervisor tells it. */
export type WorkerNews =
  | (AboutWorker & { readonly type: 'worker.started' })
  /** `reportsBegun`: after its death it is known which calls it had begun. Default: false. */
  | (AboutWorker & {
      readonly type: 'worker.ready'
      readonly pid: number
      readonly tools: readonly ToolInfo[]
      readonly reportsBegun?: boolean
    })
  /** Its session is gone, and so the worker soon is. */
  | (AboutWorker & { readonly type: 'worker.lost' })
  /** `unbegun`: the calls of the worker that it has certainly not begun. */
  | (AboutWorker & {
      readonly type: 'worker.exited'
      readonly reason: ExitReason
      readonly unbegun: ReadonlySet<Call>
    })
  | (AboutWorker & {
      readonly type: 'worker.backoff'
      readonly failure: FailureInfo
      /** In ms. */
      readonly delay: number
      readonly attempt: number
    })
  /** `byHand`: on request, not because of a failure. Default: false. */
  | (AboutWorker & { readonly type: 'worker.parked'; readonly failure: FailureInfo; readonly byHand?: boolean })
  | (AboutWorker & { readonly type: 'worker.unparked' })
  /** Kill the present worker, in a drill. */
  | (AboutWorker & { readonly type: 'worker.kill'; readonly error: TerrariumError })

/** `notBegun`: it is certain that the tool was not entered, so the call may be run elsewhere. */
export type Outcome = { readonly value: unknown } | { readonly error: TerrariumError; readonly notBegun: boolean }

/** What became of a call. News of a call that is settled, or with no worker, is ignored. */
export type CallNews =
  /** A caller asks for it. */
  | { readonly type: 'call.offered'; readonly call: Call; readonly isWatched: boolean }
  /** Its deadline and its signal are watched from now on. */
  | { readonly type: 'call.watched' }
  | { readonly type: 'call.answered'; readonly call: Call; readonly outcome: Outcome }
  /** Its deadline has passed. */
  | { readonly type: 'call.expired'; readonly call: Call }
  | { readonly type: 'call.aborted'; readonly call: Call; readonly cause: unknown }
  /** Its signal has thrown. */
  | { readonly type: 'call.unwatchable'; readonly call: Call; readonly cause: unknown }

/** What becomes of the items of a stream. */
export type StreamNews =
  /** An item has arrived. */
  | { readonly type: 'stream.item'; readonly call: Call; readonly bytes: number }
  /** The reader has taken one. */
  | { readonly type: 'stream.taken'; readonly call: Call; readonly bytes: number }
  /** The reader wants no more. */
  | { readonly type: 'stream.left'; readonly call: Call }

/** What becomes of the host calls of a call. */
export type HostCallNews =
  /** It waits for a function of the host. */
  | { readonly type: 'host.called'; readonly call: Call }
  /** The function has answered. */
  | { readonly type: 'host.answered'; readonly call: Call }

/** What is asked of sessions. */
export type SessionNews =
  /** End the session when its last call has ended; answered with `session.closed`. */
  | { readonly type: 'session.close'; readonly use: SessionUse }
  /** The next call of the handle begins a new session. */
  | { readonly type: 'session.restart'; readonly use: SessionUse }

/** What happens to the pool as a whole. */
export type PoolNews =
  | { readonly type: 'pool.start' }
  /** What the workers stand on is there, see `resources.ts`. */
  | { readonly type: 'pool.opened' }
  /** It cannot be had. */
  | { readonly type: 'pool.failed'; readonly error: TerrariumError }
  /** Hand out no calls. */
  | { readonly type: 'pool.pause' }
  | { readonly type: 'pool.resume' }
  /** Pause, and say when no call is with a worker; answered with `drained`. */
  | { readonly type: 'pool.drain' }
  /** Replace every worker; answered with `reloaded`. */
  | { readonly type: 'pool.reload' }
  /** A worker of a reload could not be started anew. */
  | { readonly type: 'reload.stuck'; readonly error: TerrariumError }
  /** The spare of a reload has ended, or could not be started. */
  | { readonly type: 'spare.gone'; readonly error: TerrariumError | undefined }
  /** Park a worker; answered with `parkAnswered`. */
  | { readonly type: 'pool.park'; readonly slot: Slot; readonly why: string | undefined }
  /** The worker could not be parked. */
  | { readonly type: 'park.failed'; readonly slot: Slot; readonly error: TerrariumError }
  /** Try to start a worker in a parked slot. */
  | { readonly type: 'pool.unpark'; readonly slot: Slot }
  /** Let calls in flight finish, then end in order. */
  | { readonly type: 'pool.stop' }
  /** End at once. */
  | { readonly type: 'pool.halt' }
  /** The supervisor of the workers has ended by itself. */
  | { readonly type: 'pool.over'; readonly reason: ExitReason }
  /** Nothing of the pool is left but `left`: processes that the kernel holds. */
  | { readonly type: 'pool.closed'; readonly left: readonly Identity[] }
  /** Something has changed that may repair a configuration failure. */
  | { readonly type: 'pool.environment' }
  | { readonly type: 'pool.timer'; readonly timer: number }

export type PoolCoreEvent = WorkerNews | CallNews | StreamNews | HostCallNews | SessionNews | PoolNews
