// What a test of tools that start services watches: processes, journals, and what is left.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, expect } from '@jest/globals'
import { processesWith } from '../support/processes.ts'
import { eventually, habitat, isAlive, testPython, type Habitat } from '../support/terrarium.ts'

export interface Entry {
  readonly pid: number
  readonly [key: string]: unknown
}

/** The time that a tool may take for one action, in ms. */
const PATIENCE = 60_000

let made: Watched[] = []
afterEach(() => {
  for (const each of made) each.clear()
  made = []
})

/** The processes that a tool starts for one test, and the journals of services. Processes that a failed test has left are ended. */
export class Watched {
  readonly home: Habitat = habitat()
  readonly journal = join(this.home.directory, 'journal')
  readonly env: Record<string, string>
  readonly #tag = `TERRARIUM_TOOLS_TEST=${basename(this.home.directory)}`
  #child: ChildProcess | undefined

  constructor(tools: string, more: Record<string, string> = {}) {
    const [name = '', value = ''] = this.#tag.split('=')
    this.env = {
      [name]: value,
      JOURNAL: this.journal,
      TOOLS: tools,
      TERRARIUM_STATE_DIR: this.home.stateDir,
      TERRARIUM_PYTHON: testPython(),
      ...more,
    }
    made.push(this)
  }

  start(command: string, args: readonly string[], cwd: string): ChildProcess {
    const env = { ...process.env, ...this.env }
    // Variables of Jest, which programs of the test must not have.
    delete env['NODE_OPTIONS']
    this.#child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'], detached: true })
    return this.#child
  }

  entries(): Entry[] {
    if (!existsSync(this.journal)) return []
    const lines = readFileSync(this.journal, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as Entry)
  }

  /** The pid of the n-th service, once its call is under way. */
  async underWay(n = 1): Promise<number> {
    const pids = (): number[] => [...new Set(this.entries().map(({ pid }) => pid))]
    const begun = (pid: number): boolean =>
      readdirSync(dirname(this.journal)).includes(`${basename(this.journal)}.${pid}`)
    await eventually(`service ${n} is busy`, () => pids().filter(begun).length >= n, PATIENCE)
    return pids()[n - 1] ?? 0
  }

  /** The journal of a service, once it has ended. */
  async ended(pid: number): Promise<Omit<Entry, 'pid'>[]> {
    await eventually(`service ${pid} has ended`, () => !isAlive(pid), PATIENCE)
    return this.entries()
      .filter((entry) => entry.pid === pid)
      .map(({ pid: _, ...entry }) => entry)
  }

  /** All processes with the tag of this test, services and tools. */
  processes(): number[] {
    return processesWith(this.#tag).filter((pid) => pid !== process.pid && isAlive(pid))
  }

  async nothingLeft(): Promise<void> {
    await eventually('no process is left', () => this.processes().length === 0, PATIENCE)
    expect(this.home.marked()).toEqual([])
  }

  /** Ends the processes that a failed test has left. */
  clear(): void {
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL')
  }
}

/** The journal of a service whose call was answered while it drained. */
export const drainedBy = (signal: string): object[] => [
  { is: 'ready' },
  { signal },
  { value: 'seen' },
  { processesLeft: 0, crashes: 0 },
]
