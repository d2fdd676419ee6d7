// What host and thread say to each other. Everything here is structured-cloned on its way, so it is plain data.
import type { EventObject } from 'xstate'
import type { PortableReason } from './portable.ts'

/** From the host to the thread. */
export type Order =
  /** Start what the module exposes: from `snapshot` if there is one, else with `input`. */
  | { readonly type: 'start'; readonly id: string; readonly input: unknown; readonly snapshot: unknown }
  /** An event for the actor. */
  | { readonly type: 'event'; readonly event: EventObject }
  /** End in order. */
  | { readonly type: 'shutdown' }

/** From the thread to the host. */
export type News =
  /** The module has called `expose()`, and waits for `start`. */
  | { readonly type: 'exposed' }
  | { readonly type: 'snapshot'; readonly mirror: Mirror }
  /** The actor has sent this event to its parent. */
  | { readonly type: 'sent'; readonly event: EventObject }
  | { readonly type: 'emitted'; readonly event: EventObject }
  /** The actor has ended. Nothing follows. */
  | { readonly type: 'ended'; readonly reason: PortableReason }
  /** An error that no code has caught. In Node the thread may still handle it. */
  | { readonly type: 'uncaught'; readonly reason: PortableReason }

/** A snapshot from inside, as plain data. */
export interface Mirror {
  /** What XState persists of the snapshot, without the children of {@link inline}. */
  readonly persisted: Readonly<Record<string, unknown>>
  /** The tags of a machine's state. */
  readonly tags: readonly string[]
  /** The ids of children whose logic has no name, and of which therefore nothing can be sent. */
  readonly inline: readonly string[]
}
