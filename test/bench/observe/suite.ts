// The suite `observe`: what calls lose by an observer without a reader, and with a reader. All rounds are calls
// of one pool; rounds without and with an observer alternate, so that other load affects both alike.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { observe } from '@terrarium/observe'
import type { Pool } from '@terrarium/pool'
import { figure, type Figure } from '../figure.ts'
import { median, runRound } from '../measure.ts'
import type { BenchContext, Suite } from '../suite.ts'
import { openPool } from '../wire/pool-call.ts'
import { interval, PAIRS, QUICK_PAIRS } from './interval.ts'

/** Calls at a time, and of how many bytes. */
const IN_FLIGHT = 64
const BYTES = 16
/** How long a round takes, in ms. */
const DURATION = 400
const QUICK_DURATION = 40
/** The most that an observer without a reader may cost of the calls, in percent: the lower end of the interval. */
const MOST_LOST = 3
/** The least part of the calls that is left while a reader looks. */
const LEAST_WATCHED = 0.5

const COMMAND = fileURLToPath(new URL('../../../../packages/cli/bin/terrarium.mjs', import.meta.url))

/** Measures what looking costs. */
export const observing: Suite = {
  name: 'observe',
  description: 'calls of a pool without an observer, with an observer, and while a command follows it',
  needsWorkers: true,
  run: async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'terrarium-bench-'))
    try {
      const { pool, echo, close } = await openPool({ ...context, directory }, { concurrency: 256 })
      try {
        return await compare(pool, echo, context)
      } finally {
        await close()
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  },
}

type Echo = (payload: never) => Promise<unknown>

async function compare(pool: Pool, echo: Echo, { quick, signal, log }: BenchContext): Promise<readonly Figure[]> {
  const pairs = quick ? QUICK_PAIRS : PAIRS
  const duration = quick ? QUICK_DURATION : DURATION
  const payloads = [Buffer.alloc(BYTES, 'x')]
  const rateOf = async (): Promise<number> =>
    (await runRound({ name: 'pool.call', echo }, payloads, { inFlight: IN_FLIGHT, duration, signal })).rate
  let events = 0
  const unwatched = async (): Promise<number> => {
    const observer = await observe(pool)
    const rate = await rateOf()
    events += observer.events.length
    await observer.stop()
    return rate
  }
  const watched = async (): Promise<number> => {
    const observer = await observe(pool)
    const reader = await startReader(() => observer.readers)
    const rate = await rateOf()
    await reader.close()
    await observer.stop()
    return rate
  }

  log(`calls a second at ${IN_FLIGHT}, ${pairs.count} pairs of rounds: without an observer, and with an observer`)
  await rateOf()
  const idle = await inPairs(rateOf, unwatched, pairs.count)
  log('the same: without an observer, and while a command follows')
  const read = await inPairs(rateOf, watched, pairs.count)

  const lost = idle.map(({ without, having }) => 100 * (1 - having / without))
  const [lower, upper] = interval(lost, pairs)
  const alone = median(idle.map(({ without }) => without))
  return [
    figure({ name: 'pool.call without an observer', value: alone, unit: 'calls/s' }),
    figure({
      name: 'lost by an observer without a reader, lower end of the 95 % interval',
      value: lower,
      unit: '%',
      target: { atMost: MOST_LOST },
    }),
    figure({ name: 'lost by an observer without a reader, upper end', value: upper, unit: '%' }),
    figure({
      name: 'events of the ring that these calls have made',
      value: events,
      unit: 'events',
      target: { atMost: 0 },
    }),
    figure({
      name: 'pool.call while a command follows',
      value: median(read.map(({ having }) => having)),
      unit: 'calls/s',
      against: { name: 'without an observer', value: median(read.map(({ without }) => without)) },
      target: { atLeast: LEAST_WATCHED },
    }),
  ]
}

interface Pair {
  readonly without: number
  readonly having: number
}

/** Runs both as often as there are pairs. In every other pair the second runs first. */
async function inPairs(
  without: () => Promise<number>,
  having: () => Promise<number>,
  count: number,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = []
  for (let n = 0; n < count; n += 1) {
    if (n % 2 === 0) pairs.push({ without: await without(), having: await having() })
    else {
      const first = await having()
      pairs.push({ having: first, without: await without() })
    }
  }
  return pairs
}

/** A process of its own, as readers are. Resolves when it reads. */
async function startReader(readers: () => number): Promise<{ close(): Promise<void> }> {
  const child = spawn(process.execPath, [COMMAND, 'events', '-f', '--json'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  while (readers() === 0) {
    if (child.exitCode !== null) throw new Error(`terrarium events has ended with ${child.exitCode}`)
    await delay(10)
  }
  return {
    async close() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
