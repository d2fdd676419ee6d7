/**
 * For tests of supervisors: a clock that moves only when told to, faults for any child, matchers and assertions, and a
 * watch that fails a test which did not look at a failure. And what plug-ins have to bear, as tests for any runner:
 *
 * ```ts
 * import { test } from 'node:test'
 * import { describeRestartStrategy } from '@terrarium/supervisor/testing'
 *
 * describeRestartStrategy(strategy, { test })
 * ```
 */
export { VirtualClock } from '../base/virtual-clock.ts'
export { describeBackoff, type BackoffSuiteOptions } from './backoff.ts'
export { describeFailureClassifier, type FailureClassifierSuiteOptions } from './failure-classifier.ts'
export { endError, FailureWatch, watchFailures, type AfterEach, type Watched } from './failure-watch.ts'
export { faultsOf, type FailStartsOptions, type FaultAddress, type FaultOptions, type Faults } from './faults.ts'
export {
  assertEveryChildReady,
  assertNothingRestarted,
  matchers,
  matchersFor,
  type MatcherResult,
  type SupervisorMatchers,
} from './matchers.ts'
export { describeRestartStrategy, type RestartStrategySuiteOptions } from './restart-strategy.ts'
export type { PropertyOptions } from './generate.ts'
export type { KnownChild } from './situations.ts'
export type { SuiteOptions, TestFunction } from './suite.ts'
export type { Descendant, Inside, Supervised } from './tree.ts'
