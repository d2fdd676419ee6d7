// Asks the strategy of a supervisor. A strategy without a valid plan ends the supervisor.
import type { ParkCause } from '../policy/breaker.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Death } from './event.ts'
import { misplanned } from './giving-up.ts'
import { planOf, type Plan } from './plan.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * The plan for the failure of a child; `undefined` if the strategy has no valid one: the supervisor is ending. `cause`:
 * why the breaker parks the child, if it does; else the child is proposed for a restart after `delay` ms.
 */
export function ask(
  turn: Turn,
  failed: Child,
  death: Death,
  failure: FailureInfo | undefined,
  cause: ParkCause | undefined,
  delay: number,
): Plan | undefined {
  const { state, now } = turn
  const { builtIn } = state.settings
  // A built-in strategy changes nothing, so it needs no copies, and its answer needs no check.
  if (builtIn !== undefined || failure === undefined) return builtIn?.plan(failed, state.children.values())
  const { onExhausted } = failed.spec
  const proposal = cause === undefined ? { action: 'restart' as const, delay } : { action: onExhausted, cause }
  try {
    return planOf(state, { failed, death, now, failure, proposal })
  } catch (error) {
    misplanned(turn, failed, error)
    return undefined
  }
}
