import { execFile } from 'node:child_process'
import { TerrariumError } from '@terrarium/supervisor'

/** A Python interpreter that was asked who it is. */
export interface Interpreter {
  /** What runs: `sys.executable`, so a shim (pyenv, asdf) is looked through once and never again. */
  readonly path: string
  /** For example `3.11.7`. */
  readonly version: string
}

/** The oldest Python the package `terrarium` supports. */
const OLDEST = [3, 10] as const

/** How long an interpreter may take to say its version, in ms. */
const PATIENCE = 10_000

/**
 * Finds the interpreter: the given one, else `TERRARIUM_PYTHON`, else that of the active virtual environment, else
 * `python3` on the PATH. Rejects with CONFIGURATION when it is not there, not Python, or too old.
 */
export async function resolveInterpreter(given?: string): Promise<Interpreter> {
  const { TERRARIUM_PYTHON, VIRTUAL_ENV } = process.env
  const command = given ?? TERRARIUM_PYTHON ?? (VIRTUAL_ENV === undefined ? 'python3' : `${VIRTUAL_ENV}/bin/python`)
  const answer = await ask(command)
  const [path, version] = answer.split('\n')
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  if (path === undefined || path === '' || version === undefined || !/^\d+\.\d+/.test(version)) {
    throw configuration(command, `${command} does not answer like a Python interpreter`)
  }
  if (major !== OLDEST[0] || minor < OLDEST[1]) {
    throw configuration(command, `${path} is Python ${version}; Terrarium needs ${OLDEST.join('.')} or newer`)
  }
  return { path, version }
}

function ask(command: string): Promise<string> {
  const question = 'import sys; print(sys.executable); print(sys.version.split()[0])'
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      ['-I', '-S', '-c', question],
      { timeout: PATIENCE, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) resolve(stdout)
        else if (error.code === 'ENOENT') reject(configuration(command, `there is no ${command}`, error))
        else reject(configuration(command, `${command} does not run: ${error.message.trim()}`, error))
      },
    )
    child.stdin?.end()
  })
}

function configuration(command: string, message: string, cause?: unknown): TerrariumError {
  return new TerrariumError('CONFIGURATION', message, {
    hint: 'name an interpreter with the option `interpreter` or the environment variable TERRARIUM_PYTHON',
    details: { interpreter: command },
    cause,
  })
}
