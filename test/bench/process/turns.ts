// Rounds of measurements that take turns, so that other load on the machine affects all contenders alike.
import { median } from '../measure.ts'
import { collectGarbage } from './garbage.ts'

/** What one turn has measured, by name. */
export type Sample<K extends string = string> = Readonly<Record<K, number>>

export interface Taken<K extends string> {
  /** The medians of the rounds. */
  readonly median: Sample<K>
}

/**
 * Gives each contender its turn, round by round, after one turn each to warm up. Garbage is collected before each turn.
 * Returns the samples in the order of the contenders. When the bench is aborted, the current turn is the last.
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
    if (warmUp === undefined) throw new RangeError('there is no contender')
    const names = Object.keys(warmUp) as K[]
    const medians = names.map((name) => [name, median(samples.map((sample) => sample[name]))])
    return { median: Object.fromEntries(medians) as Sample<K> }
  })
}
