// The questions that the suite asks a restart strategy.
import type { ChildState } from '../spec/child-info.ts'
import type { RestartType } from '../spec/spec.ts'
import type { ChildView, RestartContext } from '../spec/strategy.ts'

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

/** One question to a strategy. Everything in it is frozen. */
export interface Situation {
  readonly failed: ChildView
  readonly children: readonly ChildView[]
  readonly context: RestartContext
}

/**
 * Questions for one child, for two, and so on up to all: each of them failed once in every state and with every restart
 * type, among siblings that are all alike and among siblings that all differ.
 */
export function* situations(ids: readonly string[]): Generator<Situation> {
  for (let count = 1; count <= ids.length; count += 1) {
    for (let failed = 0; failed < count; failed += 1) {
      for (let variant = 0; variant < STATES.length * RESTART_TYPES.length; variant += 1) {
        for (const step of count === 1 ? [0] : [0, 1]) {
          for (const phase of ['run', 'start'] as const) {
            const children = ids.slice(0, count).map((id, index) => viewOf(id, variant + step * (index + 1)))
            yield situation(children, failed, phase)
          }
        }
      }
    }
  }
}

function viewOf(id: string, variant: number): ChildView {
  return {
    id,
    state: at(STATES, variant),
    restart: at(RESTART_TYPES, variant),
    type: variant % 2 === 0 ? 'worker' : 'supervisor',
    incarnation: 1 + (variant % 4),
    uptime: 1_000 * (variant % 3),
    meta: undefined,
    dependsOn: [],
  }
}

// Lengths of 7 and 3 have no common divisor, so that one number draws every pair.
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

export function situation(children: readonly ChildView[], failed: number, phase: RestartContext['phase']): Situation {
  const views = children.map((child) => Object.freeze({ ...child }))
  return {
    children: Object.freeze(views),
    failed: views[failed] as ChildView,
    context: Object.freeze({ supervisor: 'suite', phase, ...ofFailure(phase) }),
  }
}

function ofFailure(phase: RestartContext['phase']): Omit<RestartContext, 'supervisor' | 'phase'> {
  const error = new Error('told to fail')
  const failure = { error, class: 'unknown', fingerprint: 'suite', phase, attempts: 1, at: 10_000 } as const
  return {
    failure: Object.freeze({ ...failure, reason: { type: 'error', error } as const, uptime: 5_000 }),
    proposal: Object.freeze({ action: 'restart', delay: 0 }),
    memory: undefined,
    now: 10_000,
    time: 10_000,
  }
}

/** `b of a, b, c failed (phase run; a running permanent, …)` */
export function tell({ failed, children, context }: Situation): string {
  const each = children.map(({ id, state, restart }) => `${id} ${state} ${restart}`)
  return `when ${failed.id} failed (phase ${context.phase}; ${each.join(', ')})`
}
