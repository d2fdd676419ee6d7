// One part of the wire suite, and the process that it runs in: pinned to one core, or free to use them all.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Figure } from '../figure.ts'
import type { BenchContext } from '../suite.ts'
import type { Opening } from './open-contender.ts'

/** What a stage is given, as plain data. */
export interface StageRequest extends Opening {
  readonly stage: string
  readonly seed: number
  readonly quick: boolean
  /** The folder of the packages as they were before, built; undefined: they are not measured. */
  readonly before: string | undefined
}

export interface StageContext extends StageRequest, Pick<BenchContext, 'signal' | 'log'> {}

export interface Stage {
  readonly name: string
  readonly isPinned: boolean
  /** Left out of a quick run. */
  readonly isLong?: boolean
  readonly run: (context: StageContext) => Promise<readonly Figure[]>
}

const HOST = fileURLToPath(new URL('stage-host.js', import.meta.url))

/** Pins what follows to the first core that this process may use. `taskset` is of util-linux. */
function pinning(): string[] {
  const [, first = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
  return ['taskset', '-c', first]
}

/**
 * Runs a stage in a process of its own, so that stages do not share a heap, and returns its rows. What it starts is
 * pinned as it is. Rejects when the stage fails, and when it was aborted.
 */
export async function runStage(
  { name, isPinned }: Pick<Stage, 'name' | 'isPinned'>,
  request: Omit<StageRequest, 'stage'>,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  signal.throwIfAborted()
  const command = [...(isPinned ? pinning() : []), process.execPath, HOST, JSON.stringify({ ...request, stage: name })]
  // In a group of its own, so that an interrupt at the terminal lets it end in order: by the end of its input.
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const end = (): void => {
    child.stdin.end()
  }
  child.stdin.on('error', () => undefined)
  signal.addEventListener('abort', end)
  try {
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    const [code] = (await once(child, 'close')) as [number | null]
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`the stage ${name} ended with ${code ?? 'a signal'}`)
    return JSON.parse(printed) as Figure[]
  } finally {
    signal.removeEventListener('abort', end)
  }
}
