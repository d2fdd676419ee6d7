// Many items through one stream: the memory of both sides has to stay flat. Before, a reader stops, and the generator
// has to stand still.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { collectGarbage, residentSize } from './memory.ts'
import { TOOLS, type SoakOptions } from './soak.ts'
import { sumOf } from './streams.ts'

export interface ItemsOptions extends Omit<SoakOptions, 'minutes' | 'seed'> {
  readonly items: number
  /** How long the reader stops, in ms. */
  readonly stop: number
}

/** What a side may grow by after the first tenth, in bytes. The worker's rss swings by 5 MB over gRPC, items or not. */
const TOLERANCE = { heap: 5e6, worker: 10e6 }
/** The window of a stream, and what each item costs of it beside its bytes, as `docs/calls.md` says. */
const WINDOW = 256 * 1024
const ITEM_COST = 16
const ITEM_BYTES = 1024

/** Returns what was wrong. */
export async function streamItems(options: ItemsOptions): Promise<readonly string[]> {
  const { transport, python, say } = options
  const directory = mkdtempSync(join(tmpdir(), 'terrarium-soak-'))
  const logger = pino({ level: 'silent' })
  const pool = createPool({
    name: 'items',
    python,
    tools: TOOLS,
    stateDir: directory,
    logger,
    transport,
    concurrency: 2,
  })
  const wrong: string[] = []
  try {
    await pool.start()
    wrong.push(...(await standStill(pool, options.stop, say)))
    wrong.push(...(await countItems(pool, options)))
  } finally {
    if ((await pool.stop()).processesLeft > 0) wrong.push('the pool says that processes are left')
    rmSync(directory, { recursive: true, force: true })
  }
  return wrong
}

/** Reads some items and stops for `stop` ms. What the endless generator makes is within the window and one item. */
async function standStill(pool: Pool, stop: number, say: (line: string) => void): Promise<string[]> {
  const stream = pool.stream('blocks', { size: ITEM_BYTES })
  const read = 1_000
  for (let count = 0; count < read; count += 1) await stream.next()
  // Items take their room in the window until they are read.
  const most = read + Math.ceil(WINDOW / (ITEM_BYTES + ITEM_COST)) + 1
  await sleep(stop)
  const made = await pool.call<number>('blocks_made')
  say(`a reader of ${read} items stopped for ${stop} ms: ${made} items were made, at most ${most}`)
  const { value } = await stream.next()
  await stream.return()
  return [
    ...(made <= most ? [] : [`${made} items were made, which is more than the window and one item`]),
    ...(value === undefined ? ['the stream did not go on'] : []),
  ]
}

async function countItems(pool: Pool, { items, signal, say }: ItemsOptions): Promise<string[]> {
  const worker = pool.workers[0]?.pid ?? 0
  const samples: { heap: number; worker: number }[] = []
  let [sum, read] = [0, 0]
  let begun = performance.now()
  for await (const item of pool.stream<number>('count', { n: items }, { signal })) {
    sum += item
    read += 1
    if (read % Math.ceil(items / 10) !== 0 && read !== items) continue
    const rate = items / 10 / ((performance.now() - begun) / 1_000)
    await collectGarbage()
    const { heapUsed: heap, rss } = process.memoryUsage()
    samples.push({ heap, worker: residentSize(worker) })
    const shown = [heap, rss, residentSize(worker)].map((bytes) => (bytes / 1e6).toFixed(1))
    say(
      `${read} items, ${rate.toFixed(0)} items/s; MB: heap of the host ${shown[0]}, its rss ${shown[1]}, rss of the worker ${shown[2]}`,
    )
    begun = performance.now()
  }
  const grown = (['heap', 'worker'] as const).flatMap((side) => {
    const growth = (samples.at(-1)?.[side] ?? NaN) - (samples[0]?.[side] ?? NaN)
    return growth <= TOLERANCE[side] ? [] : [`${side}: ${growth} bytes more after the last tenth than after the first`]
  })
  return [...grown, ...(read === items && sum === sumOf(items) ? [] : [`${read} items of ${items} came, sum ${sum}`])]
}
