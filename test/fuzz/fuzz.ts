// The fuzz: plays cases by number, times them, and counts what was wrong.
import { Random } from '../support/random.ts'

/** A case that takes longer hangs, in ms. */
const SLOW = 5_000
const SHOWN = 10

export interface FuzzOptions {
  readonly seed: number
  /** Frames of each part. */
  readonly count: number
  /** The number of a case to play alone. */
  readonly only: number | undefined
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** What one part of the fuzz has done. */
export interface Played {
  readonly cases: number
  readonly frames: number
  readonly faults: number
}

/**
 * Plays cases until they had so many frames. `play` returns the number of frames of its case, and throws an Error that
 * says what was wrong. `prepare` is called before each case, and is not part of its time.
 */
export async function playCases(
  name: string,
  { seed, count, only, signal, say }: FuzzOptions,
  play: (random: Random, number: number) => number | Promise<number>,
  prepare?: (number: number) => Promise<void>,
): Promise<Played> {
  let [cases, frames, faults] = [0, 0, 0]
  const fault = (number: number, what: string): void => {
    faults += 1
    if (faults <= SHOWN) say(`${name}, case ${number}: ${what.slice(0, 2_000)}`)
  }
  for (let number = only ?? 0; frames < count && !signal.aborted; number += 1) {
    await prepare?.(number)
    const begun = performance.now()
    try {
      frames += await play(new Random(seed, number), number)
    } catch (error) {
      frames += 1
      fault(number, (error as Error).stack ?? String(error))
    }
    cases += 1
    const time = performance.now() - begun
    if (time > SLOW) fault(number, `took ${Math.round(time)} ms`)
    if (only !== undefined) break
  }
  say(`${name}: ${cases} cases, ${frames} mutated frames, ${faults} faults`)
  return { cases, frames, faults }
}
