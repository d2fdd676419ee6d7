/**
 * How many restarts there may be within any second. Whoever comes too early is given his time, first come, first served
 * (X23).
 */
export class StartRate {
  readonly #limit: number
  readonly #granted: number[] = []
  #oldest = 0

  /** @param limit - restarts per second; `Infinity` for no limit */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes the next free place and says how long it is until then, in ms. `now` in ms, never less than before. */
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
