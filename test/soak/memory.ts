// The memory of the host and of a worker over a soak: samples, and whether they grow.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { trend, type Sample } from '../chaos/trend.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Growth beyond the noise that is tolerated over a whole soak, in bytes. */
const TOLERANCE = { heap: 2e6, rss: 12e6 }
/** The part of a soak in which pools and caches fill; it is not judged. */
const WARM_UP = 0.25
/** Below so many minutes nothing is judged. */
const LEAST_MINUTES = 3

/** Samples by name. `cycles` are minutes. */
type Series = Record<'heap of the host' | 'rss of the host' | 'rss of a worker', Sample[]>

/** Memory of this process and of one worker. */
export class Memory {
  readonly #series: Series = { 'heap of the host': [], 'rss of the host': [], 'rss of a worker': [] }
  readonly #begun = performance.now()

  /** Takes a sample. Collects garbage before. */
  sample(worker: number): void {
    collect()
    const { rss, heapUsed, external } = process.memoryUsage()
    const cycles = (performance.now() - this.#begun) / 60_000
    this.#series['heap of the host'].push({ cycles, value: heapUsed + external })
    this.#series['rss of the host'].push({ cycles, value: rss })
    this.#series['rss of a worker'].push({ cycles, value: residentSize(worker) })
  }

  /** Lines for people, and what has grown. */
  judge(minutes: number): { readonly lines: readonly string[]; readonly grown: readonly string[] } {
    const lines: string[] = []
    const grown: string[] = []
    for (const [name, all] of Object.entries(this.#series)) {
      const samples = all.filter(({ cycles }) => cycles >= minutes * WARM_UP)
      const first = samples[0]?.value ?? NaN
      const last = samples.at(-1)?.value ?? NaN
      const shown = `${name}: ${megabytes(first)} to ${megabytes(last)} MB`
      if (minutes < LEAST_MINUTES || samples.length < 10) {
        lines.push(`${shown} (too short to tell whether it grows)`)
        continue
      }
      const { slope, error } = trend(samples)
      const over = minutes * (1 - WARM_UP)
      lines.push(`${shown}, ${kilobytes(slope)} ± ${kilobytes(error)} kB a minute`)
      const most = name.startsWith('heap') ? TOLERANCE.heap : TOLERANCE.rss
      if (slope * over > most + 3 * error * over) grown.push(`${name} grows by ${kilobytes(slope)} kB a minute`)
    }
    return { lines, grown }
  }
}

function residentSize(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
const kilobytes = (bytes: number): string => (bytes / 1e3).toFixed(0)
