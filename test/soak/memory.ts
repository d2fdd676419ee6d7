// The memory of the host and of a worker over a soak: samples, and whether they grow.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { trend, type Sample } from '../chaos/trend.ts'
import { turn } from '../support/waiting.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Growth that is tolerated, in bytes a minute. V8 goes on to make and drop code: 60 to 170 kB a minute were measured
 * where snapshots of the heap had no more objects than before.
 */
const TOLERANCE = { heap: 300e3, rss: 1e6 }
/** The part of a soak in which pools, caches and the allocator fill; it is not judged. */
const WARM_UP = 0.5
/** The blocks that the judged part is cut into. */
const BLOCKS = 10
/** The quantile of Student's t at 99 % for so many blocks and the two numbers of a line. */
const QUANTILE = 2.896
/** Below so many minutes nothing is judged. */
const LEAST_MINUTES = 3

/** Collects garbage: twice, since much beside the heap is released by finalizers. */
export async function collectGarbage(): Promise<void> {
  collect()
  await turn()
  collect()
}

/** Samples by name. `cycles` are minutes. */
type Series = Record<'heap of the host' | 'rss of the host' | 'rss of a worker', Sample[]>

/** Memory of this process and of one worker. */
export class Memory {
  readonly #series: Series = { 'heap of the host': [], 'rss of the host': [], 'rss of a worker': [] }
  readonly #begun = performance.now()

  /** Takes a sample. Collects garbage before. */
  async sample(worker: number): Promise<void> {
    await collectGarbage()
    const { rss, heapUsed } = process.memoryUsage()
    const cycles = (performance.now() - this.#begun) / 60_000
    this.#series['heap of the host'].push({ cycles, value: heapUsed })
    this.#series['rss of the host'].push({ cycles, value: rss })
    this.#series['rss of a worker'].push({ cycles, value: residentSize(worker) })
  }

  /** Lines for people, and what has grown. */
  judge(minutes: number): { readonly lines: readonly string[]; readonly grown: readonly string[] } {
    const lines: string[] = []
    const grown: string[] = []
    for (const [name, all] of Object.entries(this.#series)) {
      const samples = all.filter(({ cycles, value }) => cycles >= minutes * WARM_UP && !Number.isNaN(value))
      const first = samples[0]?.value ?? NaN
      const last = samples.at(-1)?.value ?? NaN
      const shown = `${name}: ${megabytes(first)} to ${megabytes(last)} MB`
      if (minutes < LEAST_MINUTES || samples.length < 2 * BLOCKS) {
        lines.push(`${shown} (too short to tell whether it grows)`)
        continue
      }
      const { slope, error } = growth(samples)
      lines.push(`${shown} in the second half, ${kilobytes(slope)} ± ${kilobytes(error)} kB a minute`)
      const most = name.startsWith('heap') ? TOLERANCE.heap : TOLERANCE.rss
      if (slope - error > most) grown.push(`${name} grows by ${kilobytes(slope)} kB a minute`)
    }
    return { lines, grown }
  }
}

/**
 * The growth of a series in bytes a minute; it is surely more than `slope - error`, at 99 %. Samples that follow each
 * other are alike, and values of calls in flight come and go: so each block counts once, with its least value.
 */
export function growth(samples: readonly Sample[]): { slope: number; error: number } {
  const least = Array.from({ length: BLOCKS }, (_, block): Sample => {
    const of = samples.slice(
      Math.floor((block * samples.length) / BLOCKS),
      Math.floor(((block + 1) * samples.length) / BLOCKS),
    )
    const cycles = of.reduce((sum, each) => sum + each.cycles, 0) / of.length
    return { cycles, value: Math.min(...of.map(({ value }) => value)) }
  })
  const { slope, error } = trend(least)
  return { slope, error: QUANTILE * error }
}

/** Of a process, in bytes; NaN if it has died. */
export function residentSize(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
  } catch {
    return NaN
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
const kilobytes = (bytes: number): string => (bytes / 1e3).toFixed(0)
