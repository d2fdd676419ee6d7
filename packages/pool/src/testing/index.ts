/**
 * For tests of code that calls a pool: a pool without Python, a habitat for tests with real workers, matchers and
 * assertions. A test fails at its end if it did not look at a failure.
 *
 * ```ts
 * import { afterEach, test } from 'node:test'
 * import { habitats } from '@terrarium/pool/testing'
 *
 * const habitat = habitats(afterEach)
 *
 * test('doubles', async () => {
 *   const pool = habitat().testPool({ name: 'text', tools: { double: ({ n }: { n: number }) => 2 * n } })
 *   await pool.start()
 *   await pool.call('double', { n: 2 })
 * })
 * ```
 */
/// <reference types="node" preserve="true" />
export { VirtualClock } from '@terrarium/supervisor/testing'
export {
  Habitat,
  habitats,
  processesOf,
  type HabitatOptions,
  type HabitatPoolOptions,
  type LogLine,
} from './habitat.ts'
export {
  assertEveryChildReady,
  assertNoProcessLeft,
  assertNothingRestarted,
  matchers,
  type PoolMatchers,
} from './matchers.ts'
export { testPool, testPoolLogic, type TestPool, type TestPoolOptions } from './test-pool.ts'
export type { PoolFaults } from './slot-faults.ts'
export type { BootContext } from './test-resources.ts'
export { FeedError } from './worker-feeds.ts'
export type { TestExit, TestTool, ToolContext, ToolFunction } from './tool.ts'
export type { TestHost, TestHostOptions } from './worker-host.ts'
export type { TestSession } from './worker-sessions.ts'
