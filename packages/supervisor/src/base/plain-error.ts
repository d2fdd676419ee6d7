// Errors as plain data, for snapshots and JSON.

/** An error as data: no cycles, no other fields, texts of bounded length. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly code?: string | number
}

/** In characters. */
const LONGEST_TEXT = 1_000

/** Any thrown value as data. Never throws. */
export function plainError(error: unknown): PlainError {
  try {
    if (!isErrorLike(error)) return { name: 'Error', message: text(String(error)) }
    const { name, message, code } = error
    const own = typeof code === 'number' ? { code } : typeof code === 'string' ? { code: text(code) } : {}
    return {
      name: typeof name === 'string' ? text(name) : 'Error',
      message: typeof message === 'string' ? text(message) : '',
      ...own,
    }
  } catch {
    return { name: 'Error', message: 'an error that cannot be looked at' }
  }
}

/** Errors of another realm are not instances of this realm's Error. */
function isErrorLike(error: unknown): error is Readonly<Record<'name' | 'message' | 'code', unknown>> {
  return typeof error === 'object' && error !== null && (error instanceof Error || 'message' in error)
}

function text(full: string): string {
  return full.length > LONGEST_TEXT ? `${full.slice(0, LONGEST_TEXT)}…` : full
}
