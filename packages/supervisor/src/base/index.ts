/**
 * The ground floor of all packages: the error class and its codes, clocks, exit reasons, checks of options, and the
 * calls into code of the user's. Nothing here imports XState or anything of the supervisor, so a package that needs no
 * actors enters by this door, `@terrarium/supervisor/base`.
 */
export { Listeners } from './listeners.ts'
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
} from './checker.ts'
export { fieldsOf, listOf, ownOptions } from './own-options.ts'
export { isAborted, onAbort, reasonOf, type AbortWait, type CallSignal } from './abort.ts'
export { askUser, reportOnce, tellUser } from './user-code.ts'
export { faultReporter, reportFault, type OnFault } from './platform.ts'
export { GuardedClock } from './guarded-clock.ts'
export { READY } from './brand.ts'
export { exitWith, reasonOfOutput, type ExitOutput, type ExitReason } from './exit-reason.ts'
export type { PlainError } from './plain-error.ts'
export { systemClock, type SupervisorClock } from './clock.ts'
export { patientTimeout } from './patience.ts'
export { KeepAlive, ReferencedClock } from './keep-alive.ts'
export { ASYNC_DISPOSE, type Stoppable } from './async-disposable.ts'
export { VirtualClock } from './virtual-clock.ts'
export type { ErrorCode } from './error-codes.ts'
export {
  isTerrariumError,
  messageOf,
  showSite,
  siteAbove,
  TerrariumError,
  type CallSite,
  type TerrariumErrorOptions,
} from './errors.ts'
