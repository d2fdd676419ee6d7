import type { AnyActorRef } from 'xstate'
import type { ExitReason } from '../base/exit-reason.ts'
import type { Call, Reply } from './call.ts'

export interface Death {
  readonly reason: ExitReason
  /** For jitter: from 0 inclusive to 1 exclusive. */
  readonly random: number
}

interface About {
  readonly id: string
  /**
   * Which start of the supervisor's this is about; unlike an incarnation never used twice, whatever becomes of the
   * child.
   */
  readonly birth: number
}

/** What became of a start. Ignored if the child has been started again or is gone. */
export type ChildNews =
  /** The actor exists; perhaps it is ready already, and perhaps that was all it had to do. */
  | (About & {
      readonly type: 'supervisor.child.spawned'
      readonly ref: AnyActorRef
      readonly ready: boolean
      readonly death?: Death | undefined
    })
  /** The start function said IGNORE. */
  | (About & { readonly type: 'supervisor.child.ignored' })
  | (About & { readonly type: 'supervisor.child.ready' })
  /** Its start function has given a promise. */
  | (About & { readonly type: 'supervisor.child.making' })
  /** It has been told to end by itself. */
  | (About & { readonly type: 'supervisor.child.asked' })
  /** The actor is gone, or could not be made. */
  | (About & Death & { readonly type: 'supervisor.child.exited' })

/** An administrative operation. */
export interface Asked {
  readonly type: 'supervisor.call'
  readonly call: Call
  readonly reply: Reply
}

/** Stop the children in order, then end with `reason`; default `shutdown`. */
export interface Shutdown {
  readonly type: 'supervisor.shutdown'
  readonly reason?: ExitReason | undefined
}

/**
 * What the core is told: the supervisor actor's own events, as an inspector sees them. `random` is for jitter: from 0
 * inclusive to 1 exclusive.
 */
export type CoreEvent =
  /** Start the children. */
  | { readonly type: 'supervisor.boot' }
  /** Look at what waits. */
  | { readonly type: 'supervisor.go_on' }
  /** A start has failed and waits for its turn to be tried again (mode `otp`). */
  | { readonly type: 'supervisor.retry'; readonly id: string }
  /** A child has died at its start, which is known already, and waits for its turn to be answered. */
  | { readonly type: 'supervisor.death'; readonly id: string; readonly birth: number }
  | Asked
  | Shutdown
  /** End at once; default reason `killed`. */
  | { readonly type: 'supervisor.halt'; readonly reason?: ExitReason }
  | { readonly type: 'supervisor.timer'; readonly id: string; readonly timer: number; readonly random: number }
  | ChildNews

/** What an event for the core is made of, beside its type; others come from somebody who does not know better (J14). */
const SHAPES: Readonly<Record<string, Readonly<Record<string, 'string' | 'number' | 'object' | 'function'>>>> = {
  'supervisor.boot': {},
  'supervisor.go_on': {},
  'supervisor.retry': { id: 'string' },
  'supervisor.death': { id: 'string', birth: 'number' },
  'supervisor.shutdown': {},
  'supervisor.call': { call: 'object', reply: 'function' },
  'supervisor.timer': { id: 'string', timer: 'number' },
  'supervisor.child.ready': { id: 'string', birth: 'number' },
  'supervisor.child.exited': { id: 'string', birth: 'number', reason: 'object' },
}

/** Whether an event that was sent to the supervisor is one for the core. */
export function isCoreEvent(event: { readonly type: string }): event is CoreEvent {
  const shape = SHAPES[event.type]
  if (shape === undefined) return false
  for (const field in shape)
    if (typeof (event as Readonly<Record<string, unknown>>)[field] !== shape[field]) return false
  return true
}
