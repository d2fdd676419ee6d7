// How long work keeps this process from doing anything else.
import { readFileSync } from 'node:fs'
import type { Sample } from './turns.ts'

/** In ms. */
export type Blocked = Sample<
  | 'blocked'
  /** The time that this thread has had a processor; NaN where the system does not tell. */
  | 'thread'
  | 'total'
>

/**
 * How long work blocks this process: all the time in which the event loop does not wait, however short each piece is
 * and whichever process has the processor. Needs no probe, which would itself take time, and no threshold.
 */
export async function blockedDuring(work: () => Promise<void>): Promise<Blocked> {
  const before = { loop: performance.eventLoopUtilization(), thread: threadMs(), now: performance.now() }
  await work()
  const total = performance.now() - before.now
  const { active } = performance.eventLoopUtilization(before.loop)
  return { blocked: active, thread: threadMs() - before.thread, total }
}

function threadMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return NaN
  }
}
