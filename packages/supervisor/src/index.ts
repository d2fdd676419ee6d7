export { createSupervisor, harmless, type SimpleSupervisor, type Supervisor } from './handle.ts'
export { administrate, type Administration, type AnyAdministration } from './administration.ts'
export type { SupervisorStopOptions } from './stop.ts'
export { supervisor, type SupervisorLogic, type SupervisorSnapshot } from './logic.ts'
export type { ChildJson, SupervisorJson } from './snapshot-json.ts'
export type { AutoShutdown, SupervisorOptions } from './options.ts'
export {
  childSpec,
  IGNORE,
  type ChildSpec,
  type LogicOf,
  type RestartType,
  type StartContext,
  type StartResult,
  type TemplateSpec,
} from './spec.ts'
export type { ChildCounts, ChildInfo, ChildState } from './child-info.ts'
export { SUPERVISOR_EVENTS, type SupervisorEvent, type SupervisorEvents } from './events.ts'
export { Listeners } from './listeners.ts'
export {
  Checker,
  classOf,
  hasFunctions,
  isBoolean,
  isDuration,
  isFields,
  isFunction,
  isList,
  isName,
  isOptions,
  shown,
  type Fault,
  type Fields,
  type Mistake,
  type Names,
} from './checker.ts'
export { fieldsOf, listOf, ownOptions } from './own-options.ts'
export { mistakesOfSupervision, POLICIES } from './validate.ts'
export { isAborted, onAbort, reasonOf, type AbortWait, type CallSignal } from './abort.ts'
export { askUser, reportOnce, tellUser } from './user-code.ts'
export { reportFault, type OnFault } from './host.ts'
export { GuardedClock } from './guarded-clock.ts'
export { READY } from './brand.ts'
export { exitWith, type ExitOutput, type ExitReason } from './exit-reason.ts'
export {
  failureToJson,
  type FailureClass,
  type FailureClassifier,
  type FailureContext,
  type FailureInfo,
  type FailureJson,
  type FailurePhase,
} from './failure.ts'
export type { PlainError } from './plain-error.ts'
export type { BackoffOptions, DelayInput, Jitter } from './backoff.ts'
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
export { patientTimeout } from './patience.ts'
export { KeepAlive, ReferencedClock } from './keep-alive.ts'
export { ASYNC_DISPOSE, type Stoppable } from './async-disposable.ts'
export { VirtualClock } from './virtual-clock.ts'
export {
  isTerrariumError,
  messageOf,
  showSite,
  siteAbove,
  TerrariumError,
  type CallSite,
  type ErrorCode,
  type TerrariumErrorOptions,
} from './errors.ts'
export { SupervisedActor } from './supervised-actor.ts'
export { exit, exitReasonOf, exitSignal, trapExit, type ExitEvent } from './exit.ts'
export { link, unlink } from './link.ts'
export { monitor, type DownEvent, type Monitor } from './monitor.ts'
export { call, type CallOptions } from './server/call.ts'
export { cast } from './server/cast.ts'
export { reply, type CallEvent, type From } from './server/from.ts'
export { fromServer, type ServerLogic, type ServerSnapshot } from './server/from-server.ts'
export type { HandlerResult, InitResult, Next, ServerBehaviour } from './server/behaviour.ts'
export { stopServer, type StopOptions } from './server/stop-server.ts'
export { startTask, type Task, type Work } from './task.ts'
export {
  createRegistry,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistryOptions,
} from './registry.ts'
