import type { Containment } from '@terrarium/process'
import type { Random } from '../support/random.ts'
import type { Tally } from './tally.ts'

/** One thing that can go wrong, brought about again and again. */
export interface Target {
  readonly name: string
  /** What has to hold. */
  readonly promise: string
  /** Rounds, when nobody says how many. */
  readonly rounds: number
  /** Whether it depends on what holds the processes. If not, it is run once, with the best there is. */
  readonly byLevel: boolean
  /** Not run unless it is named. */
  readonly onlyOnDemand?: boolean
  /** What this machine lacks for it, known before it is run. Default: nothing. */
  lacks?(): Lack
  /**
   * Brings it about. Throws for whatever is neither right nor one of the four things that are counted: a worker that
   * never became ready, a log that says nothing, an unexpected error.
   */
  run(context: Context): Promise<void>
}

/** Why a target cannot be tried on this machine. */
export interface Lack {
  /** Nothing of it can be tried. */
  readonly all?: string
  /** Parts of it cannot be tried: the reason, by part. */
  readonly parts?: Readonly<Record<string, string>>
}

/** What a target works with. */
export interface Context {
  readonly level: Containment
  readonly rounds: number
  /**
   * Plays every round, or the one that is to be seen again. One that throws is a fault: it is told of, and the next one
   * is played.
   */
  play(round: (round: number, random: Random) => Promise<void>): Promise<void>
  /** A folder of its own, with an unusual name; removed afterwards. */
  readonly folder: () => string
  readonly python: string
  /** Adds to the tally; a round that is not clean is told of, with what it takes to see it again. */
  count(round: number, news: Partial<Tally>, about?: string): void
  /** Told in the end: figures that are not counted. */
  note(text: string): void
  /** Aborted when the chaos is to end. */
  readonly signal: AbortSignal
}
