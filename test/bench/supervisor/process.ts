// Contenders in processes of their own.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Sample, Trial } from './trial.ts'

/** No trial takes this long, in ms. */
const PATIENCE = 300_000

export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/** A contender. Each of its trials runs in a new process. */
export interface Contender {
  readonly name: string
  readonly commandFor: (trial: Trial) => Command
}

/** A contender that is a module of this folder, with the arguments it takes before the trial, and Node's own. */
export function nodeContender(
  name: string,
  module: string,
  args: readonly string[] = [],
  options: readonly string[] = [],
): Contender {
  const path = fileURLToPath(new URL(module, import.meta.url))
  return {
    name,
    commandFor: (trial) => ({
      file: process.execPath,
      args: ['--expose-gc', ...options, path, ...args, JSON.stringify(trial)],
    }),
  }
}

/** Runs a trial. Whatever comes of it, its process is gone before this settles. */
export function runTrial({ name, commandFor }: Contender, trial: Trial, signal: AbortSignal): Promise<Sample> {
  signal.throwIfAborted()
  const { file, args } = commandFor(trial)
  // In a group of its own, so that an interrupt at the terminal lets the bench end it in order.
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  const timer = setTimeout(kill, PATIENCE)
  signal.addEventListener('abort', kill)
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  child.stdin.on('error', () => undefined) // the process has exited already
  return new Promise<Sample>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      if (signal.aborted) reject(signal.reason as Error)
      else if (code === 0) resolve(JSON.parse(printed) as Sample)
      else reject(new Error(`${name} failed at ${trial.scenario} with ${killedBy ?? `exit code ${code ?? '?'}`}`))
    })
  }).finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
  })
}
