// The stage of the wire suite about long values: how much a value of 100 MiB delays the other calls of its pool.
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import { openPool, type OpenPool } from './pool-call.ts'
import type { Stage, StageContext } from './stage.ts'

const SMALL = Buffer.alloc(100, 'a')

/** The times of small calls, one after the other, until `until` settles; at least `least` of them. In µs. */
async function timesOf({ pool }: OpenPool, least: number, until: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  const state = { isOver: false }
  const over = until.finally(() => (state.isOver = true))
  while (!state.isOver || times.length < least) {
    const begun = performance.now()
    await pool.call('echo', { data: SMALL })
    times.push((performance.now() - begun) * 1_000)
  }
  await over
  return times
}

/** Two workers: a long value goes to one of them and back, small calls go on. In turns with small calls alone. */
async function delay(context: StageContext): Promise<Figure[]> {
  const { quick, signal, log } = context
  const mebibytes = quick ? 4 : 100
  const values = {
    array: new Float64Array((mebibytes * 1024 * 1024) / 8),
    text: 'a'.repeat(mebibytes * 1024 * 1024),
  }
  const pool = await openPool(context, { size: 2 })
  try {
    const figures: Figure[] = []
    for (const [kind, value] of Object.entries(values)) {
      log(`a small call alone, and beside ${mebibytes} MiB as ${kind}`)
      const [alone, beside]: [number[], number[]] = [[], []]
      for (let round = -1; round < (quick ? 1 : 5); round++) {
        signal.throwIfAborted()
        const one = median(await timesOf(pool, 500, Promise.resolve()))
        const other = median(await timesOf(pool, 1, pool.pool.call('same', { data: value })))
        if (round < 0) continue
        alone.push(one)
        beside.push(other)
      }
      figures.push(
        figure({
          name: `a call beside ${mebibytes} MiB as ${kind}, p50`,
          value: median(beside),
          unit: 'µs',
          against: { name: 'the same call alone, p50', value: median(alone) },
          // Text is a part of the msgpack, which is encoded and decoded at once.
          target: kind === 'array' ? { atMost: 3 } : null,
        }),
      )
    }
    return figures
  } finally {
    await pool.close()
  }
}

export const delayStage: Stage = { name: 'delay', isPinned: false, run: delay }
