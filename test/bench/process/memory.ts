// The bench row of the shepherd's memory.
import { readFile } from 'node:fs/promises'
import { figure, type Figure } from '../figure.ts'
import { shepherdsOf } from './shepherds.ts'
import type { Stage } from './stage.ts'
import { bareWorker, throughShepherd } from './starter.ts'

const WORKERS = 4

/**
 * The proportional set size of the shepherd and its guard process, while the shepherd has a few workers.
 */
export async function measureMemory({ standard, others, python, signal, log }: Stage): Promise<Figure[]> {
  log(`the memory of a shepherd with ${WORKERS} workers`)
  const figures: Figure[] = []
  for (const level of [standard, ...others]) {
    signal.throwIfAborted()
    const start = throughShepherd(level.runtime)
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => start(bareWorker(python))))
    const bytes = await bytesOf(shepherdsOf(level.runtime))
    await Promise.all(workers.map((worker) => worker.end()))
    figures.push(
      figure({ name: `shepherd, PSS, ${level.level}`, value: bytes / 1e6, unit: 'MB', target: { atMost: 12 } }),
    )
  }
  return figures
}

async function bytesOf(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const kilobytes = /^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
      if (kilobytes === undefined) throw new Error(`this system does not tell the memory of ${pid}`)
      return Number(kilobytes) * 1024
    }),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
