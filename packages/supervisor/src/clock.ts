import { host } from './host.ts'

/** Time as the supervisor sees it. XState is given the same clock, so that its `after` transitions follow it too. */
export interface SupervisorClock {
  /** Monotonic, in ms. */
  now(): number
  setTimeout(callback: () => void, delay: number): unknown
  clearTimeout(timer: unknown): void
}

/** Hosts fire at once when a delay exceeds 31 bits. */
export const LONGEST_DELAY = 2 ** 31 - 1

/** The real clock. */
export const systemClock: SupervisorClock = {
  now: () => host.performance.now(),
  setTimeout: (callback, delay) => host.setTimeout(callback, Math.min(delay, LONGEST_DELAY)),
  clearTimeout: (timer) => {
    host.clearTimeout(timer)
  },
}
