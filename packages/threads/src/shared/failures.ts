// The errors with which a thread fails, each with what to do about it.
import { TerrariumError } from '@terrarium/supervisor/base'

/** Codes of errors that say that a module, or a part of it, cannot be loaded. */
const UNLOADABLE: ReadonlySet<unknown> = new Set([
  'MODULE_NOT_FOUND',
  'ERR_MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_UNSUPPORTED_ESM_URL_SCHEME',
  'ERR_WORKER_PATH',
])

/** The thread failed before its module had called `expose()`. */
export function notLoaded(thread: string, module: string, cause: unknown): TerrariumError {
  const { code, name, message } = (cause ?? {}) as { code?: unknown; name?: unknown; message?: unknown }
  const details = { thread, module }
  const why = typeof message === 'string' && message !== '' ? `: ${message}` : ''
  if (cause === undefined || UNLOADABLE.has(code) || name === 'SyntaxError')
    return new TerrariumError('CONFIGURATION', `thread ${thread} cannot load its module ${module}${why}`, {
      hint: 'Correct the address of the module, or what it imports. The thread is not started again until then.',
      cause,
      details,
    })
  return new TerrariumError('START_FAILED', `the module of thread ${thread} failed while it was loaded${why}`, {
    hint: `Look at the cause: it was thrown by ${module}, outside of what the module exposes.`,
    cause,
    details,
  })
}

/** The module ran to its end without a call of `expose()`. */
export function notExposed(thread: string, module: string): TerrariumError {
  return new TerrariumError('CONFIGURATION', `the module of thread ${thread} ended without exposing anything`, {
    hint: `Call expose() of @terrarium/threads/thread in ${module}, with the machine or function that is to run.`,
    details: { thread, module },
  })
}

export function notInTime(thread: string, timeout: number): TerrariumError {
  return new TerrariumError('START_FAILED', `thread ${thread} had no snapshot within ${timeout} ms`, {
    hint: 'Raise `startTimeout`, or look at what its module waits for before it calls expose().',
    details: { thread, timeout },
  })
}

/** The thread ended, and its actor had not. */
export function crashed(thread: string, exitCode: number | undefined): TerrariumError {
  return new TerrariumError('WORKER_CRASHED', `thread ${thread} exited with status ${exitCode ?? 'unknown'}`, {
    hint: 'Let the actor end by itself instead of calling process.exit() in the thread.',
    details: { thread, exitCode },
  })
}

export function outOfMemory(thread: string, cause: unknown): TerrariumError {
  return new TerrariumError('OUT_OF_MEMORY', `thread ${thread} needed more memory than it may have`, {
    hint: 'Raise `resourceLimits.maxOldGenerationSizeMb`, or let the thread keep less at a time.',
    cause,
    details: { thread },
  })
}

export function unreadable(thread: string, cause: unknown): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `a message of thread ${thread} cannot be read here`, {
    hint: 'Send plain data, of which both threads know the classes.',
    cause,
    details: { thread },
  })
}
