// How a supervisor gives up: because of a child's failures, or because its strategy has no valid plan.
import { TerrariumError } from '../base/errors.ts'
import type { ParkCause } from '../policy/breaker.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { end } from './ending.ts'
import { settleStopped } from './lifecycle.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/** The words of the error with which the supervisor gives up instead of parking the child. */
export const EXCEEDED: Readonly<Record<ParkCause, string>> = {
  configuration: 'configuration',
  identical_failures: 'identical failures',
  unstable: 'instability',
  exhausted: 'restart attempts',
  strategy: 'strategy',
  request: 'request',
}

/** Ends the supervisor because of a child. `exceeded`: what the child has exceeded, for the message. */
export function giveUp(turn: Turn, child: Child, exceeded: string, cause: unknown, failure?: FailureInfo): void {
  const { settings } = turn.state
  const because = child.cause
  settleStopped(turn, child)
  if (settings.giveUpWith === 'shutdown') end(turn, { type: 'shutdown' }, because)
  else end(turn, { type: 'error', error: gaveUp(settings.id, child, exceeded, cause, failure) }, because)
}

/**
 * Ends the supervisor because its strategy has no valid plan. That is a fault of the program: it is an error in every
 * mode, and never a clean end (E6).
 */
export function misplanned(turn: Turn, child: Child, cause: unknown): void {
  const { id, strategy } = turn.state.settings
  const because = child.cause
  settleStopped(turn, child)
  end(turn, { type: 'error', error: gaveUp(id, child, `strategy ${strategy.name}`, cause) }, because)
}

function gaveUp(id: string, child: Child, exceeded: string, cause: unknown, failure?: FailureInfo): TerrariumError {
  return new TerrariumError('STOPPED', `supervisor ${id} gave up: ${exceeded} of child ${child.id}`, {
    cause,
    hint: cause instanceof TerrariumError ? cause.hint : undefined,
    details: { supervisor: id, child: child.id, exceeded, ...(failure === undefined ? {} : { failure }) },
  })
}
