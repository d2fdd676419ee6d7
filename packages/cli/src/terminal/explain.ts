// Errors as text for a person at a terminal.
import { isTerrariumError } from '@terrarium/supervisor/base'
import { isParseError, isUsage, UsageError } from './usage-error.ts'

/**
 * The text of an error for a person. A TerrariumError: code, message and hint, without a stack trace; a PYTHON_ERROR
 * with the traceback of Python. An error of the system: its message. Anything else is a bug, and is shown with its
 * stack.
 */
export function explain(error: unknown): string {
  if (isTerrariumError(error)) {
    const { code, message, hint, details } = error
    const traceback = code === 'PYTHON_ERROR' && typeof details.traceback === 'string' ? details.traceback : ''
    return [traceback.trimEnd(), `${code}: ${message}`, hint === undefined ? '' : `hint: ${hint}`]
      .filter((line) => line !== '')
      .join('\n')
  }
  if (error instanceof UsageError) return error.message
  if (isParseError(error)) return `${error.message}\nSee --help.`
  if (error instanceof Error) {
    const isSystemError = typeof (error as NodeJS.ErrnoException).errno === 'number'
    return isSystemError ? error.message : (error.stack ?? error.message)
  }
  return String(error)
}

/** An error as plain data, for `--json`. */
export function errorToJson(error: unknown): {
  readonly code: string
  readonly message: string
  readonly hint?: string
} {
  if (!isTerrariumError(error)) return { code: isUsage(error) ? 'USAGE' : 'ERROR', message: explain(error) }
  const { code, message, hint } = error
  return { code, message, ...(hint === undefined ? {} : { hint }) }
}

/** The exit code for an error: 2 for wrong usage, else 1. */
export function exitCodeOf(error: unknown): number {
  return isUsage(error) ? 2 : 1
}
