// A clock around a clock of the user's that may throw or return nonsense: it reports the fault and goes on with the
// real clock.
import { setReferenced, systemClock, wallTime, type SupervisorClock } from './clock.ts'
import { show } from './show.ts'
import { askUser, tellUser } from './user-code.ts'

/** A timer. Its callback is called at most once. */
class Timer {
  callback: (() => void) | undefined
  clock: SupervisorClock
  timer: unknown = undefined

  constructor(callback: () => void, clock: SupervisorClock) {
    this.callback = callback
    this.clock = clock
  }

  ref(): void {
    this.#setReferenced(true)
  }

  unref(): void {
    this.#setReferenced(false)
  }

  #setReferenced(isReferenced: boolean): void {
    try {
      setReferenced(this.timer, isReferenced)
    } catch {
      // The timer stays as it was.
    }
  }
}

/**
 * A clock of the user's that cannot do harm. If one of its functions throws or returns nonsense, `failed` is called
 * with the function's name, and the real clock takes its place for that call. A cleared timer never calls back; no
 * timer calls back twice, or before `setTimeout` has returned.
 */
export class GuardedClock implements SupervisorClock {
  readonly #clock: SupervisorClock
  readonly #failed: (name: keyof SupervisorClock, error: unknown) => void
  /** The last valid reading of the user's clock, in ms. */
  #now: number | undefined

  /** `failed` must not throw. */
  constructor(clock: SupervisorClock, failed: (name: keyof SupervisorClock, error: unknown) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  get isReal(): boolean {
    try {
      return this.#clock.isReal === true
    } catch {
      return false
    }
  }

  readonly now = (): number => {
    try {
      const now: unknown = askUser(() => this.#clock.now())
      if (typeof now !== 'number' || !Number.isFinite(now)) {
        throw new TypeError(`it must answer with ms, not ${show(now)}`)
      }
      this.#now = now
    } catch (error) {
      this.#failed('now', error)
      this.#now ??= systemClock.now()
    }
    return this.#now
  }

  readonly time = (): number => {
    try {
      const time: unknown = askUser(() => wallTime(this.#clock))
      if (typeof time === 'number' && Number.isFinite(time)) return time
      throw new TypeError(`it must answer with ms, not ${show(time)}`)
    } catch (error) {
      this.#failed('time', error)
      return wallTime(systemClock)
    }
  }

  readonly setTimeout = (callback: () => void, delay: number): unknown => {
    const timer = new Timer(callback, this.#clock)
    let isSet = false
    const fire = (): void => {
      if (!isSet) systemClock.setTimeout(fire, 0)
      else {
        const { callback } = timer
        timer.callback = undefined
        callback?.()
      }
    }
    try {
      timer.timer = askUser(() => this.#clock.setTimeout(fire, delay))
    } catch (error) {
      this.#failed('setTimeout', error)
      timer.clock = systemClock
      timer.timer = systemClock.setTimeout(fire, delay)
    }
    isSet = true
    return timer
  }

  readonly clearTimeout = (set: unknown): void => {
    if (set === undefined) return // as every platform's clearTimeout() does
    const timer = set as Timer
    timer.callback = undefined
    const failed = (error: unknown): void => {
      this.#failed('clearTimeout', error)
    }
    tellUser(timer.clock.clearTimeout.bind(timer.clock), timer.timer, failed)
  }
}
