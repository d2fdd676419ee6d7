import { host } from './host.ts'

/** Time as the supervisor sees it. XState is given the same clock, so that its `after` transitions follow it too. */
export interface SupervisorClock {
  /**
   * Whether it goes as the machine's does, so that what the system measures may be set off against it. Default false.
   */
  readonly isReal?: boolean
  /** Monotonic, in ms. */
  now(): number
  setTimeout(callback: () => void, delay: number): unknown
  clearTimeout(timer: unknown): void
}

/** Hosts fire at once when a delay exceeds 31 bits. */
export const LONGEST_DELAY = 2 ** 31 - 1

/** Turns of the event loop that reading takes: the first reads sockets and pipes, the second runs what they set off. */
const READING_TURNS = 2

/**
 * The real clock. Before a timer's callback runs, the host reads what has arrived: a host whose event loop stood still
 * (a long computation, a breakpoint, a suspended machine) would otherwise judge others by news that it has but has not
 * read.
 */
export const systemClock: SupervisorClock = {
  isReal: true,
  now: () => host.performance.now(),
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
    this.#timer = host.setTimeout(
      () => {
        afterReading(run)
      },
      Math.min(delay, LONGEST_DELAY),
    )
  }

  clear(): void {
    this.#isCleared = true
    host.clearTimeout(this.#timer)
  }

  ref(): void {
    setReferenced(this.#timer, true)
  }

  unref(): void {
    setReferenced(this.#timer, false)
  }
}

function afterReading(run: () => void, turns = READING_TURNS): void {
  if (turns === 0 || host.setImmediate === undefined) {
    run()
    return
  }
  host.setImmediate(() => {
    afterReading(run, turns - 1)
  })
}

/** Whether a timer keeps the host process alive. Browsers have timers that never do. */
export function setReferenced(timer: unknown, isReferenced: boolean): void {
  const { ref, unref } = (timer ?? {}) as { ref?: () => void; unref?: () => void }
  if (isReferenced) ref?.call(timer)
  else unref?.call(timer)
}
