// Calls that leave a trace, on a pool whose workers get SIGKILL at random moments: which calls have run, and what was
// told of them. For the test and the chaos that prove that what has begun is never run twice without a word.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { isTerrariumError } from '@terrarium/supervisor'
import type { Random } from './random.ts'
import { block, eventually, turn } from './waiting.ts'

/** A tool that appends the number of its call to a file, and then takes its time. */
const toolsOf = (isAsync: boolean): string => `
import asyncio, os, time
from terrarium import tool

_file = os.open(os.environ["CALLS_THAT_RAN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

@tool
${isAsync ? 'async ' : ''}def trace(n: int, seconds: float = 0.0) -> int:
    os.write(_file, b"%d\\n" % n)
    if seconds:
        ${isAsync ? 'await asyncio' : 'time'}.sleep(seconds)
    return n
`

/** What is tried in turn. */
export const WAYS = (['socket', 'grpc'] as const).flatMap((transport) => [
  ...[1, 4, 64].map((concurrency) => ({ transport, concurrency, isAsync: false })),
  { transport, concurrency: 64, isAsync: true },
])

export interface Killing {
  readonly transport: 'socket' | 'grpc'
  readonly concurrency: number
  /** Whether the tool is async. */
  readonly isAsync: boolean
  /** At least. */
  readonly kills: number
  readonly random: Random
  /** Does not exist yet. */
  readonly folder: string
  /** Beside the transport and the concurrency. */
  readonly options: Omit<PoolOptions, 'name' | 'tools'>
}

/** Numbers of calls, and of what went wrong with them. */
export interface Killed {
  readonly kills: number
  readonly calls: number
  /** Calls that were not settled, or more than once. */
  readonly unsettled: number
  /** Calls that are not idempotent and have run more than once. */
  readonly twice: number
  /** Calls with a value that have not run, or with another value than their own. */
  readonly untrue: number
  /** Calls that were told of a crash; and those of them that have not run. */
  readonly crashed: number
  readonly crashedUnrun: number
  /** Idempotent calls that were run again. */
  readonly retried: number
  /** Calls that ended in another way. */
  readonly strange: readonly string[]
  readonly processesLeft: number
}

const SIZE = 3
const CALLERS = 64
/** The most calls, and then the longest time in ms, between two kills. */
const CALLS_BETWEEN = 400
const PAUSE = 3
/** How long the host stands still before a kill at most, while the worker goes on, in ms. */
const STANDSTILL = 2
/** The most kills, in times of the kills that were asked for. */
const MOST_TIMES = 20
/** How long a slow call takes, in s. */
const SLOW = 0.001
/** Calls that are not settled by then are counted, in ms. */
const PATIENCE = 300_000

/** Runs a pool until so many of its workers were killed, or more, see {@link killWorkers}. */
export async function killWhileCalling(killing: Killing): Promise<Killed> {
  const { folder, transport, concurrency, isAsync, options, random } = killing
  mkdirSync(folder)
  const ran = join(folder, 'ran')
  const tools = join(folder, 'tools.py')
  writeFileSync(tools, toolsOf(isAsync))
  const pool = createPool({
    ...options,
    name: 'killed',
    tools,
    transport,
    concurrency,
    size: SIZE,
    maxDeaths: 1_000,
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000_000 },
    breaker: 'off',
    env: { CALLS_THAT_RAN: ran },
  })
  await pool.start()
  const told = new Told()
  const state = { isOver: false }
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!state.isOver) await told.call(pool, random)
  })
  const killer = killWorkers(pool, told, killing.kills, random).finally(() => (state.isOver = true))
  const patience = new AbortController()
  const late = wait(PATIENCE, undefined, { ref: false, signal: patience.signal }).catch(() => undefined)
  await Promise.race([Promise.all([killer, ...callers]), late])
  patience.abort()
  const kills = await killer
  const { retried } = pool.stats
  const { processesLeft } = await pool.stop()
  const runs = new Map<number, number>()
  const lines = existsSync(ran) ? readFileSync(ran, 'utf8').split('\n').slice(0, -1) : []
  for (const line of lines) runs.set(Number(line), (runs.get(Number(line)) ?? 0) + 1)
  return { kills, retried, processesLeft, ...told.against(runs) }
}

/** How the calls ended, by number. */
class Told {
  settled = 0
  crashed = 0
  readonly #ends: { readonly idempotent: boolean; readonly told: string[] }[] = []

  async call(pool: Pool, random: Random): Promise<void> {
    const n = this.#ends.length
    const idempotent = random.chance(0.3)
    const told: string[] = []
    this.#ends.push({ idempotent, told })
    await pool.call('trace', { n, seconds: random.chance(0.4) ? SLOW : 0 }, { idempotent }).then(
      (value) => told.push(value === n ? 'value' : 'another value'),
      (error: unknown) => told.push(isTerrariumError(error) ? error.code : String(error)),
    )
    this.settled += 1
    if (told[0] === 'WORKER_CRASHED') this.crashed += 1
  }

  /** `runs`: how often each call has run. */
  against(runs: ReadonlyMap<number, number>): Omit<Killed, 'kills' | 'retried' | 'processesLeft'> {
    const all = this.#ends.map(({ idempotent, told }, n) => ({ idempotent, told, end: told[0], ran: runs.get(n) ?? 0 }))
    const count = (is: (each: (typeof all)[number]) => boolean): number => all.filter(is).length
    const known = new Set(['value', 'another value', 'WORKER_CRASHED', undefined])
    return {
      calls: all.length,
      unsettled: count(({ told }) => told.length !== 1),
      twice: count(({ idempotent, ran }) => !idempotent && ran > 1),
      untrue: count(({ end, ran }) => end === 'another value' || (end === 'value' && ran === 0)),
      crashed: count(({ end }) => end === 'WORKER_CRASHED'),
      crashedUnrun: count(({ end, ran }) => end === 'WORKER_CRASHED' && ran === 0),
      strange: all.flatMap(({ end, idempotent }) =>
        !known.has(end) || (idempotent && end === 'WORKER_CRASHED')
          ? [`${end}${idempotent ? ', idempotent' : ''}`]
          : [],
      ),
    }
  }
}

/**
 * SIGKILLs so many workers, each at a random moment after some calls, and more until one of them had begun a call. On a
 * busy machine workers may have begun nothing by then. Returns how many were killed.
 */
async function killWorkers(pool: Pool, told: Told, kills: number, random: Random): Promise<number> {
  let killed = 0
  const goesOn = (): boolean =>
    killed < kills || (killed < MOST_TIMES * kills && told.crashed + pool.stats.retried === 0)
  const dead = new Set<number>()
  const living = (): number[] => pool.workers.flatMap(({ pid }) => (pid === undefined || dead.has(pid) ? [] : [pid]))
  while (goesOn()) {
    const enough = told.settled + random.between(0, CALLS_BETWEEN)
    await eventually('a worker has answered', () => living().length > 0 && told.settled >= enough, PATIENCE)
    await wait(random.next() * PAUSE)
    await turn() // what has come is read, and more is sent
    block(random.next() * STANDSTILL)
    const [first, ...others] = living()
    if (first === undefined) continue
    const pid = random.pick([first, ...others])
    killed += 1
    dead.add(pid)
    process.kill(pid, 'SIGKILL')
  }
  return killed
}
