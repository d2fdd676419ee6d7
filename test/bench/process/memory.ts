import { readFile } from 'node:fs/promises'
import { findMarked } from '@terrarium/process'
import { figure, type Figure } from '../figure.ts'
import type { Level, Stage } from './stage.ts'
import { bareWorker, throughShepherd } from './starter.ts'

const WORKERS = 4

/** The proportional share of the shepherd, with the warden that some levels need, while it keeps a few workers. */
export async function measureMemory({ standard, others, python, signal, log }: Stage): Promise<Figure[]> {
  log(`the memory of a shepherd with ${WORKERS} workers`)
  const figures: Figure[] = []
  for (const level of [standard, ...others]) {
    signal.throwIfAborted()
    const start = throughShepherd(level.runtime)
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => start(bareWorker(python))))
    const bytes = await shepherdBytes(level)
    await Promise.all(workers.map((worker) => worker.end()))
    figures.push(
      figure({ name: `shepherd, PSS, ${level.level}`, value: bytes / 1e6, unit: 'MB', target: { atMost: 12 } }),
    )
  }
  return figures
}

/** All of a run that is not one of its processes, is its shepherd. */
async function shepherdBytes({ runtime }: Level): Promise<number> {
  const workers = new Set(runtime.census().map(({ pid }) => pid))
  const pids = findMarked({ run: runtime.runId }).flatMap(({ pid }) => (workers.has(pid) ? [] : pid))
  if (workers.size !== WORKERS || pids.length === 0) {
    throw new Error(`there are ${workers.size} workers, and ${pids.length} processes that keep them`)
  }
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const kilobytes = /^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
      if (kilobytes === undefined) throw new Error(`this system does not tell the memory of ${pid}`)
      return Number(kilobytes) * 1024
    }),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
