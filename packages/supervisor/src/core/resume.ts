// Decides whether a child continues from a snapshot after a failure, and when such a snapshot is given up. The
// snapshots themselves are the shell's.
import { isCleanExit, type ExitReason } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { assess } from './assess.ts'
import type { Ended } from './event.ts'
import { start } from './lifecycle.ts'
import type { Child } from './state.ts'
import { about, emit, type Turn } from './turn.ts'

/** What is known of the lives of a child that has the option `resume`. Replaced, and never changed. */
export interface ResumeMemory {
  /** True if the next start continues from a snapshot, as far as there is one. */
  readonly isDue: boolean
  /** True if the current life, or the last one, began from a snapshot. */
  readonly isResumed: boolean
  /** The fingerprints of the failures since the child was stable. */
  readonly failures: readonly string[]
}

/** The memory of a child that continues where an earlier life of its supervisor has persisted it. */
export const DUE: ResumeMemory = { isDue: true, isResumed: false, failures: [] }

/** A life has begun. A start from the beginning forgets what earlier lives have shown. */
export function beginLife(child: Child, isResumed: boolean): void {
  if (child.spec.resume === undefined) return
  const failures = isResumed ? (child.trouble.resume?.failures ?? []) : []
  child.troubled.resume = { isDue: false, isResumed, failures }
}

/**
 * Decides how the next start begins, after an exit that has been judged. The snapshot from which the child was resumed
 * is dropped if the child does not become ready from it, or has failed in the same way before without having been
 * stable since. A failure of class `transient` or `overload` comes from outside, and says nothing about it.
 */
export function chooseResume(turn: Turn, child: Child, reason: ExitReason, failure: FailureInfo): void {
  const { resume } = child.trouble
  if (resume === undefined || isCleanExit(reason)) return
  const failures = failure.attempts === 1 ? [] : resume.failures
  const isFromOutside = failure.class === 'transient' || failure.class === 'overload'
  const isPoisoned = failure.phase === 'start' || failures.includes(failure.fingerprint)
  if (resume.isResumed && isPoisoned && !isFromOutside) drop(turn, child, failure)
  else child.troubled.resume = { ...resume, isDue: true, failures: [...failures, failure.fingerprint] }
}

/**
 * Starts a child from the beginning if it has not become ready from a snapshot. Returns false for any other child. The
 * start of a supervisor and an operation would otherwise fail although the child can be started.
 */
export function startAfresh(turn: Turn, child: Child, { reason, because }: Ended): boolean {
  if (child.trouble.resume?.isResumed !== true || reason.type !== 'error' || because === undefined) return false
  drop(turn, child, assess(child, reason, because.failure).failure)
  start(turn, child)
  return true
}

function drop(turn: Turn, child: Child, failure: FailureInfo): void {
  child.troubled.resume = { isDue: false, isResumed: false, failures: [] }
  emit(turn, { type: 'child.resume_dropped', ...about(turn, child), failure })
}
