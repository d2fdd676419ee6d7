// Python processes that are measured beside Terrarium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** How long a peer may take to get ready, or to end once its standard input has, in ms. */
const PATIENCE = 10_000

/** A Python process that is measured beside Terrarium. It is not one of Terrarium's workers and has no spawn tag. */
export interface Peer {
  /** Ends it and waits until it is gone. */
  close(): Promise<void>
}

/**
 * Starts a script of this folder (its sources: Python is not compiled into dist) and waits until it prints a line. A
 * peer ends by itself when its standard input does, so it does not outlive the bench.
 */
export async function startPeer(python: string, script: string, args: readonly string[]): Promise<Peer> {
  const path = fileURLToPath(new URL(`../../bench/${script}`, import.meta.url))
  // In a group of its own, so that an interrupt at the terminal lets the bench end it in order.
  const child = spawn(python, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve()
    })
  })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  const close = async (): Promise<void> => {
    const timer = setTimeout(kill, PATIENCE)
    child.stdin.end()
    await exited
    clearTimeout(timer)
  }
  child.stdin.on('error', () => undefined) // the process has exited already
  await once(child, 'spawn')
  const timer = setTimeout(kill, PATIENCE)
  const outcome = await Promise.race([
    once(child.stdout, 'data').then(() => 'ready' as const),
    exited.then(() => 'ended' as const),
  ])
  clearTimeout(timer)
  if (outcome === 'ended') throw new Error(`${script} ended before it was ready`)
  return { close }
}
