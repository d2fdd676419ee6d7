// What a supervisor shows of its children.
import type { AnyActorRef } from 'xstate'
import type { FailureInfo } from '../policy/failure.ts'

export type ChildState =
  /** Started, not ready yet. */
  | 'starting'
  /** Ready. */
  | 'running'
  /** About to be started again. */
  | 'restarting'
  /** Down until its delay is over. */
  | 'backing_off'
  /** Down because starting it again would fail again. */
  | 'parked'
  /** Down, and started only by an operation. */
  | 'stopped'
  /** Asked to end. */
  | 'stopping'

/** One child as seen from outside. */
export interface ChildInfo {
  readonly id: string
  readonly type: 'worker' | 'supervisor'
  readonly state: ChildState
  /** The actor, while there is one. Every incarnation is a new actor. */
  readonly ref?: AnyActorRef
  /** 0 before the first start, then counts starts. */
  readonly incarnation: number
  /** The last failure, until the child has been stable again. */
  readonly failure?: FailureInfo
  /** When the next start is due, in ms of the supervisor's clock. */
  readonly until?: number
}

/** OTP's counts: `specs` known, `active` alive right now, and the specs by type, alive or not. */
export interface ChildCounts {
  readonly specs: number
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}
