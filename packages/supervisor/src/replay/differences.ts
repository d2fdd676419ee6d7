// What happened in one run only.
import type { Step } from '../core/rehearsal.ts'

/** A step of one run that the other run does not have. */
export interface Difference extends Step {
  readonly run: 'recorded' | 'changed'
}

/** The steps that only one run has, in order of time. */
export function differencesOf(recorded: readonly Step[], changed: readonly Step[]): readonly Difference[] {
  const onlyRecorded = without(recorded, changed).map((step): Difference => ({ ...step, run: 'recorded' }))
  const onlyChanged = without(changed, recorded).map((step): Difference => ({ ...step, run: 'changed' }))
  return [...onlyRecorded, ...onlyChanged].sort((one, other) => one.at - other.at)
}

function without(steps: readonly Step[], others: readonly Step[]): readonly Step[] {
  const left = new Map<string, number>()
  for (const step of others) {
    const key = keyOf(step)
    left.set(key, (left.get(key) ?? 0) + 1)
  }
  return steps.filter((step) => {
    const key = keyOf(step)
    const count = left.get(key) ?? 0
    left.set(key, count - 1)
    return count <= 0
  })
}

/** Without the incarnation: after one more restart all later starts would differ. */
function keyOf({ at, what, id, reason, delay, cause }: Step): string {
  return JSON.stringify([at, what, id, reason, delay, cause])
}
