// A typed event emitter for user code: listeners cannot harm each other or the caller.
import { EventEmitter } from 'eventemitter3'
import { TerrariumError } from './errors.ts'
import { shown } from './checker.ts'
import { nearest } from './nearest.ts'
import { tellUser } from './user-code.ts'

/** Listener types by event name; each listener takes the event. */
type Events<TEvents> = { readonly [E in keyof TEvents]: (event: never) => void }

/**
 * Listeners of user code. What a listener throws or rejects with is reported with the event's name, and disturbs
 * neither the next listener nor the caller of {@link tell}. Call `tell` last: a listener may call back.
 */
export class Listeners<TEvents extends Events<TEvents>> {
  readonly #emitter = new EventEmitter()
  readonly #events: Readonly<Record<keyof TEvents, true>>
  readonly #report: (event: string, error: unknown) => void

  /** `events`: the names of all events. `report` must not throw. */
  constructor(events: Readonly<Record<keyof TEvents, true>>, report: (event: string, error: unknown) => void) {
    this.#events = events
    this.#report = report
  }

  /** Throws INVALID_ARGUMENT for an unknown event, and for a listener that is no function. */
  on<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#check(event, listener)
    this.#emitter.on(event, listener as never)
  }

  /** Throws as {@link on}. Removing a listener that was not added is no mistake. */
  off<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#check(event, listener)
    this.#emitter.off(event, listener as never)
  }

  /** Calls the listeners of an event. */
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
