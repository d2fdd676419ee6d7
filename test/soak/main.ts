// The command `npm run soak`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { runLongCommand, type LongCommandTools } from '../support/long-command.ts'
import { parseRequest, USAGE, type SoakRequest } from './request.ts'
import { streamItems } from './items.ts'
import { soak } from './soak.ts'

/**
 * With its defaults glibc keeps memory that was freed: the longest value so far sets what it no longer gives back, and
 * each thread has an arena. The RSS of a host grew by 5 MB a minute that way, and not at all with these settings.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' }

/** Runs the command. Returns its exit code, see {@link runLongCommand}. */
export const main = (argv: readonly string[]): Promise<number> =>
  Object.keys(ALLOCATOR).every((name) => process.env[name] !== undefined) || argv.includes('--help')
    ? runLongCommand({ name: 'soak', usage: USAGE, parse: parseRequest, run }, argv)
    : again()

/** Runs this program again, as glibc reads its settings when a process starts. */
async function again(): Promise<number> {
  const env = { ...process.env, ...ALLOCATOR }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], { env, stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  process.on('SIGINT', pass).on('SIGTERM', pass)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** How long the reader of a stream stops, in ms. */
const STOP = 5_000

async function run({ minutes, seed, items, transports }: SoakRequest, tools: LongCommandTools): Promise<number> {
  let faults = 0
  for (const transport of transports) {
    const what = items === undefined ? `${minutes} minutes, seed ${seed}` : `${items} items of one stream`
    tools.say(`soak over ${transport}: ${what}`)
    const wrong =
      items === undefined
        ? await soak({ minutes, seed, transport, ...tools })
        : await streamItems({ items, stop: STOP, transport, ...tools })
    for (const each of wrong) tools.say(`  WRONG ${each}`)
    faults += wrong.length
    if (tools.signal.aborted) break
  }
  return faults
}
