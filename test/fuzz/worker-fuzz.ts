// The fuzz of what a worker reads, in a Python process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Transport } from '../support/transport.ts'
import type { FuzzOptions } from './fuzz.ts'

const SCRIPT = fileURLToPath(new URL('../../fuzz/worker_side.py', import.meta.url))
const SOURCES = fileURLToPath(new URL('../../../python/src', import.meta.url))

/** Returns the number of faults. */
export async function fuzzWorker(transport: Transport, python: string, options: FuzzOptions): Promise<number> {
  const { seed, count, only, signal, say } = options
  const args = ['-B', SCRIPT, transport, String(seed), String(count), String(only ?? -1)]
  const env = { ...process.env, PYTHONPATH: SOURCES }
  const child = spawn(python, args, { env, stdio: ['ignore', 'pipe', 'inherit'], signal })
  child.on('error', () => undefined) // aborted
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) say(`worker, ${transport}: ${line}`)
    last = line
  }
  const code = child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0]
  signal.throwIfAborted()
  if (code !== 0) {
    say(`worker, ${transport}: the fuzz itself ended with ${String(code)}`)
    return 1
  }
  const { cases, frames, faults, grown } = JSON.parse(last) as Record<string, number>
  say(`worker, ${transport}: ${cases} cases, ${frames} mutated frames, ${faults} faults; heap ${grown} bytes`)
  return faults ?? 1
}
