/**
 * OTP supervision for XState actors: a supervisor starts its children in order, restarts a child that fails, and stops
 * them in reverse order. `createSupervisor` makes a supervisor that stands alone, `supervisor` makes actor logic.
 *
 * ```ts
 * import { createSupervisor } from '@terrarium/supervisor'
 * import { fromCallback } from 'xstate'
 *
 * const logic = fromCallback(({ receive }) => {
 *   receive(() => {
 *     throw new Error('cannot work like this')
 *   })
 * })
 * const app = createSupervisor({ id: 'app', children: [{ id: 'worker', logic }] })
 * await app.start() // every child is ready, or it rejects and nothing is left running
 *
 * const restarted = new Promise((resolve) => app.on('child.restart', resolve))
 * app.children[0].ref.send({ type: 'work' })
 * await restarted
 * console.log(app.children[0].state, app.children[0].incarnation) // running 2
 *
 * await app.stop()
 * ```
 */
export { createSupervisor, harmless, type SimpleSupervisor, type Supervisor } from './handle.ts'
export { administrate, type Administration, type AnyAdministration } from './administration.ts'
export type { SupervisorStopOptions } from './otp/stop-supervisor.ts'
export type { Explanation } from './core/explain.ts'
export type { Budget, WhatIf, WhatIfOptions, WhatIfPlan } from './core/what-if.ts'
export type { Step } from './core/rehearsal.ts'
export type { JournalJson } from './replay/journal-json.ts'
export { supervisor, type SupervisorLogic, type SupervisorSnapshot } from './actor/logic.ts'
export type { ChildJson, SupervisorJson } from './actor/snapshot-json.ts'
export type { AutoShutdown, JournalOptions, SupervisorOptions } from './spec/options.ts'
export {
  childSpec,
  IGNORE,
  type ChildSpec,
  type LogicOf,
  type RestartType,
  type StartContext,
  type StartResult,
  type TemplateSpec,
} from './spec/spec.ts'
export type { ChildCounts, ChildInfo, ChildState } from './spec/child-info.ts'
export { SUPERVISOR_EVENTS, type SupervisorEvent, type SupervisorEvents } from './spec/events.ts'
export { mistakesOfSupervision, POLICIES } from './spec/validate.ts'
export type { CallSignal } from './base/abort.ts'
export type { OnFault } from './base/platform.ts'
export { exitWith, type ExitOutput, type ExitReason } from './base/exit-reason.ts'
export {
  failureToJson,
  type FailureClass,
  type FailureClassifier,
  type FailureContext,
  type FailureInfo,
  type FailureJson,
  type FailurePhase,
} from './policy/failure.ts'
export type { PlainError } from './base/plain-error.ts'
export type { BackoffOptions, DelayInput, Jitter } from './policy/backoff.ts'
export type { BreakerOptions, ParkCause } from './policy/breaker.ts'
export type {
  ChildView,
  RestartContext,
  RestartPlan,
  RestartStrategy,
  StrategyName,
  DynamicStrategyName,
} from './spec/strategy.ts'
export { systemClock, type SupervisorClock } from './base/clock.ts'
export type { Stoppable } from './base/async-disposable.ts'
export { VirtualClock } from './base/virtual-clock.ts'
export type { ErrorCode } from './base/error-codes.ts'
export { isTerrariumError, TerrariumError, type CallSite, type TerrariumErrorOptions } from './base/errors.ts'
export { SupervisedActor } from './actor/supervised-actor.ts'
export { exit, exitReasonOf, exitSignal, trapExit, type ExitEvent } from './actor/exit.ts'
export { link, unlink } from './otp/link.ts'
export { monitor, type DownEvent, type Monitor } from './otp/monitor.ts'
export { call, type CallOptions } from './otp/server/call.ts'
export { cast } from './otp/server/cast.ts'
export { reply, type CallEvent, type From } from './otp/server/from.ts'
export { fromServer, type ServerLogic, type ServerSnapshot } from './otp/server/from-server.ts'
export type { HandlerResult, InitResult, Next, ServerBehaviour } from './otp/server/behaviour.ts'
export { stopServer, type StopOptions } from './otp/server/stop-server.ts'
export { startTask, type Task, type Work } from './supervised-task.ts'
export {
  createRegistry,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistryOptions,
} from './otp/registry.ts'
