// Errors that were read from a journal: they stand for an error of another time, of which class and fingerprint were
// recorded.
import type { FailureClass, FailurePhase } from './failure.ts'

/** What a journal keeps of an error beside its texts. */
export interface ErrorRecord {
  /** The class that the error itself names in `supervision.class`. */
  readonly own?: FailureClass
  /** Its class by the built-in rules. */
  readonly class: FailureClass
  /** The same after many attempts, if that makes a difference. */
  readonly later?: FailureClass
  /** Its fingerprint, if it comes before the child is ready, and after. */
  readonly fingerprints: Readonly<Record<FailurePhase, string>>
}

const RECORD: unique symbol = Symbol('record')

/** The stand-in for an error. */
export class RecordedError extends Error {
  declare readonly code: string | number | undefined
  readonly [RECORD]: ErrorRecord

  constructor(
    record: ErrorRecord,
    { name = 'Error', message = '', code }: { name?: string; message?: string; code?: string | number },
  ) {
    super(message)
    this.name = name
    if (code !== undefined) Object.assign(this, { code })
    this[RECORD] = record
  }
}

/** The record of an error that was read from a journal; `undefined` for all others. */
export function recordOf(error: unknown): ErrorRecord | undefined {
  return error instanceof RecordedError ? error[RECORD] : undefined
}
