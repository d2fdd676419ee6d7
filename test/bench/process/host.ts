// Hosts in processes of their own, for rows that need a new host or kill one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A module of this folder, run in a process of its own. */
export interface Host {
  /** The first line that it prints, which is JSON. */
  readonly said: unknown
  readonly exited: Promise<unknown>
  /** Kills it, if it has not ended, and waits until it has. */
  kill(): Promise<void>
}

/**
 * Starts a host and waits for its first line. The host ends with its standard input, so it does not outlive the bench.
 */
export async function startHost(module: string, args: readonly string[]): Promise<Host> {
  const path = fileURLToPath(new URL(module, import.meta.url))
  // In a group of its own, so that an interrupt at the terminal lets the bench end it in order.
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  child.stdin.on('error', () => undefined) // the host has exited already
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
