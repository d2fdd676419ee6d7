// The timers of a pool's core on the pool's clock: the core knows them by their numbers.
import { patientTimeout, type SupervisorClock } from '@terrarium/supervisor/base'

export class Timers {
  readonly #clock: SupervisorClock
  readonly #fired: (timer: number) => void
  /** What cancels each timer. */
  readonly #cancels = new Map<number, () => void>()

  constructor(clock: SupervisorClock, fired: (timer: number) => void) {
    this.#clock = clock
    this.#fired = fired
  }

  /** `delay` in ms. */
  set(timer: number, delay: number): void {
    const fire = (): void => {
      this.#cancels.delete(timer)
      this.#fired(timer)
    }
    this.#cancels.set(timer, patientTimeout(this.#clock, fire, delay))
  }

  clear(timer: number): void {
    this.#cancels.get(timer)?.()
    this.#cancels.delete(timer)
  }
}
