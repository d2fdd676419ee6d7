// What can be wrong with the options of `openRuntime`, and with the system, before anything is made.
import { accessSync, constants } from 'node:fs'
import { isAbsolute } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { Checker, fieldsOf, ownOptions, TerrariumError } from '@terrarium/supervisor/base'
import { checkContainment, checkLogger, checkMs, checkPath } from './check-options.ts'
import type { RuntimeOptions } from './runtime.ts'

/** Throws INVALID_ARGUMENT in a worker thread of the host. */
export function checkMainThread(): void {
  if (isMainThread) return
  throw new TerrariumError('INVALID_ARGUMENT', 'A runtime can only be opened in the main thread', {
    hint: 'The processes of a worker thread end with the thread. Open the runtime in the main thread and pass messages.',
  })
}

// Does not compile when an option is missing here.
const OPTIONS: Readonly<Record<keyof RuntimeOptions, true>> = {
  python: true,
  stateDir: true,
  logger: true,
  containment: true,
  reapInterval: true,
}

/** A copy of the options. Throws INVALID_ARGUMENT, naming every mistake at once. */
export function ownRuntimeOptions(given: RuntimeOptions): RuntimeOptions {
  const options = ownOptions(given, fieldsOf(OPTIONS))
  const check = new Checker()
  if (check.object('options', options, OPTIONS)) {
    check.known(options, OPTIONS)
    check.required(options, 'python', isAbsolutePath, 'the absolute path of a Python interpreter')
    checkPath(check, options, 'stateDir', 'the path of a folder')
    checkLogger(check, options)
    checkContainment(check, options)
    checkMs(check, options, 'reapInterval', 1)
  }
  check.finish('runtime options')
  return options
}

const isAbsolutePath = (path: unknown): boolean => typeof path === 'string' && isAbsolute(path)

/** Throws CONFIGURATION when this is not the path of an executable. */
export function checkPython(python: string): void {
  try {
    accessSync(python, constants.X_OK)
  } catch (error) {
    throw new TerrariumError('CONFIGURATION', `${python} is not an executable this user may run`, {
      hint: 'Give the absolute path that `python3 -c "import sys; print(sys.executable)"` prints.',
      cause: error,
    })
  }
}
