// The symbols by which this package recognises its own logics and snapshots, also from another copy of the
// package.

/**
 * Marks a logic and its snapshots as a supervisor's. Registered, so that two copies of this package recognise each
 * other's.
 */
export const SUPERVISOR: unique symbol = Symbol.for('terrarium.supervisor') as never

export function isSupervisor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && SUPERVISOR in value
}

/**
 * The field of a supervisor's snapshot by which the supervisors above and below learn of its causes. Called with the id
 * of a child and its state, it returns because of which failure the child is being started or stopped; without an id,
 * because of which failure the supervisor has ended.
 */
export const CAUSES: unique symbol = Symbol.for('terrarium.causes') as never

/** A logic's readiness test, if its actors are not ready as soon as they run. */
export const READY: unique symbol = Symbol.for('terrarium.ready') as never

/** The readiness test of supervisors and servers, whose snapshots have a `phase`. */
export function isInPhaseRunning(snapshot: { readonly phase?: unknown }): boolean {
  return snapshot.phase === 'running'
}
