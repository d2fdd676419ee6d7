import { median } from '../measure.ts'
import { collectGarbage } from './garbage.ts'

/** What one turn has measured, by name. */
export type Sample<K extends string = string> = Readonly<Record<K, number>>

export interface Taken<K extends string> {
  /** The medians of the rounds. */
  readonly median: Sample<K>
}

/**
 * Lets each contender take its turn, round by round, so that whatever else the machine does meets them alike, after a
 * turn each to warm up. Nobody has to collect the garbage of the one before. Answers what they have measured, in their
 * order. When the bench is to end, the turn that has begun is the last.
 */
export async function inTurns<K extends string>(
  contenders: readonly (() => Promise<Sample<K>>)[],
  { rounds, signal }: { readonly rounds: number; readonly signal: AbortSignal },
): Promise<Taken<K>[]> {
  const taken: Sample<K>[][] = contenders.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (const [index, takeTurn] of contenders.entries()) {
      signal.throwIfAborted()
      collectGarbage()
      taken[index]?.push(await takeTurn())
    }
  }
  return taken.map(([warmUp, ...samples]) => {
    if (warmUp === undefined) throw new RangeError('nobody has taken a turn')
    const names = Object.keys(warmUp) as K[]
    const medians = names.map((name) => [name, median(samples.map((sample) => sample[name]))])
    return { median: Object.fromEntries(medians) as Sample<K> }
  })
}
