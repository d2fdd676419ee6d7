// The Erlang side of the differential test.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { encode } from './encode.ts'
import type { Scenario } from './scenario.ts'
import type { Runner } from './differential.ts'
import type { Trace } from './trace.ts'

const MODULE = 'otp_runner'

/**
 * Scenarios at a time in each VM. Most of the time is spent waiting for shutdown limits, which pass in real time here.
 */
const AT_ONCE = 24

/** Erlang VMs that run scenarios. */
export class Erlang {
  readonly #directory: string
  readonly #machines: readonly Machine[]

  private constructor(directory: string, machines: readonly Machine[]) {
    this.#directory = directory
    this.#machines = machines
  }

  static async start(machines: number): Promise<Erlang> {
    const directory = await mkdtemp(join(tmpdir(), 'terrarium-differential-'))
    await promisify(execFile)('erlc', ['-o', directory, sourceOf(MODULE)])
    return new Erlang(
      directory,
      Array.from({ length: machines }, () => new Machine(directory)),
    )
  }

  readonly run: Runner = (scenario) => {
    const machine = this.#machines.reduce((idlest, each) => (each.load < idlest.load ? each : idlest))
    return machine.run(scenario)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.stop()))
    await rm(this.#directory, { recursive: true })
  }
}

interface Job {
  readonly scenario: Scenario
  readonly resolve: (trace: Trace) => void
  readonly reject: (error: Error) => void
}

class Machine {
  readonly #process: ChildProcess
  readonly #waiting: Job[] = []
  readonly #running = new Map<number, Job>()
  #last = 0
  #failure: Error | undefined

  constructor(directory: string) {
    // One scheduler: see otp_runner.erl. The VM ends with its standard input.
    const args = ['+S', '1:1', '+A', '1', '-noinput', '-pa', directory, '-run', MODULE, 'main']
    this.#process = spawn('erl', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const { stdin, stdout } = this.#process
    if (stdin === null || stdout === null) throw new Error('erl has no pipes')
    stdin.on('error', () => undefined) // the VM has exited already
    createInterface({ input: stdout }).on('line', (line) => {
      this.#answered(line)
    })
    const ended = (why: unknown): void => {
      this.#failure = new Error(`Erlang has ended: ${String(why)}`)
      for (const { reject } of [...this.#running.values(), ...this.#waiting]) reject(this.#failure)
    }
    this.#process.once('error', ended)
    this.#process.once('exit', ended)
  }

  get load(): number {
    return this.#running.size + this.#waiting.length
  }

  run(scenario: Scenario): Promise<Trace> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ scenario, resolve, reject })
      this.#next()
    })
  }

  async stop(): Promise<void> {
    if (this.#failure !== undefined) return
    const gone = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await gone
  }

  #next(): void {
    if (this.#running.size >= AT_ONCE) return
    const job = this.#waiting.shift()
    if (job === undefined) return
    this.#last += 1
    this.#running.set(this.#last, job)
    this.#process.stdin?.write(`${encode(job.scenario, this.#last)}\n`)
  }

  #answered(line: string): void {
    const { index, trace } = JSON.parse(line) as { index: number; trace: Trace }
    this.#running.get(index)?.resolve(trace)
    this.#running.delete(index)
    this.#next()
  }
}

/** The Erlang sources: they are not copied into dist, where this file may run. */
function sourceOf(module: string): string {
  const [beside, outside] = ['erlang/', '../../differential/erlang/'].map((folder) =>
    fileURLToPath(new URL(`${folder}${module}.erl`, import.meta.url)),
  ) as [string, string]
  return existsSync(beside) ? beside : outside
}
