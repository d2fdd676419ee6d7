// Causes: because of which failure something happens to a child, and to which incident the failure belongs.
import { isCleanExit } from '../base/exit-reason.ts'
import { LateFailure } from '../policy/late-failure.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Because } from '../spec/because.ts'
import { failureOf } from './assess.ts'
import type { Death } from './event.ts'
import type { Child, CoreState } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * The cause that the exit of a child is for what follows, before the strategy is asked. A nested supervisor that gave
 * up hands on its incident. A failure before the child was ready belongs to the incident for which the child was
 * started. Any other failure begins an incident.
 */
export function causeOf(turn: Turn, child: Child, death: Death): Because | undefined {
  const { state } = turn
  if (!isFailure(state, child, death)) return undefined
  const inherited = child.readyAt === undefined ? child.cause?.incident : undefined
  return {
    incident: death.incident ?? inherited ?? nextIncident(state),
    child: child.id,
    supervisor: state.settings.id,
    failure: failure(turn, child, death),
    plan: undefined,
  }
}

/** A clean end is a failure of a permanent child, and of a child that had to become ready first. */
function isFailure({ settings }: CoreState, { restart, readyAt, spec }: Child, { reason }: Death): boolean {
  if (restart === 'permanent' || !isCleanExit(reason)) return true
  return readyAt === undefined && (spec.awaitReady || settings.mode === 'otp')
}

/** What is known of a failure. Nothing is decided by it in mode `otp`, and for a temporary child. */
function failure(turn: Turn, child: Child, { reason }: Death): FailureInfo {
  const { mode } = turn.state.settings
  if (mode === 'default' && child.restart !== 'temporary') return failureOf(turn, child, reason)
  const { id, readyAt, trouble } = child
  return new LateFailure(id, reason, readyAt === undefined ? 'start' : 'run', trouble.failures + 1, turn.now)
}

function nextIncident(state: CoreState): string {
  state.lastIncident += 1
  return `${state.name}.${state.lastIncident}`
}
