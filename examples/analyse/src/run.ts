// The pool of the main job, and the calls that it makes.
import { createPool, isTerrariumError, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { Drill } from './drill.ts'
import { listSources, NOT_STANDARD, type Listing } from './files.ts'
import { figuresOf, type Figures } from './figures.ts'
import { forEachInFlight } from './in-flight.ts'
import { Progress, type Screen } from './progress.ts'
import { count } from './report.ts'
import type { Entry, Result } from './results.ts'

/** Calls that a worker holds: the running call, and a waiting call, so that it is never idle between two calls. */
const CONCURRENCY = 2
/** How long one file may take, in ms. */
const TIMEOUT = 120_000

export interface Job {
  /** Default: the interpreter's standard library, whose folder a worker returns. */
  readonly listing: Listing | undefined
  readonly workers: number
  readonly chaos: boolean
  readonly screen: Screen
}

export interface Done {
  readonly listing: Listing
  readonly entries: readonly Entry[]
  readonly figures: Figures
}

export function openPool(workers: number): Pool {
  return createPool({
    name: 'analyse',
    tools: new URL('../analyse.py', import.meta.url),
    size: workers,
    concurrency: CONCURRENCY,
    drainTimeout: 2_000,
    logger: pino({ level: 'error' }, { write: (line) => process.stderr.write(`${messageOf(line)}\n`) }),
  })
}

/** The message of a JSON log line: the job prints text for people. */
const messageOf = (line: string): string => (JSON.parse(line) as { msg: string }).msg

/** Starts the pool and analyses every file of the job. The caller stops the pool. */
export async function run(pool: Pool, job: Job, signal: AbortSignal): Promise<Done> {
  const { screen, workers } = job
  await pool.start()
  const { root, version } = await pool.call<{ root: string; version: string }>('standard_library')
  const listing = job.listing ?? (await listSources(root, signal, NOT_STANDARD))
  const { files } = listing
  screen.write(`Python ${version}, ${count(workers, 'worker')}: ${count(files.length, 'file')} in ${listing.root}\n`)

  const progress = new Progress(screen, files.length)
  const drill = job.chaos
    ? new Drill(pool, files.length, (line) => {
        progress.say(line)
      })
    : undefined
  const results = new Map<string, Result>()
  const latencies: number[] = []
  const analyse = async (path: string): Promise<void> => {
    const begun = performance.now()
    const args = { path: `${listing.root}/${path}` }
    const call = pool.call<Result>('analyse', args, { idempotent: true, timeout: TIMEOUT })
    results.set(path, await call.catch(deadlyIfPoison))
    latencies.push(performance.now() - begun)
    progress.advance()
  }

  const begun = performance.now()
  const analysing = forEachInFlight(files, workers * CONCURRENCY, async (path) => {
    await analyse(path)
    signal.throwIfAborted()
    drill?.afterAnswers(results.size)
  })
  drill?.afterAnswers(0)
  await analysing
  await drill?.recovered(signal)
  const seconds = (performance.now() - begun) / 1000
  progress.end()
  return {
    listing,
    entries: [...results].map(([path, result]) => ({ path, result })),
    figures: figuresOf(latencies, seconds, pool.stats.starts - workers),
  }
}

/** The result for a file whose analysis ends the interpreter itself. */
function deadlyIfPoison(error: unknown): Result {
  if (!isTerrariumError(error, 'POISON_CALL')) throw error
  return { error: { type: 'WorkerCrashed', message: 'the interpreter died parsing it', line: null } }
}
