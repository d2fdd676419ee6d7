/** Marks a logic and its snapshots as a supervisor's. Registered, so that two copies of this package recognise each other's. */
export const SUPERVISOR: unique symbol = Symbol.for('terrarium.supervisor') as never

export function isSupervisor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && SUPERVISOR in value
}
