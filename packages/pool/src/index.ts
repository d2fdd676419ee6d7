/**
 * Many supervised Python workers behind one call. `createPool` makes a pool that stands alone; `pool` makes one as
 * actor logic, for a supervisor or machine of your own.
 *
 * ```ts
 * import { createPool } from '@terrarium/pool'
 *
 * const pool = createPool({ name: 'text', tools: './tools.py', size: 2 })
 * await pool.start()
 * const counts = await pool.call('word_count', { text: 'a b a' }, { timeout: 5_000 })
 * console.log(counts) // { a: 2, b: 1 }
 * console.log(await pool.stop()) // { processesLeft: 0 }
 * ```
 */
/// <reference types="node" preserve="true" />
export type {
  Pool,
  PoolAccess,
  PoolEvents,
  PoolStats,
  PoolStatus,
  StopResult,
  ToolDescription,
  ToolSession,
  ToolStream,
  WorkerInfo,
} from './api.ts'
export type { Priority } from './core/lanes.ts'
export type { Affinity, SessionEnd } from './core/tool-session.ts'
export type { CallArguments, CallOptions, PoolOptions, StreamOptions } from './options.ts'
export type { SessionOptions } from './session-options.ts'
export { createPool } from './handle.ts'
export type { ArgumentsSchema, ExposeOptions, HostContext, HostFunction } from './host-functions.ts'
export type { MapItems, MapOptions } from './map.ts'
export { pool, poolOf, type PoolEmitted, type PoolLogic, type PoolShutdown } from './pool.ts'
export type { Ground } from './resources.ts'
export type { PersistedPool, PoolJson, PoolSnapshot, WorkerState, WorkerView } from './snapshot.ts'
export { isTerrariumError, type ErrorCode, type TerrariumError } from '@terrarium/supervisor/base'
export { NdArray, type Progress, type TypedArray, type ValueType, type WorkerOutput } from '@terrarium/worker'
