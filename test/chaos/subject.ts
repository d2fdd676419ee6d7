// The chaos's handle on a host: starts it, sends orders, reads what it prints.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findTagged, type Containment } from '@terrarium/process'
import type { RunFacts } from './decoys.ts'
import { beingOf, until } from './world.ts'

/** One line that a host has printed. */
export interface Said {
  readonly is: string
  readonly [key: string]: unknown
}

const PATIENCE = 30_000

/** A host in a process of its own, to be killed. It ends with this process. */
export class Subject {
  readonly child: ChildProcess
  readonly said: Said[] = []
  readonly exited: Promise<void>
  #stderr = ''

  constructor(program: string, args: readonly string[], level: Containment, runtimeDirectory: string) {
    const path = fileURLToPath(new URL(program, import.meta.url))
    this.child = spawn(process.execPath, ['--expose-gc', path, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TERRARIUM_CONTAINMENT: level, XDG_RUNTIME_DIR: runtimeDirectory },
    })
    this.exited = once(this.child, 'exit').then(() => undefined)
    const { stdin, stdout, stderr } = this.child
    if (stdin === null || stdout === null || stderr === null) throw new Error('a host without pipes')
    stdin.on('error', () => undefined) // it was killed
    createInterface({ input: stdout }).on('line', (line) => {
      // The last line may be torn.
      if (line.endsWith('}')) this.said.push(JSON.parse(line) as Said)
    })
    stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Sends a word, or an order of `runtime-host.ts`. */
  tell(order: string | ({ readonly do: string } & Readonly<Record<string, unknown>>)): void {
    this.child.stdin?.write(`${typeof order === 'string' ? order : JSON.stringify(order)}\n`)
  }

  /** All lines of this kind that the host has printed. */
  heard(is: string): Said[] {
    return this.said.filter((said) => said.is === is)
  }

  /**
   * Waits for a line of this kind, from the `after`th on. Fails if the host has failed or ended.
   */
  async hear(is: string, accept: (said: Said) => boolean = () => true, after = 0, patience = PATIENCE): Promise<Said> {
    const heard = (): Said | undefined => this.said.slice(after).find((said) => said.is === is && accept(said))
    await until(`the host says ${is}`, () => heard() !== undefined || this.isOver, patience).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.story}`)
    })
    // The last lines of the host may not be read yet.
    if (heard() === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    const said = heard()
    if (said === undefined) {
      const how = this.child.signalCode ?? `status ${this.child.exitCode ?? '?'}`
      throw new Error(`the host has ended, ${how}, without saying ${is}\n${this.story}`)
    }
    return said
  }

  /** All that the host has printed, for the report of a failed round. */
  get story(): string {
    return [...this.said.slice(-8).map((said) => JSON.stringify(said)), this.#stderr.trim()].join('\n')
  }

  /** The log lines of the host of level `error` that match no expected pattern. */
  unexpected(expected: readonly RegExp[]): string[] {
    return this.#stderr.split('\n').filter((line) => line !== '' && !expected.some((pattern) => pattern.test(line)))
  }
}

/** The run of a host, from the owner records of its state directory. */
export function runOf(stateDir: string, host: number): string | undefined {
  const runs = join(stateDir, 'runs')
  return (existsSync(runs) ? readdirSync(runs) : []).find((run) => {
    try {
      const { host: owner } = JSON.parse(readFileSync(join(runs, run, 'owner.json'), 'utf8')) as {
        host: { pid: number }
      }
      return !run.startsWith('.') && owner.pid === host
    } catch {
      return false
    }
  })
}

export function factsOf(stateDir: string, run: string, spawn: string): RunFacts {
  const { installation } = JSON.parse(readFileSync(join(stateDir, 'installation.json'), 'utf8')) as {
    installation: string
  }
  return { run, installation, spawn, log: join(stateDir, 'runs', run, 'log') }
}

/** The tagged processes of a run, by kind. */
export function membersOf(run: string | undefined): { shepherds: number[]; workers: number[] } {
  if (run === undefined) return { shepherds: [], workers: [] }
  const pids = findTagged({ run }).map(({ pid }) => pid)
  const is = (pid: number, what: string): boolean => beingOf(pid)?.command.includes(what) === true
  const shepherds = pids.filter((pid) => is(pid, '/terrarium_shepherd '))
  // If there are two, the first is the guard process.
  shepherds.sort((one, other) => Number(beingOf(one)?.parent === other) - Number(beingOf(other)?.parent === one))
  // A descendant before its exec looks the same, but is no session leader.
  const workers = pids.filter((pid) => is(pid, '/_boot.py ') && beingOf(pid)?.session === pid)
  return { shepherds, workers }
}
