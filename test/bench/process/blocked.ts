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
 * For how long work keeps this process from anything else: all the time in which the event loop does not wait for
 * something to happen, however short each piece of it, whoever has the processor meanwhile. It needs no probe, which
 * would itself be such time, and no threshold below which nothing counts.
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
