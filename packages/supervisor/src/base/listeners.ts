import { EventEmitter } from 'eventemitter3'
import { TerrariumError } from './errors.ts'
import { shown } from './checker.ts'
import { nearest } from './nearest.ts'
import { tellUser } from './user-code.ts'

/** Functions by the event that they listen for; each takes the event. */
type Events<TEvents> = { readonly [E in keyof TEvents]: (event: never) => void }

/**
 * Listeners of user code. What a listener throws, or what its promise rejects with, is reported with the event's name
 * and disturbs neither the next listener nor the caller of {@link tell}. Call that when the bookkeeping is done: a
 * listener may call back.
 */
export class Listeners<TEvents extends Events<TEvents>> {
  readonly #emitter = new EventEmitter()
  readonly #events: Readonly<Record<keyof TEvents, true>>
  readonly #report: (event: string, error: unknown) => void

  /** `events`: every event that there is. `report` must not throw. */
  constructor(events: Readonly<Record<keyof TEvents, true>>, report: (event: string, error: unknown) => void) {
    this.#events = events
    this.#report = report
  }

  /** Throws INVALID_ARGUMENT for an event that there is not, and for what is no function. */
  on<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#check(event, listener)
    this.#emitter.on(event, listener as never)
  }

  /** Throws as {@link on}. A listener that listens no more is no mistake. */
  off<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#check(event, listener)
    this.#emitter.off(event, listener as never)
  }

  tell<E extends keyof TEvents & string>(event: E, told: Parameters<TEvents[E]>[0]): void {
    for (const listener of this.#emitter.listeners(event)) {
      tellUser(listener as (event: unknown) => unknown, told, (error) => {
        this.#report(event, error)
      })
    }
  }

  #check(event: unknown, listener: unknown): void {
    if (typeof event !== 'string' || !Object.hasOwn(this.#events, event)) {
      const events = Object.keys(this.#events)
      const meant = typeof event === 'string' ? nearest(event, events) : undefined
      const what = meant === undefined ? `there are ${events.join(', ')}` : `did you mean ${meant}?`
      throw new TerrariumError('INVALID_ARGUMENT', `there is no event ${shown(event)}: ${what}`)
    }
    if (typeof listener !== 'function') {
      throw new TerrariumError('INVALID_ARGUMENT', `a listener for ${event} must be a function, not ${shown(listener)}`)
    }
  }
}
