/// <reference types="node" preserve="true" />
export type { Pool, PoolEvents, PoolStats, PoolStatus, StopReport, WorkerInfo } from './api.ts'
export type { CallOptions, PoolOptions } from './options.ts'
export { createPool } from './pool.ts'
export { NdArray, type TypedArray, type ValueType, type WorkerOutput } from '@terrarium/worker'
