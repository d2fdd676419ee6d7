/**
 * What packages are built on, `@terrarium/supervisor/base`: the error class and its codes, clocks, exit reasons, checks
 * of options, calls into the user's code, and the checks for options that a package passes on to a supervisor of its
 * own. This door loads no XState, so a package that needs no actors can enter by it.
 */
export { Listeners } from './base/listeners.ts'
export {
  Checker,
  classOf,
  hasFunctions,
  invalid,
  isBoolean,
  isDuration,
  isFields,
  isFunction,
  isList,
  isName,
  isNumber,
  isOptions,
  shown,
  type Fault,
  type Fields,
  type Mistake,
  type Names,
} from './base/checker.ts'
export { fieldsOf, listOf, ownOptions } from './base/own-options.ts'
export { isAborted, onAbort, reasonOf, type AbortWait, type CallSignal } from './base/abort.ts'
export { askUser, reportOnce, tellUser } from './base/user-code.ts'
export { faultReporter, reportFault, type OnFault } from './base/platform.ts'
export { GuardedClock } from './base/guarded-clock.ts'
export { harmless } from './base/inspector.ts'
export { READY } from './base/brand.ts'
export { exitWith, reasonOfOutput, type ExitOutput, type ExitReason } from './base/exit-reason.ts'
export type { PlainError } from './base/plain-error.ts'
export { systemClock, type SupervisorClock } from './base/clock.ts'
export { patientTimeout } from './base/patience.ts'
export { KeepAlive, ReferencedClock } from './base/keep-alive.ts'
export { ASYNC_DISPOSE, type Stoppable } from './base/async-disposable.ts'
export type { ErrorCode } from './base/error-codes.ts'
export {
  isTerrariumError,
  messageOf,
  showSite,
  siteAbove,
  TerrariumError,
  type CallSite,
  type TerrariumErrorOptions,
} from './base/errors.ts'
export { SUPERVISOR_EVENTS } from './spec/events.ts'
export { mistakesOfSupervision } from './spec/validate.ts'
export { POLICIES } from './spec/validate-policies.ts'
