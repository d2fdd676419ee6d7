/** The command was given something it cannot use. Nothing has been started; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Whether the error is one of `parseArgs` of node:util. */
export function isParseError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS_')
}
