// Errors for a command that was called with wrong arguments.
/** The command was called with wrong arguments. Thrown before anything is started; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Whether an error was thrown by `parseArgs` of node:util. */
export function isParseError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS_')
}

export const isUsage = (error: unknown): boolean => error instanceof UsageError || isParseError(error)
