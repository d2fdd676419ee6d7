import type { AnyActorRef } from 'xstate'
import type { TerrariumError } from '../base/errors.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { Reply } from './call.ts'
import type { CoreEvent } from './event.ts'
import type { Child } from './state.ts'

/** Options of a supervisor that the core calls, and can do without. */
export type Hook = 'classify' | 'backoff.delay'

/** What the core wants done. Effects are carried out in order. */
export type Effect =
  /** Make the child's logic, create the actor and start it; report what becomes of it under this birth. */
  | { readonly type: 'start'; readonly child: Child; readonly birth: number }
  /**
   * Ask the child to end and report that. If it cannot hear it, or is to be killed without asking, stop it and report
   * its end: `shutdown` or `killed`, unless it has come to an end of its own already.
   */
  | { readonly type: 'shutdown'; readonly child: Child }
  /**
   * Stop the child hard. The core has declared it dead already. With `orphanedBy` the supervisor itself has died, for
   * this reason: a child that is a supervisor stops its own children in order instead.
   */
  | { readonly type: 'kill'; readonly ref: AnyActorRef; readonly orphanedBy?: ExitReason }
  /** Send `{ type: 'timer', id, timer }` after so many ms. */
  | { readonly type: 'setTimer'; readonly id: string; readonly timer: number; readonly delay: number }
  | { readonly type: 'clearTimer'; readonly timer: number }
  /** Tell whoever listens. */
  | SupervisorEvent
  | { readonly type: 'reply'; readonly reply: Reply; readonly result: Result }
  /** Come back with this event, behind whatever has been sent to the supervisor before (H12). */
  | { readonly type: 'comeBack'; readonly event: CoreEvent }
  /**
   * A function of the user's has failed, and something else has been decided. To be reported once for each function.
   */
  | { readonly type: 'fault'; readonly hook: Hook; readonly error: unknown }
  /** Let the world see the state as it is, and come back with `supervisor.go_on`. */
  | { readonly type: 'goOn' }
  /** The supervisor itself ends. The last effect there is. */
  | { readonly type: 'exit'; readonly reason: ExitReason }

export type Result =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: TerrariumError }
