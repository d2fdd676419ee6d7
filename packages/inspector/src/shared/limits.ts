// How much is kept and sent, in one place. Whatever is above a limit is counted, and the page shows the count.

export interface ValueLimits {
  readonly depth: number
  /** Of one object, list, map or set. */
  readonly entries: number
  /** Of one string, in characters. */
  readonly text: number
  /** Of one whole value. */
  readonly nodes: number
}

/** Of a snapshot that is shown. */
export const SNAPSHOT_LIMITS: ValueLimits = { depth: 6, entries: 50, text: 200, nodes: 600 }

/** Of an event that is shown. */
export const EVENT_LIMITS: ValueLimits = { depth: 3, entries: 12, text: 80, nodes: 40 }

/** How often changes are sent, in ms. */
export const FLUSH_MS = 100

/** Actors that are known at a time. */
export const ACTORS = 5_000

/** Actors that have ended, and are still shown. */
export const ENDED_ACTORS = 200

/** Events that are kept for pages that open later, and for a saved trace. */
export const KEPT_EVENTS = 2_000

/** Events that a page gets with its first picture. */
export const FIRST_EVENTS = 500

/** Events sent in one flush: 2,000 a second. */
export const EVENTS_PER_FLUSH = 200

/** Payloads of events are written for at most this many ms of a flush. */
export const PAYLOAD_MS = 4

/** Details are written for at most this many ms of a flush. What is left waits for the next. */
export const DETAILS_MS = 10

/** Transitions of a watched actor sent in one flush. */
export const TRANSITIONS_PER_FLUSH = 40

/** Transitions kept of a watched actor, for a saved trace. */
export const KEPT_TRANSITIONS = 200

/** Actors that one page may watch at a time. */
export const WATCHED = 8

/** Definitions of machines, and state nodes of each. */
export const MACHINES = 500
export const NODES_PER_MACHINE = 1_000
export const DEPTH_OF_MACHINE = 24

/** A detail that took a time to write is next written after this many times that time. */
export const REST_FACTOR = 10

/** A page with more bytes unsent gets no deltas, and a whole picture later. */
export const UNSENT_BYTES = 1_000_000

/** The longest message of a page, in bytes. */
export const MESSAGE_BYTES = 4_096

/** Details are written into a trace for at most so many ms, and of at most so many actors. */
export const TRACE_MS = 500
export const TRACED_DETAILS = 300
