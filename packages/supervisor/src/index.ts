export { createSupervisor, type Supervisor } from './handle.ts'
export { administrate, type Administration } from './administration.ts'
export { supervisor, type SupervisorLogic, type SupervisorSnapshot } from './logic.ts'
export type { AutoShutdown, SupervisorOptions } from './options.ts'
export { IGNORE, type ChildSpec, type RestartType, type StartContext, type StartResult } from './spec.ts'
export type { ChildCounts, ChildInfo, ChildState } from './child-info.ts'
export type { SupervisorEvent, SupervisorEvents } from './events.ts'
export { exitWith, type ExitOutput, type ExitReason } from './exit-reason.ts'
export type { FailureClass, FailureClassifier, FailureContext, FailureInfo, FailurePhase } from './failure.ts'
export type { BackoffOptions, Jitter } from './backoff.ts'
export type { BreakerOptions, ParkCause } from './breaker.ts'
export type {
  ChildView,
  RestartContext,
  RestartPlan,
  RestartStrategy,
  StrategyName,
  DynamicStrategyName,
} from './strategy.ts'
export { systemClock, type SupervisorClock } from './clock.ts'
export { VirtualClock } from './virtual-clock.ts'
export { TerrariumError, isTerrariumError, type ErrorCode, type TerrariumErrorOptions } from './errors.ts'
