// Decides whether timers and pending work keep the host process alive, for `unref()` of handles.
import { LONGEST_DELAY, setReferenced, wallTime, type SupervisorClock } from './clock.ts'
import { platform } from './platform.ts'

/**
 * A clock whose timers keep the host process alive, or not. It is based on another clock, whose timers need `ref()` and
 * `unref()` for that, as those of Node have.
 */
export class ReferencedClock implements SupervisorClock {
  readonly #clock: SupervisorClock
  readonly #timers = new Set<{ timer: unknown }>()
  #isReferenced = true

  constructor(clock: SupervisorClock) {
    this.#clock = clock
  }

  get isReal(): boolean {
    return this.#clock.isReal === true
  }

  readonly now = (): number => this.#clock.now()

  readonly time = (): number => wallTime(this.#clock)

  readonly setTimeout = (callback: () => void, delay: number): unknown => {
    const entry: { timer: unknown } = { timer: undefined }
    this.#timers.add(entry)
    entry.timer = this.#clock.setTimeout(() => {
      this.#timers.delete(entry)
      callback()
    }, delay)
    if (!this.#isReferenced) setReferenced(entry.timer, false)
    return entry
  }

  readonly clearTimeout = (timer: unknown): void => {
    const entry = timer as { readonly timer: unknown }
    if (this.#timers.delete(entry)) this.#clock.clearTimeout(entry.timer)
  }

  ref(): void {
    this.#setReferenced(true)
  }

  unref(): void {
    this.#setReferenced(false)
  }

  #setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    for (const { timer } of this.#timers) setReferenced(timer, isReferenced)
  }
}

/**
 * After `unref()`, keeps the host process alive only while work is pending. Before that it does nothing, since other
 * handles keep the process alive.
 */
export class KeepAlive {
  #underWay = 0
  #isReferenced = true
  #timer: unknown

  /** Counts one more pending work, until `release()`. */
  hold(): void {
    this.#underWay += 1
    this.#update()
  }

  readonly release = (): void => {
    this.#underWay -= 1
    this.#update()
  }

  /** Counts the work as pending until it is settled. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.hold()
    try {
      return await work
    } finally {
      this.release()
    }
  }

  ref(): void {
    this.#isReferenced = true
    this.#update()
  }

  unref(): void {
    this.#isReferenced = false
    this.#update()
  }

  #update(): void {
    const isNeeded = !this.#isReferenced && this.#underWay > 0
    if (isNeeded === (this.#timer !== undefined)) return
    if (isNeeded) this.#timer = platform.setTimeout(() => undefined, LONGEST_DELAY)
    else {
      platform.clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }
}
