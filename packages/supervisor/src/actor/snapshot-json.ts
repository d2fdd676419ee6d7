// The JSON form of a supervisor's snapshot.
import type { ChildInfo, ChildState } from '../spec/child-info.ts'
import type { Phase } from '../core/state.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { failureToJson, type FailureJson } from '../policy/failure.ts'
import { plainError, type PlainError } from '../base/plain-error.ts'

/** The number of children that are listed at most. */
const MOST_CHILDREN = 1_000

/**
 * The JSON form of a supervisor's snapshot: data for inspectors and logs, as of now. Errors are reduced to name,
 * message and code; inputs and outputs are left out. Lists and texts are bounded.
 */
export interface SupervisorJson {
  readonly status: string
  readonly phase: Phase
  /** The reading of the supervisor's clock, in ms. `until` and `at` are readings of the same clock. */
  readonly now?: number
  /** In start order, the first 1,000. */
  readonly children: readonly ChildJson[]
  /** How many more children there are. */
  readonly omitted?: number
  /** Once it has ended: why. */
  readonly exit?: { readonly type: ExitReason['type']; readonly error?: PlainError }
}

export interface ChildJson {
  readonly id: string
  readonly type: 'worker' | 'supervisor'
  readonly state: ChildState
  readonly incarnation: number
  /** The last failure, until the child has been stable again. */
  readonly failure?: FailureJson
  /** When the next start is due: `until - now` ms from now. */
  readonly until?: number
}

interface Shown {
  readonly status: string
  readonly phase: Phase
  readonly now: number | undefined
  readonly children: Iterable<{ info(): ChildInfo }>
  readonly count: number
  readonly outcome: ExitReason | undefined
}

export function toJson({ status, phase, now, children, count, outcome }: Shown): SupervisorJson {
  const shown: ChildJson[] = []
  for (const child of children) {
    if (shown.length === MOST_CHILDREN) break
    shown.push(childToJson(child.info()))
  }
  return {
    status,
    phase,
    ...(now === undefined ? {} : { now }),
    children: shown,
    ...(count > shown.length ? { omitted: count - shown.length } : {}),
    ...(outcome === undefined ? {} : { exit: exitToJson(outcome) }),
  }
}

function childToJson({ id, type, state, incarnation, failure, until }: ChildInfo): ChildJson {
  return {
    id,
    type,
    state,
    incarnation,
    ...(failure === undefined ? {} : { failure: failureToJson(failure) }),
    ...(until === undefined ? {} : { until }),
  }
}

function exitToJson(reason: ExitReason): NonNullable<SupervisorJson['exit']> {
  if (reason.type === 'error') return { type: reason.type, error: plainError(reason.error) }
  const isError = reason.type === 'shutdown' && reason.detail instanceof Error
  return isError ? { type: reason.type, error: plainError(reason.detail) } : { type: reason.type }
}
