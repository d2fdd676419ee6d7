// The events that a supervisor emits, with the data of each.
import type { AnyActorRef } from 'xstate'
import type { ParkCause } from '../policy/breaker.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Because } from './because.ts'

interface ChildEvent<TType extends string> {
  readonly type: TType
  /** The supervisor's id. */
  readonly supervisor: string
  /** The child's id. */
  readonly id: string
  readonly incarnation: number
  /** The actor, or the last one if there is none now; `undefined` if there never was one. */
  readonly ref: AnyActorRef | undefined
}

interface Caused {
  /**
   * The failure that is the reason; of a child that was not asked to end its own, before the strategy is asked. Left
   * out if there is none: for the first start, an operation, an orderly stop, and a clean end.
   */
  readonly because?: Because | undefined
}

/** One event per transition of a child, and one for the end of the supervisor. */
export type SupervisorEvent =
  /**
   * An actor was created and started. Followed by exactly one `child.exit`. `resumed`: true if it continues from a
   * snapshot, see `resume`.
   */
  | (ChildEvent<'child.start'> & Caused & { readonly ref: AnyActorRef; readonly resumed?: true })
  | (ChildEvent<'child.ready'> & { readonly ref: AnyActorRef })
  | (ChildEvent<'child.exit'> & Caused & { readonly reason: ExitReason; readonly ref: AnyActorRef })
  /** The child stays down for `delay` ms after its `attempt`-th failure in a row. */
  | (ChildEvent<'child.backoff'> &
      Caused & {
        readonly delay: number
        readonly attempt: number
        readonly failure: FailureInfo
      })
  /**
   * The child is being started again after its `attempt`-th failure in a row; with a group strategy its siblings too.
   * `attempt` is 0 for a child that a plan starts again for another one's failure.
   */
  | (ChildEvent<'child.restart'> & Caused & { readonly attempt: number })
  /** The child stays down, since another start would fail again. Also emitted when a probe has failed. */
  | (ChildEvent<'child.parked'> & Caused & { readonly failure: FailureInfo; readonly cause: ParkCause })
  /** The child has failed `failures` times within the window. At most once per window. */
  | (ChildEvent<'child.crash_loop'> & { readonly failures: number; readonly failure: FailureInfo })
  /**
   * The child has failed again from the snapshot with which it was resumed: its next start is from the beginning.
   */
  | (ChildEvent<'child.resume_dropped'> & { readonly failure: FailureInfo })
  /** A parked child is ready again. Emitted just before its `child.ready`. */
  | ChildEvent<'child.unparked'>
  /** Nothing of the supervisor is left. */
  | { readonly type: 'supervisor.exit'; readonly supervisor: string; readonly reason: ExitReason }

/** Listeners by event type. */
export type SupervisorEvents = {
  [Event in SupervisorEvent as Event['type']]: (event: Event) => void
}

// The type makes the compiler refuse a missing event.
export const SUPERVISOR_EVENTS: Readonly<Record<keyof SupervisorEvents, true>> = {
  'child.start': true,
  'child.ready': true,
  'child.exit': true,
  'child.backoff': true,
  'child.restart': true,
  'child.parked': true,
  'child.crash_loop': true,
  'child.resume_dropped': true,
  'child.unparked': true,
  'supervisor.exit': true,
}
