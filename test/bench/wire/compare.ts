// Rows that compare contenders with each other: who takes part, with what payload, and which target.
import { createHash } from 'node:crypto'
import { figure, type Figure, type Target } from '../figure.ts'
import { measure, type Measurement } from '../measure.ts'
import type { OpenContender } from './open-contender.ts'
import type { StageContext } from './stage.ts'

/** A contender by its key; opening it resolves with undefined when it cannot be measured here. */
export type Contenders<K extends string> = Readonly<Record<K, () => Promise<OpenContender | undefined>>>

/** One payload and number of calls in flight, and the contenders that are measured with it. */
export interface Comparison<K extends string> {
  readonly label: string
  /** `p50` in µs; `rate` in calls/s; `time`: µs from one answer to the next. */
  readonly of: 'p50' | 'rate' | 'time'
  readonly bytes: number
  readonly inFlight: number
  readonly contenders: readonly K[]
  /** The figure of the first divided by the figure of the second meets the target. */
  readonly targets: readonly (readonly [contender: K, against: K, target: Target])[]
  /** Left out of a quick run. */
  readonly isLong?: boolean
}

/** The target of a time that has to be so many times shorter. */
export const timesFaster = (times: number): Target => ({ atMost: 1 / times })

const UNITS = { p50: 'µs', rate: 'calls/s', time: 'µs a call' } as const
/** Payloads that differ, so that an answer meant for another call is noticed. */
const PAYLOADS = 251
/** Of all payloads of a row together, in bytes. */
const MOST_BYTES = 2 ** 25

/** Opens the contenders, measures each comparison in turns, and closes them. */
export async function compare<K extends string>(
  { seed, quick, signal, log }: StageContext,
  contenders: Contenders<K>,
  comparisons: readonly Comparison<K>[],
): Promise<Figure[]> {
  const wanted = comparisons.filter(({ isLong }) => !quick || isLong !== true)
  if (wanted.length === 0) return []
  const open = new Map<K, OpenContender>()
  const figures: Figure[] = []
  try {
    for (const key of Object.keys(contenders) as K[]) {
      signal.throwIfAborted()
      const contender = await contenders[key]()
      if (contender !== undefined) open.set(key, contender)
    }
    for (const comparison of wanted) {
      const { label, bytes, inFlight } = comparison
      const keys = comparison.contenders.filter((key) => open.has(key))
      const taking = keys.map((key) => open.get(key) as OpenContender)
      log(`${label}: ${taking.map(({ name }) => name).join(', ')}`)
      const measurements = await measure(taking, {
        payloads: payloadsOf(seed, bytes),
        inFlight,
        rounds: quick ? 1 : 7,
        duration: quick ? 40 : 500,
        signal,
      })
      figures.push(...figuresOf(comparison, new Map(keys.map((key, index) => [key, measurements[index]])), open))
    }
    return figures
  } finally {
    await closeAll([...open.values()])
  }
}

function figuresOf<K extends string>(
  { label, of, contenders, targets }: Comparison<K>,
  measurements: ReadonlyMap<K, Measurement | undefined>,
  open: ReadonlyMap<K, OpenContender>,
): Figure[] {
  const unit = UNITS[of]
  const resultOf = (key: K): { name: string; value: number } | undefined => {
    const measurement = measurements.get(key)
    const name = open.get(key)?.name
    if (measurement === undefined || name === undefined) return undefined
    return { name: `${name}, ${label}`, value: of === 'time' ? 1e6 / measurement.rate : measurement[of] }
  }
  const [floor] = contenders
  return contenders.flatMap((key) => {
    const result = resultOf(key)
    if (result === undefined) return []
    const judged = targets.filter(([contender]) => contender === key)
    const isInfo = !judged.some(([, against]) => against === floor)
    const against = floor === undefined || floor === key ? null : (resultOf(floor) ?? null)
    return [
      ...(isInfo ? [figure({ ...result, unit, against })] : []),
      ...judged.map(([, other, target]) =>
        figure({ ...result, unit, against: resultOf(other) ?? { name: `${other}, ${label}`, value: null }, target }),
      ),
    ]
  })
}

/** Letters and digits, which are one byte each in every form. */
function payloadsOf(seed: number, bytes: number): Buffer[] {
  const count = Math.max(1, Math.min(PAYLOADS, Math.floor(MOST_BYTES / bytes)))
  const hex = createHash('shake256', { outputLength: Math.ceil((count * bytes) / 2) })
    .update(`wire ${seed}`)
    .digest('hex')
  const all = Buffer.from(hex, 'latin1')
  return Array.from({ length: count }, (_, index) => all.subarray(index * bytes, (index + 1) * bytes))
}

/** Closes all, even if one of them fails to. */
async function closeAll(opened: readonly OpenContender[]): Promise<void> {
  const outcomes = await Promise.allSettled(opened.map(({ close }) => close()))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
