// The bench row of a shepherd's death.
import { join } from 'node:path'
import { openRuntime, type Runtime } from '@terrarium/process'
import { pino } from 'pino'
import { figure, type Figure } from '../figure.ts'
import { shepherdsOf } from './shepherds.ts'
import type { Stage } from './stage.ts'
import { bareWorker, throughShepherd } from './starter.ts'

const WORKERS = 4

/** From the SIGKILL of a shepherd, or of its guard process, to the last exit of its processes. */
export async function measureShepherdDeaths({ folder, python, quick, signal, log, standard }: Stage): Promise<Figure> {
  const rounds = quick ? 4 : 40
  log(`${rounds} shepherds are killed, with ${WORKERS} workers each`)
  const runtime = await openRuntime({
    python,
    stateDir: join(folder, 'state'),
    // Their deaths are intended, so they are not printed.
    logger: pino({ level: 'fatal' }, pino.destination(2)),
  })
  const samples: number[] = []
  try {
    const start = throughShepherd(runtime)
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted()
      const workers = await Promise.all(Array.from({ length: WORKERS }, () => start(bareWorker(python))))
      // In every other round the guard process is killed, at levels that have one.
      const shepherds = shepherdsOf(runtime)
      samples.push(await kill(shepherds[round % shepherds.length] ?? NaN, workers))
      await Promise.all(workers.map((worker) => worker.end()))
    }
  } finally {
    await close(runtime)
  }
  return figure({
    name: `SIGKILL of the shepherd to ${WORKERS} times exited, p95, ${standard.level}`,
    value: samples.toSorted((one, other) => one - other)[Math.ceil(0.95 * rounds) - 1] ?? NaN,
    unit: 'ms',
    target: { atMost: 50 },
  })
}

async function close(runtime: Runtime): Promise<void> {
  const { left } = await runtime.close()
  if (left.length > 0) throw new Error(`processes are left behind: ${left.map(({ pid }) => pid).join(', ')}`)
}

async function kill(shepherd: number, workers: readonly { readonly exited: Promise<unknown> }[]): Promise<number> {
  const begun = performance.now()
  process.kill(shepherd, 'SIGKILL')
  await Promise.all(workers.map(({ exited }) => exited))
  return performance.now() - begun
}
