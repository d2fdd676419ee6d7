/**
 * For tests, `@terrarium/supervisor/testing`: a virtual clock, and what plug-ins have to bear, as tests for any runner.
 *
 * ```ts
 * import { test } from 'node:test'
 * import { describeRestartStrategy } from '@terrarium/supervisor/testing'
 *
 * describeRestartStrategy(strategy, { test })
 * ```
 */
export { describeBackoff } from './backoff.ts'
export { describeFailureClassifier, type FailureClassifierSuiteOptions } from './failure-classifier.ts'
export { describeRestartStrategy, type RestartStrategySuiteOptions } from './restart-strategy.ts'
export type { SuiteOptions, TestFunction } from './suite.ts'
export { VirtualClock } from '../base/virtual-clock.ts'
