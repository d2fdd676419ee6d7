import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A host in a process of its own, a module of this folder. */
export interface Host {
  /** The first line that it prints, which is JSON. */
  readonly said: unknown
  readonly exited: Promise<unknown>
  /** Kills it, if it has not ended, and waits until it has. */
  kill(): Promise<void>
}

/**
 * Starts one and waits until it says something. It ends when its standard input does, so it does not outlive the bench.
 */
export async function startHost(module: string, args: readonly string[]): Promise<Host> {
  const path = fileURLToPath(new URL(module, import.meta.url))
  // In a group of its own, so that an interrupt at the terminal lets the bench end it in order.
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  child.stdin.on('error', () => undefined) // it was gone already
  const exited = once(child, 'exit')
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    exited.then(() => undefined),
  ])
  if (line === undefined) throw new Error(`${module} has ended without a word`)
  return {
    said: JSON.parse(line[0]),
    exited,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
