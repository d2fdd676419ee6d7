/**
 * What plug-ins have to bear, as tests for any runner:
 *
 * ```ts
 * import { test } from 'node:test'
 * import { describeRestartStrategy } from '@terrarium/supervisor/testing'
 *
 * describeRestartStrategy(strategy, { test })
 * ```
 */
export { describeBackoff, type BackoffSuiteOptions } from './backoff.ts'
export { describeFailureClassifier, type FailureClassifierSuiteOptions } from './failure-classifier.ts'
export { describeRestartStrategy, type RestartStrategySuiteOptions } from './restart-strategy.ts'
export type { PropertyOptions } from './generate.ts'
export type { KnownChild } from './situations.ts'
export type { SuiteOptions, TestFunction } from './suite.ts'
