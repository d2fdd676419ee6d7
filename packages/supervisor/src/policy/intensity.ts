// The restart window: counts restarts against intensity and period. Pure.

/** The resolution of the window: milliseconds, or whole seconds as in OTP. */
export type WindowClock = 'ms' | 'otp-seconds'

/**
 * Admits at most `intensity` restarts within any `period`, both ends included (cases E01–E08).
 *
 * Only the last `intensity` times matter. They are kept in a ring, so that each decision costs the same.
 */
export class RestartWindow {
  readonly #intensity: number
  readonly #period: number
  readonly #resolution: number
  readonly #stamps: number[] = []
  #oldest = 0

  /** @param period - in ms */
  constructor(intensity: number, period: number, clock: WindowClock) {
    this.#intensity = intensity
    this.#resolution = clock === 'ms' ? 1 : 1_000
    this.#period = period / this.#resolution
  }

  /** Counts one restart at `now` (ms). Returns true if it is within the intensity. */
  admit(now: number): boolean {
    if (this.#intensity === 0) return false
    const stamp = this.#resolution === 1 ? now : Math.floor(now / this.#resolution)
    if (this.#stamps.length < this.#intensity) {
      this.#stamps.push(stamp)
      return true
    }
    const oldest = this.#stamps[this.#oldest] ?? Number.NEGATIVE_INFINITY
    if (oldest >= stamp - this.#period) return false
    this.#stamps[this.#oldest] = stamp
    this.#oldest = (this.#oldest + 1) % this.#intensity
    return true
  }
}
