/**
 * Marks a logic and its snapshots as a supervisor's. Registered, so that two copies of this package recognise each
 * other's.
 */
export const SUPERVISOR: unique symbol = Symbol.for('terrarium.supervisor') as never

export function isSupervisor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && SUPERVISOR in value
}

/** By this a logic of ours says when its actors are ready, if not as soon as they run. */
export const READY: unique symbol = Symbol.for('terrarium.ready') as never

/** Both supervisors and servers have a `phase`. */
export function isInPhaseRunning(snapshot: { readonly phase?: unknown }): boolean {
  return snapshot.phase === 'running'
}
