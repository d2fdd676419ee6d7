// Errors as text for a person at a terminal.
import { isTerrariumError } from '@terrarium/supervisor/base'
import { isParseError, UsageError } from './usage-error.ts'

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

/** The exit code for an error: 2 for wrong usage, else 1. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError || isParseError(error) ? 2 : 1
}
