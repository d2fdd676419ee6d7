// Copies of options: read once, so that later changes and getters of the user's mean nothing to a pool.
import { fieldsOf, listOf, messageOf, ownOptions, POLICIES, TerrariumError } from '@terrarium/supervisor/base'
import { VALUE_TYPE } from '@terrarium/worker'
import {
  CALL_OPTIONS,
  HEARTBEAT,
  OPTIONS,
  STREAM_OPTIONS,
  type CallOptions,
  type PoolOptions,
  type StreamOptions,
} from './options.ts'
import { SESSION_OPTIONS, type SessionOptions } from './session-options.ts'

/** How the options are copied that hold something. */
export const POOL_FIELDS = {
  ...POLICIES,
  tools: listOf(),
  expose: listOf(),
  env: fieldsOf(),
  heartbeat: fieldsOf(HEARTBEAT),
  types: listOf(fieldsOf(VALUE_TYPE)),
}
const POOL = fieldsOf(OPTIONS, POOL_FIELDS)
const CALL = fieldsOf(CALL_OPTIONS)
const STREAM = fieldsOf(STREAM_OPTIONS)

export const ownPoolOptions = (options: PoolOptions): PoolOptions => ownOptions(options, POOL)

export const ownCallOptions = (options: CallOptions): CallOptions => ownOptions(options, CALL, 'options')

export const ownStreamOptions = (options: StreamOptions): StreamOptions => ownOptions(options, STREAM, 'options')

export const ownSessionOptions = (options: SessionOptions): SessionOptions =>
  ownOptions(options, fieldsOf(SESSION_OPTIONS), 'options')

export const unreadable = (what: string, cause: unknown): TerrariumError =>
  new TerrariumError('INVALID_ARGUMENT', `${what} cannot be read: ${messageOf(cause)}`, { cause })
