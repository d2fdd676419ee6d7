// Limits how many restarts begin within one second, over all children of a supervisor. Pure.
import { lastOf } from './intensity.ts'

/**
 * Allows a number of restarts within any second. A restart that comes too early gets a later time, first come, first
 * served (X23).
 */
export class StartRate {
  readonly #limit: number
  readonly #granted: number[] = []
  #oldest = 0

  /**
   * @param limit - restarts per second; `Infinity` for no limit
   *
   * @param granted - of an earlier start rate, see {@link granted}
   */
  constructor(limit: number, granted: readonly number[] = []) {
    this.#limit = limit
    if (granted.length > 0) this.#granted.push(...lastOf(granted, limit))
  }

  /** The last starts that were granted, oldest first, in ms. */
  get granted(): readonly number[] {
    return [...this.#granted.slice(this.#oldest), ...this.#granted.slice(0, this.#oldest)]
  }

  /** Reserves the next free start and returns how long it is until then, in ms. `now` in ms, never less than before. */
  reserve(now: number): number {
    if (this.#limit === Infinity) return 0
    if (this.#granted.length < this.#limit) {
      this.#granted.push(now)
      return 0
    }
    const at = Math.max(now, (this.#granted[this.#oldest] ?? now) + 1_000)
    this.#granted[this.#oldest] = at
    this.#oldest = (this.#oldest + 1) % this.#limit
    return at - now
  }
}
