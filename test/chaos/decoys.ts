import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { isAlive } from '../support/processes.ts'

/** A run as it looks from outside. */
export interface RunFacts {
  readonly run: string
  readonly installation: string
  readonly spawn: string
  /** The folder of its log. */
  readonly log: string
}

/**
 * Processes that look like ours, and are not. They are alive all the time, and whoever ends one of them has ended an
 * innocent.
 */
export class Decoys {
  readonly #python: string
  readonly #children: ChildProcess[] = []

  constructor(python: string) {
    this.#python = python
    this.#start(python, ['-c', NAP])
    this.#start(python, ['-c', NAP, 'terrarium_shepherd', '_boot.py'], {
      TERRARIUM_SPAWN: 'fedcba9876543210:zzzzzzz:1-fedcba9876543210',
    })
  }

  /** Those that resemble one run in particular. */
  async resemble({ run, installation, spawn, log }: RunFacts): Promise<void> {
    const other = installation.split('').reverse().join('')
    // Its command line mentions the run, and it has the log open, as an editor has.
    this.#start('tail', ['-f', '/dev/null', `${log}/CURRENT`, `--pid=${process.pid}`])
    this.#start(this.#python, ['-c', NAP, '--terrarium-run', run, '--terrarium-spawn', spawn])
    // A worker of another installation, and a variable that only looks like ours.
    this.#start(this.#python, ['-c', NAP], { TERRARIUM_SPAWN: `${other}:${run}:${spawn}` })
    this.#start(this.#python, ['-c', NAP], { NOT_TERRARIUM_SPAWN: `${installation}:${run}:${spawn}` })
    for (const child of this.#children) if (child.pid === undefined) await once(child, 'spawn')
  }

  get pids(): number[] {
    return this.#children.map(({ pid }) => pid ?? 0)
  }

  /** Those that have died since they were last asked for, and how. They are not missed a second time. */
  async dead(): Promise<string[]> {
    const dead = this.#children.filter(({ pid }) => !isAlive(pid ?? 0))
    for (const child of dead) this.#children.splice(this.#children.indexOf(child), 1)
    // Node may not have heard of it yet.
    if (dead.length > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    return dead.map(
      ({ pid, exitCode, signalCode, spawnargs }) => `${pid} ${spawnargs.join(' ')} (${exitCode}, ${signalCode})`,
    )
  }

  /** Ends those of one run, or all. */
  async end({ all = false } = {}): Promise<void> {
    const leaving = this.#children.splice(all ? 0 : 2)
    await Promise.all(
      leaving.map(async (child) => {
        const gone = once(child, 'exit')
        if (child.kill('SIGKILL')) await gone
      }),
    )
  }

  #start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    this.#children.push(spawn(command, args, { stdio: 'ignore', env: { PATH: process.env.PATH, ...env } }))
  }
}

const NAP = 'import time; time.sleep(3600)'
