// The events of the core: what it is told.
import type { AnyActorRef } from 'xstate'
import type { ExitReason } from '../base/exit-reason.ts'
import type { Because } from '../spec/because.ts'
import type { Operation, Reply } from './operation.ts'

/** The end of an incarnation. */
export interface Death {
  readonly reason: ExitReason
  /** For jitter: from 0 inclusive to 1 exclusive. */
  readonly random: number
  /** The wall clock, in ms since the epoch; for strategies. */
  readonly time?: number | undefined
  /** The incident for which a nested supervisor has ended. */
  readonly incident?: string | undefined
}

/** An exit that the core has recorded, with what it is for all that follows from it. */
export interface Ended extends Death {
  /** The failure of the child. Missing for a clean end after which the child is not restarted. */
  readonly because: Because | undefined
}

interface About {
  readonly id: string
  /**
   * The start number that the event is about. Unlike an incarnation it is never used twice, even if the child is
   * deleted and added again.
   */
  readonly startNumber: number
}

/** News of one start. Ignored if the child has been started again or is gone. */
export type ChildNews =
  /** The actor exists. It may be ready already, and it may even have ended. */
  | (About & {
      readonly type: 'supervisor.child.spawned'
      readonly ref: AnyActorRef
      readonly ready: boolean
      readonly death?: Death | undefined
      /** True if the actor continues from a snapshot. */
      readonly resumed?: true | undefined
    })
  /** The start function returned IGNORE. */
  | (About & { readonly type: 'supervisor.child.ignored' })
  | (About & { readonly type: 'supervisor.child.ready' })
  /** The start function returned a promise. */
  | (About & { readonly type: 'supervisor.child.making' })
  /** The actor was asked to end by itself. */
  | (About & { readonly type: 'supervisor.child.asked' })
  /** The actor is gone, or could not be made. */
  | (About & Death & { readonly type: 'supervisor.child.exited' })

/** An administrative operation. */
export interface Asked {
  readonly type: 'supervisor.call'
  readonly call: Operation
  readonly reply: Reply
}

/** Stop the children in order, then end with `reason`, by default `shutdown`. */
export interface Shutdown {
  readonly type: 'supervisor.shutdown'
  readonly reason?: ExitReason | undefined
  /** Because of which failure the supervisor above stops this one. */
  readonly because?: Because | undefined
}

/**
 * The events of the core: the supervisor actor's own events, as an inspector sees them. `random` is for jitter: from 0
 * inclusive to 1 exclusive.
 */
export type CoreEvent =
  /** Start the children. `because`: the failure for which the supervisor above has started this one. */
  | { readonly type: 'supervisor.boot'; readonly because?: Because | undefined }
  /** Continue with the queue. */
  | { readonly type: 'supervisor.go_on' }
  /** Try a failed start again, after the events that were sent before (mode `otp`). */
  | { readonly type: 'supervisor.retry'; readonly id: string }
  /** A child has exited during its start. The exit is recorded; events that were sent before are decided first. */
  | { readonly type: 'supervisor.death'; readonly id: string; readonly startNumber: number }
  | Asked
  | Shutdown
  /** End at once, by default with reason `killed`. */
  | { readonly type: 'supervisor.halt'; readonly reason?: ExitReason; readonly because?: Because | undefined }
  | {
      readonly type: 'supervisor.timer'
      readonly id: string
      readonly timer: number
      readonly random: number
      readonly time?: number | undefined
    }
  | ChildNews

/** Required fields per event; an event without them is ignored (J14). */
const SHAPES: Readonly<Record<string, Readonly<Record<string, 'string' | 'number' | 'object' | 'function'>>>> = {
  'supervisor.boot': {},
  'supervisor.go_on': {},
  'supervisor.retry': { id: 'string' },
  'supervisor.death': { id: 'string', startNumber: 'number' },
  'supervisor.shutdown': {},
  'supervisor.call': { call: 'object', reply: 'function' },
  'supervisor.timer': { id: 'string', timer: 'number' },
  'supervisor.child.ready': { id: 'string', startNumber: 'number' },
  'supervisor.child.exited': { id: 'string', startNumber: 'number', reason: 'object' },
}

/** True if an event that was sent to the supervisor has the shape of a core event. */
export function isCoreEvent(event: { readonly type: string }): event is CoreEvent {
  const shape = SHAPES[event.type]
  if (shape === undefined) return false
  for (const field in shape)
    if (typeof (event as Readonly<Record<string, unknown>>)[field] !== shape[field]) return false
  return true
}
