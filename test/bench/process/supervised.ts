// The bench row of a worker's exit, as the pool reports it.
import { join } from 'node:path'
import { createPool, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { eventually } from '../../support/waiting.ts'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import type { Stage } from './stage.ts'

const SIZE = 4
/** Delay before a restart, in ms: all workers have been killed before the first is started again. */
const BACKOFF = 200
const PATIENCE = 30_000

/** Measures the time from the SIGKILL of a worker, sent from outside, to the pool's event `worker.exit`. */
export async function measureSupervised(stage: Stage): Promise<Figure> {
  const { folder, python, quick, signal, log, standard } = stage
  const pool = createPool({
    name: 'bench',
    tools: new URL('../../../bench/wire/echo_tools.py', import.meta.url),
    python,
    stateDir: join(folder, 'pool'),
    size: SIZE,
    backoff: { first: BACKOFF, base: BACKOFF, factor: 1, jitter: 'none', maxAttempts: 1_000 },
    breaker: 'off',
    // The crashes of workers are intended, so they are not printed.
    logger: pino({ level: 'error' }, pino.destination(2)),
  })
  const samples: number[] = []
  try {
    signal.throwIfAborted()
    await pool.start()
    const kills = quick ? SIZE : 104
    log(`${kills} workers of a pool of ${SIZE} are killed, one after the other`)
    while (samples.length < kills) {
      signal.throwIfAborted()
      for (const { id, pid } of pool.workers) samples.push(await killOne(pool, id, pid))
      await eventually('the workers of the pool are ready again', () => isBack(pool, signal), PATIENCE)
    }
    if (pool.stats.crashes !== samples.length) {
      throw new Error(`${samples.length} workers were killed, and ${pool.stats.crashes} crashed`)
    }
  } finally {
    await stop(pool)
  }
  return figure({
    name: `SIGKILL to worker.exit of the pool, p50, ${standard.level}`,
    value: median(samples),
    unit: 'ms',
    target: { atMost: 5 },
  })
}

async function stop(pool: Pool): Promise<void> {
  const { processesLeft } = await pool.stop()
  if (processesLeft > 0) throw new Error(`${processesLeft} processes of the pool are left behind`)
}

async function killOne(pool: Pool, id: string, pid: number | undefined): Promise<number> {
  if (pid === undefined) throw new Error(`${id} is not running`)
  const told = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(reject, PATIENCE, new Error(`the pool has not said that ${id} has ended`))
    const listen = (event: { worker: string; pid: number | undefined }): void => {
      if (event.worker !== id || event.pid !== pid) return
      resolve(performance.now())
      clearTimeout(timer)
      pool.off('worker.exit', listen)
    }
    pool.on('worker.exit', listen)
  })
  const begun = performance.now()
  process.kill(pid, 'SIGKILL')
  return (await told) - begun
}

function isBack(pool: Pool, signal: AbortSignal): boolean {
  signal.throwIfAborted()
  return pool.stats.ready === SIZE
}
