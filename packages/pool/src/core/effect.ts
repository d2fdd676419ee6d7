// What the core of a pool wants done, as data.
import type { ExitReason, TerrariumError } from '@terrarium/supervisor/base'
import type { PoolEvents } from '../api.ts'
import type { Call } from './call.ts'
import type { Slot } from './slot.ts'
import type { SessionUse } from './tool-session.ts'

/** An event of the pool that listeners are told of. */
type Told = {
  readonly [E in keyof PoolEvents]: {
    readonly type: 'tell'
    readonly event: E
    readonly told: Parameters<PoolEvents[E]>[0]
  }
}[keyof PoolEvents]

/** Effects are carried out in order. */
export type Effect =
  /** Watch the deadline and the signal of the call; answer with `call.watched`. */
  | { readonly type: 'watch'; readonly call: Call }
  /** Hand the call to the slot's worker. `timeLeft`: in ms, 0 for no limit. */
  | { readonly type: 'send'; readonly call: Call; readonly slot: Slot; readonly timeLeft: number }
  /** Ask the worker to stop the call; with `unlessBegun` to give it back if it has not begun. */
  | { readonly type: 'cancel'; readonly call: Call; readonly slot: Slot; readonly unlessBegun: boolean }
  /** Let the worker send so many bytes more of the stream. */
  | { readonly type: 'credit'; readonly call: Call; readonly slot: Slot; readonly bytes: number }
  /** Tell the reader of a settled stream that no worker has it any more. */
  | { readonly type: 'released'; readonly call: Call }
  /** Abort the host calls of the call, and answer them with this error. */
  | { readonly type: 'endHostCalls'; readonly call: Call; readonly error: TerrariumError }
  /** Open a session at the slot's worker. */
  | { readonly type: 'session.open'; readonly slot: Slot; readonly number: number; readonly id: string }
  /** End the session at the slot's worker. */
  | { readonly type: 'session.close'; readonly slot: Slot; readonly number: number }
  /** The session of the handle has ended, as was asked for. */
  | { readonly type: 'session.closed'; readonly use: SessionUse }
  /** Answer the caller; with the error, if there is one. */
  | {
      readonly type: 'settle'
      readonly call: Call
      readonly value: unknown
      readonly error: TerrariumError | undefined
    }
  /** Refuse a call that was not accepted. */
  | { readonly type: 'refuse'; readonly call: Call; readonly error: TerrariumError }
  /** SIGKILL the slot's worker. */
  | { readonly type: 'kill'; readonly slot: Slot; readonly error: TerrariumError }
  /** Park the slot's worker by hand; answer with the news `worker.parked`, or with `park.failed`. */
  | { readonly type: 'park'; readonly slot: Slot; readonly why: string | undefined }
  /** The worker of the slot is parked, or could not be. */
  | { readonly type: 'parkAnswered'; readonly slot: Slot; readonly error: TerrariumError | undefined }
  /** Try to start a worker in a parked slot. */
  | { readonly type: 'unpark'; readonly slot: Slot }
  /** Tell `pool.environment` once one of these paths has changed, and from time to time. */
  | { readonly type: 'watchEnvironment'; readonly paths: readonly string[] }
  | { readonly type: 'ignoreEnvironment' }
  /** Send `pool.timer` after `delay` ms in which the host was at work, see `patientTimeout()`. */
  | { readonly type: 'setTimer'; readonly timer: number; readonly delay: number }
  | { readonly type: 'clearTimer'; readonly timer: number }
  | Told
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly fields: Readonly<Record<string, unknown>>
      readonly message: string
    }
  /** No call is with a worker any more, or it was given up to wait for that. */
  | { readonly type: 'drained'; readonly error: TerrariumError | undefined }
  /** Every worker was replaced, or not, for this reason. */
  | { readonly type: 'reloaded'; readonly error: TerrariumError | undefined }
  /** Start a worker in a slot that is new; answer with `spare.gone` if that is not possible. */
  | { readonly type: 'startSpare'; readonly slot: Slot }
  /** End the worker of this slot in order and give up the slot; answer with `spare.gone`. */
  | { readonly type: 'dismissSpare'; readonly slot: Slot }
  /** End the slot's worker in order and start a new one; answer with `reload.stuck` if that is not possible. */
  | { readonly type: 'replace'; readonly slot: Slot }
  /** Get what the workers stand on; answer with `pool.opened` or `pool.failed`. */
  | { readonly type: 'open' }
  /** Start the supervisor of the workers. */
  | { readonly type: 'startWorkers' }
  /** The pool has started, or it has not, for this reason. */
  | { readonly type: 'started'; readonly error: TerrariumError | undefined }
  /** End the workers in order and prove it; answer with `pool.closed`. */
  | { readonly type: 'close' }
  /** Kill the workers now. Nothing is to be answered. */
  | { readonly type: 'abandon' }
  /** The pool has ended. The last effect there is. */
  | { readonly type: 'end'; readonly reason: ExitReason; readonly left: number }

/** Where effects go. */
export interface EffectSink {
  push(effect: Effect): unknown
}
