// The questions that the suite asks a restart strategy.
import type { ExitReason } from '../base/exit-reason.ts'
import type { ChildState } from '../spec/child-info.ts'
import type { RestartType } from '../spec/spec.ts'
import type { ChildView, Proposal, RestartContext } from '../spec/strategy.ts'
import type { FailureClass } from '../policy/failure.ts'

const STATES: readonly ChildState[] = [
  'running',
  'starting',
  'restarting',
  'backing_off',
  'parked',
  'stopped',
  'stopping',
]
const RESTART_TYPES: readonly RestartType[] = ['permanent', 'transient', 'temporary']
const CLASSES: readonly FailureClass[] = ['unknown', 'bug', 'transient', 'overload', 'configuration']
const PROPOSALS: readonly Proposal[] = [
  { action: 'restart', delay: 0 },
  { action: 'restart', delay: 400 },
  { action: 'park', cause: 'identical_failures' },
  { action: 'escalate', cause: 'exhausted' },
]
/** In ms since the epoch: three times of day, in winter and in summer. */
const TIMES: readonly number[] = [Date.UTC(2026, 0, 5, 3), Date.UTC(2026, 6, 1, 12), Date.UTC(2026, 6, 4, 23, 59)]

/** One error for all questions, because making an error costs more than asking. */
const ERROR = Object.freeze(new Error('told to fail'))
const REASON: ExitReason = Object.freeze({ type: 'error', error: ERROR })

/** A child that a strategy knows. */
export interface KnownChild {
  readonly id: string
  readonly restart?: RestartType
  readonly dependsOn?: readonly string[]
  readonly meta?: unknown
  readonly input?: unknown
}

/** One question to a strategy. Everything in it is frozen. */
export interface Situation {
  readonly failed: ChildView
  readonly children: readonly ChildView[]
  readonly context: RestartContext
}

/**
 * Questions for one child, for two, and so on up to all, or for all only: each of them failed once in every state and
 * with every restart type, among siblings that are all alike and among siblings that all differ.
 */
export function* situations(known: readonly KnownChild[], onlyAll = false): Generator<Situation> {
  for (let count = onlyAll ? known.length : 1; count <= known.length; count += 1) {
    for (let failed = 0; failed < count; failed += 1) {
      for (let variant = 0; variant < STATES.length * RESTART_TYPES.length; variant += 1) {
        for (const step of count === 1 ? [0] : [0, 1]) {
          for (const phase of ['run', 'start'] as const) {
            const children = known.slice(0, count).map((child, index) => viewOf(child, variant + step * (index + 1)))
            yield situation(children, failed, phase, variant)
          }
        }
      }
    }
  }
}

function viewOf({ id, restart, dependsOn = [], meta, input }: KnownChild, variant: number): ChildView {
  return {
    id,
    state: at(STATES, variant),
    restart: restart ?? at(RESTART_TYPES, variant),
    type: variant % 2 === 0 ? 'worker' : 'supervisor',
    incarnation: 1 + (variant % 4),
    uptime: 1_000 * (variant % 3),
    meta,
    input,
    dependsOn,
  }
}

// Lengths of 7 and 3 have no common divisor, so that one number draws every pair.
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

export function situation(
  children: readonly ChildView[],
  failed: number,
  phase: RestartContext['phase'],
  variant = 0,
): Situation {
  const views = children.map((child) => Object.freeze({ ...child }))
  return {
    children: Object.freeze(views),
    failed: views[failed] as ChildView,
    context: Object.freeze({ supervisor: 'suite', phase, ...ofFailure(phase, variant) }),
  }
}

function ofFailure(phase: RestartContext['phase'], variant: number): Omit<RestartContext, 'supervisor' | 'phase'> {
  const attempts = 1 + (variant % 6)
  const failure = { error: ERROR, class: at(CLASSES, variant), fingerprint: 'suite', phase, attempts, at: 10_000 }
  return {
    failure: Object.freeze({ ...failure, reason: REASON, uptime: 5_000 * (variant % 3) }),
    proposal: Object.freeze(at(PROPOSALS, variant)),
    memory: undefined,
    now: 10_000,
    time: at(TIMES, variant),
  }
}

/** `b of a, b, c failed (phase run; a running permanent, …)` */
export function tell({ failed, children, context }: Situation): string {
  const each = children.map(({ id, state, restart }) => `${id} ${state} ${restart}`)
  const { memory } = context
  const remembered = memory === undefined ? '' : `; memory ${JSON.stringify(memory)}`
  return `when ${failed.id} failed (phase ${context.phase}; ${each.join(', ')}${remembered})`
}
