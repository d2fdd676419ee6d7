// What a chaos target is, and what it works with.
import type { Containment } from '@terrarium/process'
import type { Random } from '../support/random.ts'
import type { Tally } from './tally.ts'

/** One thing that can go wrong, brought about round after round. */
export interface Target {
  readonly name: string
  /** The promise that is tested. */
  readonly promise: string
  /** The default number of rounds. */
  readonly rounds: number
  /** Whether it depends on the containment level. If not, it is run once, at the strongest level. */
  readonly byLevel: boolean
  /** Run only if it is named. */
  readonly onlyOnDemand?: boolean
  /** What this machine lacks for it, checked before the run. Default: nothing. */
  lacks?(): Lack
  /**
   * Brings it about. Throws for any failure that is not counted in the tally: a worker that never becomes ready, a log
   * that says nothing, an unexpected error.
   */
  run(context: Context): Promise<void>
}

/** Why a target cannot be tried on this machine. */
export interface Lack {
  /** The whole target cannot be tried. */
  readonly all?: string
  /** The reasons for parts that cannot be tried, by part. */
  readonly parts?: Readonly<Record<string, string>>
}

/** What a target works with. */
export interface Context {
  readonly level: Containment
  readonly rounds: number
  /**
   * Plays every round, or only the requested one. A round that throws is a fault; it is printed, and the next round is
   * played.
   */
  play(round: (round: number, random: Random) => Promise<void>): Promise<void>
  /** Makes a folder with an unusual name, removed after the run. */
  readonly folder: () => string
  readonly python: string
  /** Adds to the tally. Prints a failed round, with the command that repeats it. */
  count(round: number, news: Partial<Tally>, about?: string): void
  /** Printed at the end: values that are not counted. */
  note(text: string): void
  /** Aborted when the chaos has to end early. */
  readonly signal: AbortSignal
}
