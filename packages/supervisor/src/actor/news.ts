// Events of the shell itself. All others are events of the core.
import type { AnyActorRef } from 'xstate'
import type { ExitReason } from '../base/exit-reason.ts'

/** The promise of a start function is settled. An event of the shell itself. */
export interface Arrival {
  readonly type: 'supervisor.child.arrived'
  readonly id: string
  readonly startNumber: number
  readonly arrival: { readonly logic: unknown } | { readonly error: unknown }
}

/** Sent by `exit()` to the supervisor of the actor that it ended. */
export interface ForeignExit {
  readonly type: 'supervisor.child.exited'
  readonly id: string
  readonly ref: AnyActorRef
  readonly reason: ExitReason
}
