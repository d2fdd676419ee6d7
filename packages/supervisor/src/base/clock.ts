// The clock interface of the package, and the real clock.
import { platform } from './platform.ts'

/** Time as the supervisor sees it. XState is given the same clock, so that its `after` transitions follow it too. */
export interface SupervisorClock {
  /**
   * True if the clock runs like the machine's, so that times of the operating system may be compared with it. Default
   * false.
   */
  readonly isReal?: boolean
  /** Monotonic, in ms. */
  now(): number
  /** The wall clock, in ms since the epoch, for restart strategies. Default `Date.now`. */
  time?(): number
  setTimeout(callback: () => void, delay: number): unknown
  clearTimeout(timer: unknown): void
}

/** The wall clock of a clock, in ms since the epoch. */
export function wallTime(clock: SupervisorClock): number {
  return clock.time === undefined ? Date.now() : clock.time()
}

/** The longest delay of a timer, in ms: longer ones fire at once. */
export const LONGEST_DELAY = 2 ** 31 - 1

/**
 * The event-loop turns that reading takes: the first reads sockets and pipes, the second runs the callbacks of that.
 */
const READING_TURNS = 2

/**
 * The real clock. Before a timer's callback runs, the host reads what has arrived. Otherwise a host whose event loop
 * stood still (a long computation, a breakpoint, a suspended machine) would judge others before it has read their news.
 */
export const systemClock: SupervisorClock = {
  isReal: true,
  now: () => platform.performance.now(),
  setTimeout: (callback, delay) => new SystemTimer(callback, delay),
  clearTimeout: (timer) => {
    if (timer instanceof SystemTimer) timer.clear()
  },
}

class SystemTimer {
  readonly #timer: unknown
  #isCleared = false

  constructor(callback: () => void, delay: number) {
    const run = (): void => {
      if (!this.#isCleared) callback()
    }
    this.#timer = platform.setTimeout(
      () => {
        afterReading(run)
      },
      Math.min(delay, LONGEST_DELAY),
    )
  }

  clear(): void {
    this.#isCleared = true
    platform.clearTimeout(this.#timer)
  }

  ref(): void {
    setReferenced(this.#timer, true)
  }

  unref(): void {
    setReferenced(this.#timer, false)
  }
}

function afterReading(run: () => void, turns = READING_TURNS): void {
  if (turns === 0 || platform.setImmediate === undefined) {
    run()
    return
  }
  platform.setImmediate(() => {
    afterReading(run, turns - 1)
  })
}

/** Makes a timer keep the host process alive, or not. Timers of browsers never do. */
export function setReferenced(timer: unknown, isReferenced: boolean): void {
  const { ref, unref } = (timer ?? {}) as { ref?: () => void; unref?: () => void }
  if (isReferenced) ref?.call(timer)
  else unref?.call(timer)
}
