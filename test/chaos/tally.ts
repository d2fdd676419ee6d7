/** Counts over some rounds. All but the first should be 0. */
export interface Tally {
  /** Rounds that were played to their end. 0 proves nothing. */
  readonly rounds: number
  /** Processes that were left alive. */
  readonly orphans: number
  /** Innocent processes that were killed. */
  readonly innocents: number
  /** Acknowledged reservations that are not in the log, and calls whose end was not told, or not truly. */
  readonly lost: number
  /** Workers of which two incarnations lived at once, and calls that ran twice. */
  readonly duplicates: number
  /** Rounds and targets that failed, or proved nothing. */
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
