// The fuzz of what a worker reads, in Python processes: its parsers, and whole workers that serve a session.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Transport } from '../support/transport.ts'
import type { FuzzOptions } from './fuzz.ts'

const SOURCES = fileURLToPath(new URL('../../../python/src', import.meta.url))

/** For one frame that a whole worker hears, a parser hears so many: each case of these is a process. */
const PARSED = 10

/** Returns the number of faults. */
export async function fuzzWorker(transport: Transport, python: string, options: FuzzOptions): Promise<number> {
  const { seed, count, only = -1 } = options
  const name = `worker, parser, ${transport}`
  const args = [transport, ...[seed, count, only].map(String)]
  const faults = await play(name, python, 'worker_side.py', args, options)
  if (transport === 'grpc') return faults
  const fewer = [seed, Math.ceil(count / PARSED), only].map(String)
  return faults + (await play(`worker, sessions, ${transport}`, python, 'worker_session.py', fewer, options))
}

async function play(
  name: string,
  python: string,
  script: string,
  args: readonly string[],
  { signal, say }: FuzzOptions,
): Promise<number> {
  const path = fileURLToPath(new URL(`../../fuzz/${script}`, import.meta.url))
  const env = { ...process.env, PYTHONPATH: SOURCES }
  const child = spawn(python, ['-B', path, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'], signal })
  child.on('error', () => undefined) // aborted
  const exited = once(child, 'exit') as Promise<[number | null]>
  let last = '{}'
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) say(`${name}: ${line}`)
    last = line
  }
  const [code] = await exited
  signal.throwIfAborted()
  if (code !== 0) {
    say(`${name}: the fuzz itself ended with ${String(code)}`)
    return 1
  }
  const { cases, frames, faults } = JSON.parse(last) as Record<string, number>
  say(`${name}: ${cases} cases, ${frames} mutated frames, ${faults} faults`)
  return faults ?? 1
}
