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

  /**
   * @param period - in ms
   *
   * @param stamps - of an earlier window, see {@link stamps}
   */
  constructor(intensity: number, period: number, clock: WindowClock, stamps: readonly number[] = []) {
    this.#intensity = intensity
    this.#resolution = clock === 'ms' ? 1 : 1_000
    this.#period = period / this.#resolution
    if (stamps.length > 0) this.#stamps.push(...lastOf(stamps, intensity))
  }

  /** When the last restarts were, oldest first, in the resolution of the window. */
  get stamps(): readonly number[] {
    return [...this.#stamps.slice(this.#oldest), ...this.#stamps.slice(0, this.#oldest)]
  }

  /** How many restarts count at `now` (ms). */
  used(now: number): number {
    return this.#counted(now).length
  }

  /** How long the oldest restart that counts at `now` will count, in ms; `undefined` if none counts. */
  freeIn(now: number): number | undefined {
    const [oldest] = this.#counted(now)
    // Both ends of the window are included, so it counts until the next step of the resolution.
    return oldest === undefined ? undefined : (oldest + this.#period + 1) * this.#resolution - now
  }

  /** Oldest first. */
  #counted(now: number): readonly number[] {
    const since = this.#stampOf(now) - this.#period
    return this.stamps.filter((stamp) => stamp >= since)
  }

  /** Counts one restart at `now` (ms). Returns true if it is within the intensity. */
  admit(now: number): boolean {
    if (this.#intensity === 0) return false
    const stamp = this.#stampOf(now)
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

  #stampOf(now: number): number {
    return this.#resolution === 1 ? now : Math.floor(now / this.#resolution)
  }
}

/** The last `count` of a list. */
export function lastOf<T>(list: readonly T[], count: number): readonly T[] {
  return list.slice(Math.max(0, list.length - count))
}
