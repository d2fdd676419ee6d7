/**
 * Many supervised Python workers behind one call. `createPool` makes a pool that stands alone; `pool` makes a pool as
 * XState actor logic, for a supervisor or a machine of your own, and `poolOf` makes its calls.
 *
 * ```ts
 * import { writeFileSync } from 'node:fs'
 * import { createPool, pool, poolOf } from '@terrarium/pool'
 * import { createSupervisor } from '@terrarium/supervisor'
 *
 * writeFileSync('tools.py', 'from terrarium import tool\n\n@tool\ndef add(a: int, b: int) -> int:\n    return a + b\n')
 *
 * const alone = createPool({ name: 'alone', tools: './tools.py', size: 2 })
 * await alone.start()
 * console.log(await alone.call('add', { a: 1, b: 2 }, { timeout: 5_000 })) // 3
 * console.log(await alone.stop()) // { processesLeft: 0 }
 *
 * const sums = pool({ name: 'sums', tools: './tools.py' })
 * const app = createSupervisor({ id: 'app', children: [{ id: 'sums', logic: sums, type: 'supervisor' }] })
 * await app.start()
 * console.log(await poolOf(app.child('sums')).call('add', { a: 3, b: 4 })) // 7
 * await app.stop()
 * ```
 */
/// <reference types="node" preserve="true" />
export type { Pool, PoolAccess, PoolEvents, PoolStats, PoolStatus, StopReport, WorkerInfo } from './api.ts'
export type { CallOptions, PoolOptions } from './options.ts'
export { createPool } from './handle.ts'
export { pool, poolOf, type PoolEmitted, type PoolLogic, type PoolShutdown } from './pool.ts'
export type { PersistedPool, PoolJson, PoolSnapshot, WorkerState, WorkerView } from './snapshot.ts'
export { NdArray, type TypedArray, type ValueType, type WorkerOutput } from '@terrarium/worker'
