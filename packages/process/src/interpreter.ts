// Finds the Python interpreter that runs shepherds and workers, and asks it for its real path and its version.
import { execFile } from 'node:child_process'
import { lstatSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TerrariumError } from '@terrarium/supervisor/base'
import { dependenciesOfInterpreter } from './shepherd/dependencies.ts'

/** A Python interpreter, with the path and version that it printed itself. */
export interface Interpreter {
  /** Its `sys.executable`: the interpreter behind a shim (pyenv, asdf), so that the shim runs only once. */
  readonly path: string
  /** For example `3.11.7`. */
  readonly version: string
  /** Where it was found: the option `python`, a variable of the environment, `./.venv`, or `python3` on the PATH. */
  readonly source: 'python' | 'TERRARIUM_PYTHON' | 'VIRTUAL_ENV' | 'CONDA_PREFIX' | './.venv' | 'python3'
}

type Source = Interpreter['source']

/** A place where {@link resolveInterpreter} looks for an interpreter. */
export interface InterpreterSource {
  readonly source: Source
  /** The command or path that would run, which need not exist. Undefined when this place names none. */
  readonly command: string | undefined
}

/** The oldest Python the package `terrarium` supports. */
const OLDEST = [3, 10] as const

/** How long an interpreter may take to print its version, in ms. */
const VERSION_TIMEOUT = 10_000

/**
 * Finds the Python interpreter: the first that is given of the argument and TERRARIUM_PYTHON (an interpreter, or the
 * folder of a virtual environment), VIRTUAL_ENV, CONDA_PREFIX, `.venv` in the working directory, and `python3` on the
 * PATH. An empty string counts as not given. Rejects with CONFIGURATION when that interpreter does not exist, is not
 * Python, or is older than 3.10; no other place is tried then.
 */
export async function resolveInterpreter(python?: string): Promise<Interpreter> {
  const { source, command } = interpreterSources(python).find(isGiven) ?? LAST
  const [path, version] = (await ask(command, source)).split('\n')
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  if (path === undefined || path === '' || version === undefined || !/^\d+\.\d+/.test(version)) {
    throw configuration(command, source, `${command} does not answer like a Python interpreter`)
  }
  if (major !== OLDEST[0] || minor < OLDEST[1]) {
    throw configuration(command, source, `${path} is Python ${version}; Terrarium needs ${OLDEST.join('.')} or newer`)
  }
  return { path, version, source }
}

/**
 * All places where an interpreter is looked for, best first. The first with a command is used. `python`: the option.
 */
export function interpreterSources(python?: string): readonly InterpreterSource[] {
  const { TERRARIUM_PYTHON, VIRTUAL_ENV, CONDA_PREFIX } = process.env
  return [
    { source: 'python', command: python ? interpreterOf(python) : undefined },
    { source: 'TERRARIUM_PYTHON', command: TERRARIUM_PYTHON ? interpreterOf(TERRARIUM_PYTHON) : undefined },
    { source: 'VIRTUAL_ENV', command: VIRTUAL_ENV ? inFolder(VIRTUAL_ENV) : undefined },
    { source: 'CONDA_PREFIX', command: CONDA_PREFIX ? inFolder(CONDA_PREFIX) : undefined },
    { source: './.venv', command: localInterpreter() },
    LAST,
  ]
}

function localInterpreter(): string | undefined {
  let local: string
  try {
    local = inFolder(resolve('.venv'))
  } catch {
    return undefined // the working directory was removed
  }
  // A broken link counts as given: its environment has to be made again, and falling back to python3 would hide that.
  return lstatSync(local, { throwIfNoEntry: false }) === undefined ? undefined : local
}

const LAST = { source: 'python3', command: 'python3' } as const

const isGiven = (each: InterpreterSource): each is { source: Source; command: string } => each.command !== undefined

/** The interpreter itself, or the one of a virtual environment. The system looks on the PATH for a name without `/`. */
function interpreterOf(python: string): string {
  if (statSync(python, { throwIfNoEntry: false })?.isDirectory()) return inFolder(resolve(python))
  return python.includes('/') ? resolve(python) : python
}

const inFolder = (environment: string): string => join(environment, 'bin', 'python')

function ask(command: string, source: Source): Promise<string> {
  const question = 'import sys; print(sys.executable); print(sys.version.split()[0])'
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      ['-I', '-S', '-c', question],
      { timeout: VERSION_TIMEOUT, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) resolve(stdout)
        else if (error.code === 'ENOENT') reject(configuration(command, source, `there is no ${command}`, error))
        else reject(configuration(command, source, `${command} does not run: ${error.message.trim()}`, error))
      },
    )
    child.stdin?.end()
  })
}

const HINTS: Readonly<Record<Source, string>> = {
  python: 'Correct the option `python`: it names an interpreter, or the folder of a virtual environment.',
  TERRARIUM_PYTHON: 'Correct TERRARIUM_PYTHON: it names an interpreter, or the folder of a virtual environment.',
  VIRTUAL_ENV: 'Activate a virtual environment that is there, or unset VIRTUAL_ENV; TERRARIUM_PYTHON goes before it.',
  CONDA_PREFIX: 'Activate an environment that has Python, or unset CONDA_PREFIX; TERRARIUM_PYTHON goes before it.',
  './.venv': 'Make .venv again (python3 -m venv --clear .venv), or name another interpreter with TERRARIUM_PYTHON.',
  python3: 'Install Python 3.10 or newer, or name an interpreter with the option `python` or with TERRARIUM_PYTHON.',
}

function configuration(command: string, source: Source, message: string, cause?: unknown): TerrariumError {
  return new TerrariumError('CONFIGURATION', message, {
    hint: HINTS[source],
    details: { interpreter: command, source, watch: dependenciesOfInterpreter(command) },
    cause,
  })
}
