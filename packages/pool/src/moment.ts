// The time at which things happen at once. Answers that arrive together, and the calls that are made because of them,
// share one reading of the clock: a reading takes 75 ns, which is a tenth of what a pool adds to a call.
import type { SupervisorClock } from '@terrarium/supervisor/base'

const DONE = Promise.resolve()

export class Moment {
  readonly #clock: Pick<SupervisorClock, 'now'>
  #now = 0
  #isOver = true
  readonly #end = (): void => {
    this.#isOver = true
  }

  constructor(clock: Pick<SupervisorClock, 'now'>) {
    this.#clock = clock
  }

  /** Reads the clock, in ms. */
  read(): number {
    this.#now = this.#clock.now()
    return this.#now
  }

  /** The last reading, if no more than the microtasks that waited then have run since; else reads the clock. In ms. */
  get now(): number {
    if (!this.#isOver) return this.#now
    this.#isOver = false
    void DONE.then(this.#end)
    return this.read()
  }
}
