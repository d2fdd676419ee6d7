// The built command, run in a folder and a state directory of one test.
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from '@jest/globals'
import { habitats } from '@terrarium/pool/testing'
import { collect, type Ran } from '../../../test/support/command.ts'
import { eventually, Habitat, testPython } from '../../../test/support/terrarium.ts'

export { eventually, testPython }

export const COMMAND = fileURLToPath(new URL('../bin/terrarium.mjs', import.meta.url))

/** Runs its arguments at a terminal of their own, and ends with their exit code. */
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

/** A folder and a state directory for one test, and the command run in them. */
class Place extends Habitat {
  /** A folder for PYTHONPATH in which a module of that name cannot be imported. */
  shadow(module: string): string {
    const folder = join(this.directory, 'shadow')
    mkdirSync(join(folder, module), { recursive: true })
    writeFileSync(join(folder, module, '__init__.py'), "raise ImportError('damaged')\n")
    return folder
  }

  /** Runs the built command to its end, with the variables under which libraries write colours into pipes. */
  run(
    args: readonly string[],
    env: Record<string, string> = {},
    stdin?: string,
  ): Promise<Ran> & { child: ChildProcess } {
    return this.#spawn(process.execPath, [COMMAND, ...args], env, stdin)
  }

  /** The same at a terminal, which shows stdout and stderr as one. */
  runAtTerminal(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> & { child: ChildProcess } {
    return this.#spawn(testPython(), ['-c', TERMINAL, process.execPath, COMMAND, ...args], env, undefined)
  }

  #spawn(
    command: string,
    args: readonly string[],
    env: Record<string, string>,
    stdin: string | undefined,
  ): Promise<Ran> & { child: ChildProcess } {
    const child = spawn(command, args, {
      cwd: this.directory,
      env: {
        ...process.env,
        CI: 'true',
        NO_COLOR: '',
        TERRARIUM_PYTHON: testPython(),
        TERRARIUM_STATE_DIR: this.stateDir,
        ...env,
      },
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.end(stdin)
    return Object.assign(collect(child as ChildProcessByStdio<null, Readable, Readable>), { child })
  }
}

/** A place that is checked and removed at the end of the test. */
export const place = habitats(afterEach, () => new Place())
