// A clock for tests, which moves only when the test says so.
import type { SupervisorClock } from './clock.ts'
import { platform } from './platform.ts'

interface Timer {
  readonly due: number
  readonly callback: () => void
}

/**
 * A clock that moves only when told to. Between two timers everything that is already resolved runs to its end, so
 * promises and timers interleave as they would in real time.
 *
 * ```ts
 * const clock = new VirtualClock()
 * clock.setTimeout(() => console.log('ten seconds later'), 10_000)
 * await clock.advance(10_000)
 * ```
 */
export class VirtualClock implements SupervisorClock {
  #now: number
  /** The wall clock at reading 0. */
  readonly #epoch: number
  #lastTimer = 0
  /** In the order in which they were set. */
  readonly #timers = new Map<number, Timer>()

  /**
   * @param now - the first reading, in ms; default 0
   *
   * @param time - the wall clock at the first reading, in ms since the epoch; default `now`
   */
  constructor(now = 0, time = now) {
    this.#now = now
    this.#epoch = time - now
  }

  readonly now = (): number => this.#now

  readonly time = (): number => this.#epoch + this.#now

  readonly setTimeout = (callback: () => void, delay = 0): number => {
    this.#lastTimer += 1
    this.#timers.set(this.#lastTimer, { due: this.#now + Math.max(0, delay), callback })
    return this.#lastTimer
  }

  readonly clearTimeout = (timer: unknown): void => {
    this.#timers.delete(timer as number)
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size
  }

  /**
   * Advances the time by `ms` and fires the timers that become due, in order of due time and then of setting, including
   * timers set on the way. `advance(0)` fires what is due now. An exception thrown by a timer rejects the promise.
   */
  async advance(ms = 0): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      const [id, { due, callback }] = next
      this.#timers.delete(id)
      this.#now = due
      callback()
      await settled()
    }
    this.#now = end
  }

  #next(end: number): [number, Timer] | undefined {
    let next: [number, Timer] | undefined
    for (const entry of this.#timers) {
      if (entry[1].due <= end && (next === undefined || entry[1].due < next[1].due)) next = entry
    }
    return next
  }
}

/**
 * Resolves when the microtask queue is empty, since that happens before the event loop goes on. With `setImmediate`
 * that takes a few µs, with a timer at least 1 ms.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    if (platform.setImmediate === undefined) platform.setTimeout(resolve, 0)
    else platform.setImmediate(resolve)
  })
}
