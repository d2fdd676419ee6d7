// The types of a failure: class, phase, and what is known of it.
import { plainError, type PlainError } from '../base/plain-error.ts'

/** The class of a failure, which says what helps against it. */
export type FailureClass =
  /** Only a change from outside helps: a missing module, a wrong path, bad credentials. */
  | 'configuration'
  /** The program is wrong. */
  | 'bug'
  /** The same attempt may succeed later. */
  | 'transient'
  /** As `transient`, but a service needs relief: the delays are five times as long. */
  | 'overload'
  /** The child was told to end: not a failure at all. */
  | 'cancelled'
  | 'unknown'

/** `start`: before the child was ready; `run`: after. */
export type FailurePhase = 'start' | 'run'

export interface FailureInfo {
  /** The child's own error, as it was thrown. */
  readonly error: unknown
  readonly class: FailureClass
  /** Equal for failures that differ only in numbers, paths and ids. */
  readonly fingerprint: string
  readonly phase: FailurePhase
  /** Failures in a row without a stable life, including this one. */
  readonly attempts: number
  /** When, in ms of the supervisor's clock. */
  readonly at: number
}

/** A failure as plain data, for JSON. */
export type FailureJson = Omit<FailureInfo, 'error'> & { readonly error: PlainError }

export function failureToJson({ error, class: kind, fingerprint, phase, attempts, at }: FailureInfo): FailureJson {
  return { error: plainError(error), class: kind, fingerprint, phase, attempts, at }
}

export interface FailureContext {
  readonly id: string
  readonly phase: FailurePhase
  /** Failures in a row without a stable life, including this one. */
  readonly attempts: number
  /** From its start to its end, in ms. */
  readonly uptime: number
}

/** Pure. `undefined` leaves the answer to the built-in rules. So does throwing. */
export type FailureClassifier = (error: unknown, context: FailureContext) => FailureClass | undefined
