// The bench row of what pacing costs a pool of light workers (D6).
import { join } from 'node:path'
import { createPool, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { figure, type Figure } from '../figure.ts'
import type { Stage } from './stage.ts'
import { inTurns, type Sample } from './turns.ts'

const SIZE = 8
/**
 * A pool that paces its starts may take at most this many times as long as a pool that starts all workers at once.
 */
const MOST_TIMES = 1.2

/** Where the start budget of a process lies; see `StartBudget` of @terrarium/process. */
const KEY = Symbol.for('terrarium.startBudget.2')

const WITHOUT_PACE = {
  turn: () => Promise.resolve({ started: () => undefined, finished: () => undefined }),
  dismiss: () => undefined,
}

/**
 * Measures what pacing costs where nothing needs it: a pool of light workers, from `start()` until all of them are
 * ready (D6).
 */
export async function measurePacing(stage: Stage): Promise<Figure> {
  const { quick, signal, log } = stage
  log(`${SIZE} light workers of a pool, paced and not paced in turns`)
  const [paced, unpaced] = await inTurns([() => startPool(stage), () => withoutPace(() => startPool(stage))], {
    rounds: quick ? 1 : 9,
    signal,
  })
  if (paced === undefined || unpaced === undefined) throw new RangeError('two contenders, two results')
  return figure({
    name: `a pool of ${SIZE} light workers, until all are ready`,
    value: paced.median.ready,
    unit: 'ms',
    against: { name: 'not paced', value: unpaced.median.ready },
    target: { atMost: MOST_TIMES },
  })
}

async function startPool({ folder, python }: Stage): Promise<Sample<'ready'>> {
  const pool = createPool({
    name: 'paced',
    tools: new URL('../../../bench/wire/echo_tools.py', import.meta.url),
    python,
    stateDir: join(folder, 'pool'),
    size: SIZE,
    logger: pino({ level: 'error' }, pino.destination(2)),
  })
  try {
    const begun = performance.now()
    await pool.start()
    const ready = performance.now() - begun
    if (pool.stats.ready !== SIZE) throw new Error(`${pool.stats.ready} of ${SIZE} workers are ready`)
    return { ready }
  } finally {
    await stop(pool)
  }
}

async function stop(pool: Pool): Promise<void> {
  const { processesLeft } = await pool.stop()
  if (processesLeft > 0) throw new Error(`${processesLeft} processes of the pool are left behind`)
}

async function withoutPace<T>(work: () => Promise<T>): Promise<T> {
  const shared = globalThis as Partial<Record<symbol, unknown>>
  const budget = shared[KEY]
  shared[KEY] = WITHOUT_PACE
  try {
    return await work()
  } finally {
    shared[KEY] = budget
  }
}
