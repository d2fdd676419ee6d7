/** Every way Terrarium says no. Codes are stable; messages are for people. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'START_FAILED'
  | 'CONFIGURATION'
  | 'WORKER_CRASHED'
  | 'PYTHON_ERROR'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'POOL_SATURATED'
  | 'QUEUE_TIMEOUT'
  | 'SESSION_LOST'
  | 'WORKER_BUSY'
  | 'TOOL_NOT_FOUND'
  | 'PARKED'
  | 'POISON_CALL'
  | 'PAYLOAD_TOO_LARGE'
  | 'RESULT_NOT_SENDABLE'
  | 'STATE_LOCKED'
  | 'LOG_DAMAGED'
  | 'STOPPED'

export interface TerrariumErrorOptions {
  /** What to do about it, in one sentence or one command. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** Facts for programs: which worker, which module, which call. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** The one error class. `message` says what happened, `hint` what to do. */
export class TerrariumError extends Error {
  override readonly name = 'TerrariumError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: TerrariumErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

/** Whether a value is a {@link TerrariumError}, optionally with one of the given codes. */
export function isTerrariumError(value: unknown, ...codes: ErrorCode[]): value is TerrariumError {
  return value instanceof TerrariumError && (codes.length === 0 || codes.includes(value.code))
}
