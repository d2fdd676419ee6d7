// Decides from which snapshot a child is started again after a failure, and when such a snapshot is given up.
import { isCleanExit, type ExitReason } from '../base/exit-reason.ts'
import { DEFAULT_BACKOFF } from '../policy/backoff.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { SnapshotLog, type ResumePoint } from '../policy/snapshot-log.ts'
import { assess } from './assess.ts'
import { start } from './lifecycle.ts'
import type { Child } from './state.ts'
import { about, emit, type Turn } from './turn.ts'

/** What is known of the snapshots of a child that has the option `resume`. */
export class Resume {
  /** From which snapshot the child is started next; `undefined`: from the beginning. */
  next: ResumePoint | undefined
  /** True if the current life began from a snapshot. */
  isResumed = false
  /** The snapshots of the current life. */
  log = new SnapshotLog(undefined)
  /** The fingerprints of the failures since the child was stable. */
  readonly failures = new Set<string>()

  /** A life begins. What earlier lives have proven counts only if it continues. */
  begin(from: ResumePoint | undefined): void {
    this.next = undefined
    this.isResumed = from !== undefined
    this.log = new SnapshotLog(from)
    if (from === undefined) this.failures.clear()
  }
}

/** How long a child has to live after a snapshot until that is stable, in ms. */
export function stableAfterOf({ spec: { backoff } }: Child): number {
  return (backoff === 'off' ? DEFAULT_BACKOFF : backoff).stableAfter
}

/**
 * Chooses the snapshot for the next start, after an exit that has been judged. The snapshot from which the child was
 * resumed is dropped if the child does not become ready from it, or has failed in the same way before without having
 * been stable since. A failure of class `transient` or `overload` comes from outside, and says nothing about it.
 */
export function chooseResume(turn: Turn, child: Child, reason: ExitReason, failure: FailureInfo): void {
  const { resume } = child.trouble
  if (resume === undefined || isCleanExit(reason)) return
  if (failure.attempts === 1) resume.failures.clear()
  const isFromOutside = failure.class === 'transient' || failure.class === 'overload'
  const isPoisoned = failure.phase === 'start' || resume.failures.has(failure.fingerprint)
  if (resume.isResumed && isPoisoned && !isFromOutside) {
    drop(turn, child, failure)
    return
  }
  resume.failures.add(failure.fingerprint)
  resume.next = pointOf(child, resume, turn.now)
}

/** The snapshot with which the child would be resumed if it failed now. */
export function pointOf(child: Child, resume: Resume, now: number): ResumePoint | undefined {
  if (child.spec.resume !== 'last-stable') return resume.log.last
  return resume.log.stable(now, stableAfterOf(child), child.readyAt)
}

/**
 * Starts a child from the beginning if it has not become ready from a snapshot. Returns false for any other child. The
 * start of a supervisor and an operation would otherwise fail although the child can be started.
 */
export function startAfresh(turn: Turn, child: Child, reason: ExitReason): boolean {
  if (child.trouble.resume?.isResumed !== true || reason.type !== 'error') return false
  drop(turn, child, assess(turn, child, reason).failure)
  start(turn, child)
  return true
}

function drop(turn: Turn, child: Child, failure: FailureInfo): void {
  const { resume } = child.trouble
  if (resume === undefined) return
  resume.next = undefined
  emit(turn, { type: 'child.resume_dropped', ...about(turn, child), failure })
}
