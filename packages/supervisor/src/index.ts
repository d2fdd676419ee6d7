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
export { createSupervisor, type SimpleSupervisor, type Supervisor } from './handle.ts'
export { administrate, type Administration, type AnyAdministration } from './administration.ts'
export type { SupervisorStopOptions } from './otp/stop-supervisor.ts'
export type { Explanation } from './core/explain.ts'
export type { RestartBudget } from './core/restart-budget.ts'
export type { WhatIf } from './core/what-if.ts'
export { supervisor, type SupervisorLogic, type SupervisorSnapshot } from './actor/logic.ts'
export type { ChildJson, SupervisorJson } from './actor/snapshot-json.ts'
export type { SupervisorOptions } from './spec/options.ts'
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
export type { SupervisorEvent, SupervisorEvents } from './spec/events.ts'
export { exitWith, type ExitReason } from './base/exit-reason.ts'
export { failureToJson, type FailureClass, type FailureInfo, type FailureJson } from './policy/failure.ts'
export { systemClock, type SupervisorClock } from './base/clock.ts'
export type { OnFault } from './base/platform.ts'
export type { ErrorCode } from './base/error-codes.ts'
export { isTerrariumError, TerrariumError } from './base/errors.ts'
