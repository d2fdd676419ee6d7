/**
 * The plug-in points of a supervisor, `@terrarium/supervisor/strategies`: restart strategies, the built-in ones
 * included, backoff, breaker, and the classifier of failures.
 */
export {
  restartStrategy,
  STRATEGIES,
  type ChildOf,
  type ChildView,
  type DynamicStrategyName,
  type PlanAction,
  type PlanFailure,
  type Proposal,
  type RestartContext,
  type RestartPlan,
  type RestartStrategy,
  type StrategyName,
} from './spec/strategy.ts'
export type { Because, PlannedBecause } from './spec/because.ts'
export type { BackoffOptions, DelayInput, Jitter } from './policy/backoff.ts'
export type { BreakerOptions, ParkCause } from './policy/breaker.ts'
export type { FailureClassifier, FailureContext, FailurePhase } from './policy/failure.ts'
