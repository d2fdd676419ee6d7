// The calls of the soak that have streams: items, arguments that are streams, both, and many calls of one map. Each is
// read to its end or left, and every source has to be closed.
import type { Pool } from '@terrarium/pool'
import type { Random } from '../support/random.ts'

/** How many sources of this process have begun, and are not closed. */
let open = 0

export const openSources = (): number => open

export async function* numbers(count: number): AsyncGenerator<number> {
  open += 1
  try {
    for (let n = 0; n < count; n++) {
      if (n % 64 === 0) await new Promise(setImmediate)
      yield n
    }
  } finally {
    open -= 1
  }
}

/** A call with a stream: what it comes to, and how it is made. */
export interface Streaming {
  readonly value: unknown
  /** Codes that it may be rejected with. */
  readonly codes?: readonly string[]
  /** How many calls of the pool it is. Default 1. */
  readonly calls?: number
  readonly make: (pool: Pool, options: { readonly signal?: AbortSignal }) => Promise<unknown>
}

export const sumOf = (count: number): number => (count * (count - 1)) / 2

async function total(items: AsyncIterable<unknown>, most = Infinity): Promise<number> {
  let [sum, read] = [0, 0]
  for await (const item of items) {
    sum += Number(item)
    read += 1
    if (read === most) break
  }
  return sum
}

const counted = (random: Random): string => random.pick(['count', 'count_later'])

export const STREAMING: Readonly<Record<string, readonly [weight: number, kind: (random: Random) => Streaming]>> = {
  streamed: [
    4,
    (random) => {
      const [tool, n] = [counted(random), random.between(0, 3_000)]
      return { value: sumOf(n), make: (pool, options) => total(pool.stream(tool, { n }, options)) }
    },
  ],
  left: [
    4,
    (random) => {
      const [tool, most] = [counted(random), random.between(1, 50)]
      return { value: sumOf(most), make: (pool, options) => total(pool.stream(tool, { n: 1e9 }, options), most) }
    },
  ],
  fed: [
    4,
    (random) => {
      const [tool, n] = [random.pick(['total', 'total_later']), random.between(0, 3_000)]
      return { value: sumOf(n), make: (pool, options) => pool.call(tool, { rows: numbers(n) }, options) }
    },
  ],
  unread: [2, () => ({ value: 0, make: (pool, options) => pool.call('first', { rows: numbers(1e9) }, options) })],
  both: [
    2,
    (random) => {
      const n = random.between(0, 3_000)
      return { value: sumOf(n), make: (pool, options) => total(pool.stream('copied', { rows: numbers(n) }, options)) }
    },
  ],
  mapped: [
    2,
    (random) => {
      const n = random.between(0, 20)
      const items = Array.from({ length: n }, (_, value) => ({ value }))
      return { value: sumOf(n), calls: n, make: (pool, options) => total(pool.map('echo', items, options)) }
    },
  ],
  batched: [4, (random) => batched(random.between(0, 1_000))],
}

const batched = (value: number): Streaming => ({
  value: value + 1,
  make: (pool, options) => pool.call('next_of', { value }, options),
})
