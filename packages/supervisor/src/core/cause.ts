// Causes: because of which failure something happens to a child, and to which incident the failure belongs.
import { LateFailure } from '../policy/late-failure.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Because, PlannedBecause } from '../spec/because.ts'
import type { Death } from './event.ts'
import type { Child, CoreState } from './state.ts'

/**
 * The cause that the failure of a child is for what follows. A nested supervisor that gave up hands on its incident. A
 * failure before the child was ready belongs to the incident for which the child was started. Any other failure begins
 * an incident.
 */
export function causeOf(
  state: CoreState,
  child: Child,
  death: Death,
  failure: FailureInfo,
  plan: PlannedBecause | undefined,
): Because {
  const inherited = child.readyAt === undefined ? child.cause?.incident : undefined
  return {
    incident: death.incident ?? inherited ?? nextIncident(state),
    child: child.id,
    supervisor: state.settings.id,
    failure,
    plan,
  }
}

function nextIncident(state: CoreState): string {
  state.lastIncident += 1
  return `${state.name}.${state.lastIncident}`
}

/** The failure of a child in mode `otp`, and of a child that has failed in the first start of its supervisor. */
export function lateFailure({ id, readyAt }: Child, { reason }: Death, attempts: number, now: number): FailureInfo {
  return new LateFailure(id, reason, readyAt === undefined ? 'start' : 'run', attempts, now)
}
