// Decoys: processes that look like Terrarium's and must be left alone.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { isAlive } from './world.ts'

/** What is known of a run from outside. */
export interface RunFacts {
  readonly run: string
  readonly installation: string
  readonly spawn: string
  /** The folder of its log. */
  readonly log: string
}

/**
 * Processes that look like Terrarium's and are not. They stay alive; a decoy that exits was killed, and counts as an
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

  /** Adds decoys that resemble this run. */
  async resemble({ run, installation, spawn, log }: RunFacts): Promise<void> {
    const other = installation.split('').reverse().join('')
    // This decoy names the run in its command line and has the log open, as an editor would.
    this.#start('tail', ['-f', '/dev/null', `${log}/CURRENT`, `--pid=${process.pid}`])
    this.#start(this.#python, ['-c', NAP, '--terrarium-run', run, '--terrarium-spawn', spawn])
    // These have the spawn tag of another installation, and a variable that only looks like a spawn tag.
    this.#start(this.#python, ['-c', NAP], { TERRARIUM_SPAWN: `${other}:${run}:${spawn}` })
    this.#start(this.#python, ['-c', NAP], { NOT_TERRARIUM_SPAWN: `${installation}:${run}:${spawn}` })
    for (const child of this.#children) if (child.pid === undefined) await once(child, 'spawn')
  }

  get pids(): number[] {
    return this.#children.map(({ pid }) => pid ?? 0)
  }

  /** The decoys that have died since the last call, and how. Each is returned once. */
  async dead(): Promise<string[]> {
    const dead = this.#children.filter(({ pid }) => !isAlive(pid ?? 0))
    for (const child of dead) this.#children.splice(this.#children.indexOf(child), 1)
    // Node may not have read the exit status yet.
    if (dead.length > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    return dead.map(
      ({ pid, exitCode, signalCode, spawnargs }) => `${pid} ${spawnargs.join(' ')} (${exitCode}, ${signalCode})`,
    )
  }

  /** Ends the decoys of one run, or all. */
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
