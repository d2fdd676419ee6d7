// What a supervisor reads from the clock and the random numbers that it was given.
import type { AnyActorRef } from 'xstate'
import { systemClock, wallTime, type SupervisorClock } from '../base/clock.ts'
import { show } from '../base/show.ts'
import { askUser, ignoreFailure } from '../base/user-code.ts'
import type { SupervisorOptions } from '../spec/options.ts'
import { clockOf } from './xstate.ts'

/** The readings of one supervisor. Its clock is its own, else the clock of the actor system, else the real one. */
export class Readings {
  readonly clock: SupervisorClock
  readonly #random: () => number
  readonly #supervisor: string
  /** The error of a reading in a callback that must not throw. Thrown at the next event. */
  fault: { readonly error: unknown } | undefined

  constructor(supervisor: AnyActorRef, { id, clock, random }: SupervisorOptions) {
    this.clock = clock ?? clockOfSystem(supervisor) ?? systemClock
    this.#random = random ?? Math.random
    this.#supervisor = id
  }

  /** Reads the clock. Throws what the clock throws, and a TypeError if it returns anything but a finite number. */
  now(): number {
    const now: unknown = askUser(() => this.clock.now())
    if (typeof now === 'number' && Number.isFinite(now)) return now
    throw new TypeError(`clock.now() of supervisor ${this.#supervisor} must answer with ms, not ${show(now)}`)
  }

  /** Draws a random number. Never throws, since timers call it: an error is kept for the next event. */
  draw(): number {
    try {
      const drawn: unknown = askUser(() => this.#random())
      if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return drawn
      const what = `random() of supervisor ${this.#supervisor}`
      throw new TypeError(`${what} must answer with a number from 0 to below 1, not ${show(drawn)}`)
    } catch (error) {
      this.fault ??= { error }
      return 0
    }
  }

  /** The wall clock. Never throws: an error is kept for the next event. */
  time(): number {
    try {
      const time: unknown = wallTime(this.clock)
      if (typeof time === 'number' && Number.isFinite(time)) return time
      ignoreFailure(time)
      throw new TypeError(`clock.time() of supervisor ${this.#supervisor} must answer with ms, not ${show(time)}`)
    } catch (error) {
      this.fault ??= { error }
      return 0
    }
  }
}

/** The clock of the system, if it can tell the time. XState's own clocks cannot. */
function clockOfSystem(supervisor: AnyActorRef): SupervisorClock | undefined {
  const clock: Partial<SupervisorClock> = clockOf(supervisor)
  return typeof clock.now === 'function' ? (clock as SupervisorClock) : undefined
}
