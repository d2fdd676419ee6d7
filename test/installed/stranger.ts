// A user who has only the installed packages.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, expect } from '@jest/globals'
import { findTagged } from '@terrarium/process'
import { collect, type Ran } from '../support/command.ts'
import { processesWith } from '../support/processes.ts'
import { eventually } from '../support/terrarium.ts'

/** The folder that set-up.mjs has made. */
export const INSTALLED = process.env.TERRARIUM_INSTALLED ?? ''
export const PACKAGES = join(INSTALLED, 'packages')
export const PROJECT = join(INSTALLED, 'project')
/** The interpreter in the project's virtual environment, which pools find by themselves. */
export const PYTHON = join(PROJECT, '.venv', 'bin', 'python')

export type NodeName = 'node20' | 'node22' | 'node24' | 'newest'
export const NODES: readonly NodeName[] = ['node20', 'node22', 'node24', 'newest']

export const nodeOf = (name: NodeName): string => join(INSTALLED, 'nodes', 'node_modules', name, 'bin', 'node')
export const bin = (name: string): string => join(PROJECT, 'node_modules', '.bin', name)

export interface RunOptions {
  readonly node?: NodeName
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs programs with nothing in the environment but a PATH and an empty home, with another user id if one is given. */
export class Stranger {
  readonly home = mkdtempSync(join(INSTALLED, 'home '))
  readonly #token = `TERRARIUM_STRANGER=${randomBytes(8).toString('hex')}`
  readonly #uid: number | undefined

  constructor(uid?: number) {
    this.#uid = uid
    if (uid !== undefined) chownSync(this.home, uid, uid)
  }

  /** Runs a command. `node`, and commands beside it, are taken from `options.node`; default: the newest. */
  run(
    command: string,
    args: readonly string[],
    { node = 'newest', cwd = PROJECT, env = {} }: RunOptions = {},
  ): Promise<Ran> & { child: ChildProcess } {
    const path = [dirname(nodeOf(node)), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter)
    const [name = '', value = ''] = this.#token.split('=')
    const child = spawn(command === 'node' ? nodeOf(node) : command, args, {
      cwd,
      env: { PATH: path, HOME: this.home, [name]: value, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(this.#uid === undefined ? {} : { uid: this.#uid, gid: this.#uid }),
    })
    return Object.assign(collect(child), { child })
  }

  /**
   * As {@link run}; fails the test if the program exits with another status than 0. Resolves with its standard output.
   */
  async must(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(command, args, options)
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${stdout}${stderr}`)
    return stdout
  }

  /**
   * The living processes that the stranger has started, by scanning the system: they have the stranger's environment,
   * or the spawn tag.
   */
  left(): number[] {
    const file = join(this.home, '.local', 'state', 'terrarium', 'installation.json')
    const marked = existsSync(file)
      ? findTagged(JSON.parse(readFileSync(file, 'utf8')) as { installation: string }).map(({ pid }) => pid)
      : []
    return [...new Set([...processesWith(this.#token), ...marked])]
  }
}

let strangers: Stranger[] = []

/** A stranger whose home is removed at the end of the test, when no process may be left. */
export function stranger(uid?: number): Stranger {
  const made = new Stranger(uid)
  strangers.push(made)
  return made
}

afterEach(async () => {
  const made = strangers
  strangers = []
  for (const each of made) {
    // Processes of a program that was told to end exit right after it.
    await eventually('nothing is left', () => each.left().length === 0).catch(() => undefined)
    const left = each.left().map((pid) => `${pid} ${commandOf(pid)}`)
    rmSync(each.home, { recursive: true, force: true })
    expect(left).toEqual([])
  }
})

/** The command line of a process; empty if it has exited. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** A free port of this machine. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => {
        resolve(port)
      })
    })
  })
}
