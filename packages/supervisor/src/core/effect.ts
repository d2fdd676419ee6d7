// The effects of the core: what it wants done, as data. The shell carries them out.
import type { AnyActorRef } from 'xstate'
import type { TerrariumError } from '../base/errors.ts'
import type { Because } from '../spec/because.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { Reply } from './operation.ts'
import type { CoreEvent } from './event.ts'
import type { Child } from './state.ts'
import type { WhatIfOptions } from './what-if.ts'

/** Hooks that the core calls and can do without. */
export type Hook = 'classify' | 'backoff.delay'

/** One effect. Effects are carried out in order. */
export type Effect =
  /** Make the child's logic, create the actor and start it. Report news under this start number. */
  | { readonly type: 'start'; readonly child: Child; readonly startNumber: number }
  /**
   * Ask the child to end, and report that it was asked. A child that does not handle the request, or has `brutal_kill`,
   * is stopped instead and its exit reported: `shutdown` or `killed`, unless it has already ended by itself.
   */
  | { readonly type: 'shutdown'; readonly child: Child }
  /**
   * Stop the child hard. The core has declared it exited already. With `orphanedBy` the supervisor itself has ended,
   * for that reason: a child that is a supervisor then stops its own children in order.
   */
  | {
      readonly type: 'kill'
      readonly ref: AnyActorRef
      readonly orphanedBy?: ExitReason
      readonly because?: Because | undefined
    }
  /** Send `supervisor.timer` with `id` and `timer` after `delay` ms. */
  | { readonly type: 'setTimer'; readonly id: string; readonly timer: number; readonly delay: number }
  | { readonly type: 'clearTimer'; readonly timer: number }
  /** Emit this event. */
  | SupervisorEvent
  | { readonly type: 'reply'; readonly reply: Reply; readonly result: Result }
  /** Answer what would follow if this child failed. Behind all effects before it, so that the state is up to date. */
  | {
      readonly type: 'imagine'
      readonly id: string
      readonly error: unknown
      readonly options: WhatIfOptions
      readonly reply: Reply
    }
  /** Send this event to the supervisor itself, behind all that was sent before (H12). */
  | { readonly type: 'comeBack'; readonly event: CoreEvent }
  /** A hook of the user's has failed, and a default was used instead. Reported once for each hook. */
  | { readonly type: 'fault'; readonly hook: Hook; readonly error: unknown }
  /** End the turn, so that observers see the state, and send `supervisor.go_on`. */
  | { readonly type: 'goOn' }
  /** The supervisor itself ends. Always the last effect. */
  | { readonly type: 'exit'; readonly reason: ExitReason }

export type Result =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: TerrariumError }
