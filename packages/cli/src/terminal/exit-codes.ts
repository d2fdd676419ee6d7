// The exit codes of the `terrarium` command.
import { isTerrariumError, type ErrorCode } from '@terrarium/supervisor/base'
import { isUsage } from './usage-error.ts'

/** Not running: a program, a worker. */
const NOT_RUNNING = 3
/** No such program, worker or tool. */
export const NOT_FOUND = 4
const FAILED = 1
const USAGE = 2
/** It runs, and not all is well. */
const DEGRADED = 5
const TRY_AGAIN = 75
const CONFIGURATION = 78
const DEADLINE = 124

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIGURATION,
  PARKED: CONFIGURATION,
  STOPPED: NOT_RUNNING,
  TOOL_NOT_FOUND: NOT_FOUND,
  POOL_SATURATED: TRY_AGAIN,
  STATE_LOCKED: TRY_AGAIN,
  DEADLINE_EXCEEDED: DEADLINE,
  QUEUE_TIMEOUT: DEADLINE,
}

/** What the exit code of an actor depends on. */
interface Judged {
  readonly value: string
  /** Of a pool. */
  readonly ready?: number
  readonly size?: number
}

/** The exit code of the state of an actor. A pool is degraded while it lacks workers. */
export function exitCodeOfActor({ value, ready = 0, size = 0 }: Judged): number {
  if (value === 'parked') return CONFIGURATION
  if (value !== 'ready' && value !== 'running') return NOT_RUNNING
  return ready < size ? DEGRADED : 0
}

/** The exit code for everything that `doctor` has found: configuration before all else. */
export function exitCodeForFindings(errors: readonly unknown[]): number {
  if (errors.length === 0) return 0
  return errors.some((error) => exitCodeFor(error) === CONFIGURATION) ? CONFIGURATION : DEGRADED
}

/** The exit code of the command for an error. */
export function exitCodeFor(error: unknown): number {
  if (isUsage(error)) return USAGE
  return isTerrariumError(error) ? (BY_CODE[error.code] ?? FAILED) : FAILED
}
