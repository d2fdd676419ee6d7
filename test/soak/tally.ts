// What became of the calls of one pool in a soak.
import { isTerrariumError } from '@terrarium/supervisor'
import type { SessionCounts } from './sessions.ts'

export interface Tally {
  issued: number
  resolved: number
  /** The calls of maps that have resolved, less one for each map. */
  more: number
  rejected: number
  /** By code. */
  readonly codes: Map<string, number>
  /** How many host calls were made, and how many of them are open. */
  readonly host: { made: number; open: number }
  readonly sessions: SessionCounts
  /** What may not happen. */
  readonly faults: string[]
}

export const newTally = (): Tally => ({
  issued: 0,
  resolved: 0,
  more: 0,
  rejected: 0,
  codes: new Map(),
  host: { made: 0, open: 0 },
  sessions: { opened: 0, lost: 0, restarted: 0, closed: 0 },
  faults: [],
})

/** Counts a call and how it ends, and settles as it does. */
export async function settle<T>(tally: Tally, call: Promise<T>): Promise<T> {
  tally.issued += 1
  try {
    const value = await call
    tally.resolved += 1
    return value
  } catch (error) {
    countRejection(tally, error)
    throw error
  }
}

/** Returns the code. */
export function countRejection(tally: Tally, error: unknown): string {
  tally.rejected += 1
  const code = isTerrariumError(error) ? error.code : 'no code'
  tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1)
  return code
}

export function note({ faults }: Tally, fault: string): void {
  if (faults.length < 20) faults.push(fault.slice(0, 500))
}
