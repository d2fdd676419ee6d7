// Rows that compare contenders with each other: which take part, with what payload, and which target. Each contender
// has a Node process of its own. They are measured in turns: while one runs, the others are idle.
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { figure, type Figure, type Target } from '../figure.ts'
import { inTurns, mediansOf, type Measurement } from '../measure.ts'
import { ContenderProcess } from './contender-process.ts'
import type { ContenderName } from './contenders.ts'
import type { StageContext } from './stage.ts'

/** Contenders by their keys. */
export type Contenders<K extends string> = Readonly<Record<K, ContenderName>>

/** One payload and number of calls in flight, and the contenders that are measured with it. */
export interface Comparison<K extends string> {
  readonly label: string
  /** `p50` in µs; `rate` in calls/s; `items` in items/s; `time`: µs from one answer to the next. */
  readonly of: 'p50' | 'rate' | 'items' | 'time'
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

const UNITS = { p50: 'µs', rate: 'calls/s', items: 'items/s', time: 'µs a call' } as const
/** Opens the contenders, measures each comparison in turns, and closes them. */
export async function compare<K extends string>(
  context: StageContext,
  contenders: Contenders<K>,
  comparisons: readonly Comparison<K>[],
): Promise<Figure[]> {
  const { quick, signal, log } = context
  const wanted = comparisons.filter(({ isLong }) => !quick || isLong !== true)
  if (wanted.length === 0) return []
  const { open, close } = await openAll(context, contenders)
  try {
    const figures: Figure[] = []
    for (const comparison of wanted) {
      const { label, bytes, inFlight } = comparison
      const keys = comparison.contenders.filter((key) => open.has(key))
      const taking = keys.map((key) => open.get(key) as ContenderProcess)
      log(`${label}: ${taking.map(({ name }) => name).join(', ')}`)
      const options = { bytes, inFlight, duration: quick ? 40 : 500 }
      const rounds = await inTurns(
        taking.map((contender) => () => contender.round(options, signal)),
        quick ? 1 : 7,
      )
      const measurements = new Map(keys.map((key, index) => [key, mediansOf(rounds[index] ?? [])]))
      figures.push(...figuresOf(comparison, measurements, open))
    }
    return figures
  } finally {
    await close()
  }
}

/** Contenders that are open, by key. `close` ends all, even if one of them fails to. */
export async function openAll<K extends string>(context: StageContext, contenders: Contenders<K>) {
  const { python, directory, before, seed, signal } = context
  const open = new Map<K, ContenderProcess>()
  const close = async (): Promise<void> => {
    const outcomes = await Promise.allSettled([...open.values()].map((contender) => contender.close()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }
  try {
    for (const key of Object.keys(contenders) as K[]) {
      signal.throwIfAborted()
      const own = await mkdtemp(join(directory, 'c-'))
      const request = { contender: contenders[key], python, directory: own, before, seed }
      const contender = await ContenderProcess.open(request, signal)
      if (contender !== undefined) open.set(key, contender)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { open, close }
}

function valueOf({ rate, p50 }: Measurement, of: Comparison<string>['of']): number {
  if (of === 'p50') return p50
  return of === 'time' ? 1e6 / rate : rate
}

function figuresOf<K extends string>(
  { label, of, contenders, targets }: Comparison<K>,
  measurements: ReadonlyMap<K, Measurement | undefined>,
  open: ReadonlyMap<K, ContenderProcess>,
): Figure[] {
  const unit = UNITS[of]
  const resultOf = (key: K): { name: string; value: number } | undefined => {
    const measurement = measurements.get(key)
    const name = open.get(key)?.name
    if (measurement === undefined || name === undefined) return undefined
    return { name: `${name}, ${label}`, value: valueOf(measurement, of) }
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
