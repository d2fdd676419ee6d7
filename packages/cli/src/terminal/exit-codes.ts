// The exit codes of the `terrarium` command.
import { isTerrariumError, type ErrorCode } from '@terrarium/supervisor/base'
import { isUsage } from './usage-error.ts'

/** Not running: a program, a worker. */
const NOT_RUNNING = 3
/** No such program, worker or tool. */
export const NOT_FOUND = 4
const FAILED = 1
const USAGE = 2
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

/** The exit code of a state of a worker. */
export const exitCodeOfState = (state: string): number =>
  state === 'ready' || state === 'running' ? 0 : state === 'parked' ? CONFIGURATION : NOT_RUNNING

/** The exit code of the command for an error. */
export function exitCodeFor(error: unknown): number {
  if (isUsage(error)) return USAGE
  return isTerrariumError(error) ? (BY_CODE[error.code] ?? FAILED) : FAILED
}
