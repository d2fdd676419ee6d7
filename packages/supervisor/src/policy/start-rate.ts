// Limits how many restarts begin within one second, over all children of a supervisor. Pure.

/**
 * Allows a number of restarts within any second. A restart that comes too early gets a later time, first come, first
 * served (X23).
 */
export class StartRate {
  readonly #limit: number
  readonly #granted: number[] = []
  #oldest = 0

  /** @param limit - restarts per second; `Infinity` for no limit */
  constructor(limit: number) {
    this.#limit = limit
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
