// The calls of the soak whose tools call functions of this process (plain, nested, streams), or tell their progress.
import type { Pool, Progress } from '@terrarium/pool'
import { isTerrariumError } from '@terrarium/supervisor'
import type { Random } from '../support/random.ts'
import { numbers, sumOf, type Streaming } from './streams.ts'
import { note, settle, type Tally } from './tally.ts'

/** Why a nested call may be rejected though no worker dies. */
const NESTED = ['DEADLOCK', 'CANCELLED', 'DEADLINE_EXCEEDED', 'QUEUE_TIMEOUT']

/** Exposes the functions that the tools of the soak call. `deaths`: as of the sessions. */
export function exposeFunctions(pool: Pool, tally: Tally, deaths: readonly string[]): void {
  const counted = async <T>(run: () => Promise<T>): Promise<T> => {
    tally.host.made += 1
    tally.host.open += 1
    try {
      return await run()
    } finally {
      tally.host.open -= 1
    }
  }
  pool.expose('double', ({ n }: { n: number }) => counted(() => Promise.resolve(2 * n)))
  pool.expose('refuse', () => counted(() => Promise.reject(new RangeError('refused'))))
  pool.expose('numbers', ({ n }: { n: number }) => numbers(n))
  pool.expose('again', ({ n }: { n: number }) =>
    counted(async () => {
      try {
        return await settle(tally, pool.call('echo_later', { value: n, seconds: 0.001 }))
      } catch (error) {
        const code = isTerrariumError(error) ? error.code : 'no code'
        if (![...NESTED, ...deaths].includes(code)) note(tally, `a nested call was rejected: ${String(error)}`)
        throw error
      }
    }),
  )
}

export const CALLING_BACK: Readonly<Record<string, readonly [weight: number, kind: (random: Random) => Streaming]>> = {
  hosted: [6, (random) => asked(random.pick(['ask', 'ask_later']), random.between(0, 1_000), 2)],
  nested: [4, (random) => nested(random.pick(['nest', 'nest_later']), random.between(0, 1_000))],
  refused: [
    2,
    () => ({
      value: undefined,
      codes: ['PYTHON_ERROR'],
      make: (pool, options) => pool.call('refused', {}, options).then(() => 'no error'),
    }),
  ],
  taken: [
    4,
    (random) => {
      const [tool, n] = [random.pick(['take', 'take_later']), random.between(0, 2_000)]
      return { value: sumOf(n), make: (pool, options) => pool.call(tool, { n, most: n + 1 }, options) }
    },
  ],
  dropped: [
    2,
    (random) => {
      const [tool, most] = [random.pick(['take', 'take_later']), random.between(1, 50)]
      return { value: sumOf(most), make: (pool, options) => pool.call(tool, { n: 1e9, most }, options) }
    },
  ],
  told: [4, (random) => told(random.between(1, 300))],
}

const asked = (tool: string, n: number, times: number): Streaming => ({
  value: times * n,
  make: (pool, options) => pool.call(tool, { n }, options),
})

/** The nested call judges for itself: what the outer one is rejected with must come from it. */
function nested(tool: string, n: number): Streaming {
  const make: Streaming['make'] = async (pool, options) => {
    try {
      return await pool.call(tool, { n }, options)
    } catch (error) {
      if (isTerrariumError(error) && error.code === 'PYTHON_ERROR' && !isTerrariumError(error.cause)) {
        throw new Error(`the error of a nested call has lost its cause: ${String(error)}`, { cause: error })
      }
      throw error
    }
  }
  return { value: n, codes: ['PYTHON_ERROR'], make }
}

/** The last progress comes before the answer, and none after it. */
function told(n: number): Streaming {
  const make: Streaming['make'] = async (pool, options) => {
    const heard: Progress[] = []
    const onProgress = (progress: Progress): void => {
      heard.push(progress)
    }
    const value = await pool.call('advance', { n }, { ...options, onProgress })
    const isRising = heard.every(({ done }, index) => index === 0 || (done ?? 0) > (heard[index - 1]?.done ?? 0))
    return isRising && heard.at(-1)?.done === n ? value : `progress ${heard.map(({ done }) => done).join(' ')}`
  }
  return { value: n, make }
}
