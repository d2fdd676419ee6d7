/** When a child that fails again and again is worth an alarm, whether or not it is ever given up (X24). */
export interface CrashLoopOptions {
  /** So many failures within `window`; default 10. */
  readonly failures?: number
  /** In ms; default one hour. There is at most one alarm per child in it. */
  readonly window?: number
}

export type CrashLoop = Required<CrashLoopOptions>

export const DEFAULT_CRASH_LOOP: CrashLoop = { failures: 10, window: 3_600_000 }

/** The failures of one child. The window begins with the first of them, and again with the first after it is over. */
export interface CrashLoopMemory {
  readonly since: number
  readonly failures: number
}

/** `now` in ms. The alarm is due when `failures` has just reached its limit. */
export function countFailure(memory: CrashLoopMemory | undefined, { window }: CrashLoop, now: number): CrashLoopMemory {
  if (memory === undefined || now - memory.since >= window) return { since: now, failures: 1 }
  return { since: memory.since, failures: memory.failures + 1 }
}
