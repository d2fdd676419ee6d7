/** What came of some rounds. All but the first should be 0. */
export interface Tally {
  /** Those that were played to their end: without any, nothing is proven. */
  readonly rounds: number
  /** Processes that were left when none should have been. */
  readonly orphans: number
  /** Processes that were ended and were none of ours, or not to be ended. */
  readonly innocents: number
  /** Reservations that were acknowledged, and are not in the log. */
  readonly lost: number
  /** Workers that were there twice. */
  readonly duplicates: number
  /** Rounds and targets that ended in an error, or that proved nothing. */
  readonly faults: number
}

export const NOTHING: Tally = { rounds: 0, orphans: 0, innocents: 0, lost: 0, duplicates: 0, faults: 0 }

export function add(one: Tally, other: Partial<Tally>): Tally {
  return {
    rounds: one.rounds + (other.rounds ?? 0),
    orphans: one.orphans + (other.orphans ?? 0),
    innocents: one.innocents + (other.innocents ?? 0),
    lost: one.lost + (other.lost ?? 0),
    duplicates: one.duplicates + (other.duplicates ?? 0),
    faults: one.faults + (other.faults ?? 0),
  }
}

export const isClean = ({ orphans, innocents, lost, duplicates, faults }: Tally): boolean =>
  orphans + innocents + lost + duplicates + faults === 0

export const formatTally = ({ rounds, orphans, innocents, lost, duplicates, faults }: Tally): string =>
  `rounds ${rounds}  orphans ${orphans}  innocents ${innocents}  lost ${lost}  duplicates ${duplicates}  faults ${faults}`
