// A place for one test of the command: a folder, a state directory, and a way to run the built command in them. At the
// end of the test no process of the place may be left.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect } from '@jest/globals'
import { findTagged } from '@terrarium/process'
import { isShepherd } from '../../../test/support/processes.ts'
import { eventually, testPython } from '../../../test/support/terrarium.ts'

export { eventually, testPython }

const COMMAND = fileURLToPath(new URL('../bin/terrarium.mjs', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder and a state directory for one test, and the command run in them. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'terrarium-cli-test-'))
  readonly #stateDir = join(this.folder, 'state')

  file(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    return path
  }

  /** A folder for PYTHONPATH in which a module of that name cannot be imported. */
  shadow(module: string): string {
    const folder = join(this.folder, 'shadow')
    mkdirSync(join(folder, module), { recursive: true })
    writeFileSync(join(folder, module, '__init__.py'), "raise ImportError('damaged')\n")
    return folder
  }

  /** Runs the built command until it exits. */
  run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> & { child: ChildProcess } {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: this.folder,
      env: { ...process.env, TERRARIUM_PYTHON: testPython(), TERRARIUM_STATE_DIR: this.#stateDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const ended = new Promise<Ran>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => {
        resolve({ code, stdout, stderr })
      })
    })
    return Object.assign(ended, { child })
  }

  /** The pids of all processes of this place's installation, by a scan. */
  tagged(): number[] {
    const file = join(this.#stateDir, 'installation.json')
    if (!existsSync(file)) return []
    const { installation } = JSON.parse(readFileSync(file, 'utf8')) as { installation: string }
    return findTagged({ installation }).map(({ pid }) => pid)
  }

  /** The pids of the workers and of the processes that they have started: all but shepherds. */
  workers(): number[] {
    return this.tagged().filter((pid) => !isShepherd(pid))
  }
}

let places: Place[] = []

/** Makes a place. It is removed at the end of the test. */
export function place(): Place {
  const made = new Place()
  places.push(made)
  return made
}

afterEach(() => {
  const made = places
  places = []
  for (const each of made) {
    const left = each.tagged()
    rmSync(each.folder, { recursive: true, force: true })
    expect(left).toEqual([])
  }
})
