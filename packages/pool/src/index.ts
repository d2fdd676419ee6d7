/// <reference types="node" preserve="true" />
export type { Pool, PoolAccess, PoolEvents, PoolStats, PoolStatus, StopReport, WorkerInfo } from './api.ts'
export type { CallOptions, PoolOptions } from './options.ts'
export { createPool } from './handle.ts'
export { pool, poolOf, type PoolEmitted, type PoolLogic } from './pool.ts'
export type { PersistedPool, PoolJson, PoolSnapshot, WorkerState, WorkerView } from './snapshot.ts'
export { NdArray, type TypedArray, type ValueType, type WorkerOutput } from '@terrarium/worker'
