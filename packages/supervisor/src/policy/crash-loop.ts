// Counts the failures of one child within a window, for the alarm `child.crash_loop`. Pure.

/**
 * When `child.crash_loop` is emitted for a child that fails again and again, whether or not it is parked later (X24).
 */
export interface CrashLoopOptions {
  /** The number of failures within `window` that raise the alarm; default 10. */
  readonly failures?: number
  /** In ms; default one hour. There is at most one alarm per child within it. */
  readonly window?: number
}

export type CrashLoop = Required<CrashLoopOptions>

export const DEFAULT_CRASH_LOOP: CrashLoop = { failures: 10, window: 3_600_000 }

/**
 * The failures of one child. The window begins with the first failure, and again with the first failure after its end.
 */
export interface CrashLoopMemory {
  readonly since: number
  readonly failures: number
}

/** `now` in ms. The alarm is due when `failures` has just reached its limit. */
export function countFailure(memory: CrashLoopMemory | undefined, { window }: CrashLoop, now: number): CrashLoopMemory {
  if (memory === undefined || now - memory.since >= window) return { since: now, failures: 1 }
  return { since: memory.since, failures: memory.failures + 1 }
}
