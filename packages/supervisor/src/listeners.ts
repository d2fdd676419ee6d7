import { EventEmitter } from 'eventemitter3'
import { TerrariumError } from './errors.ts'
import { tellUser } from './user-code.ts'
import { show } from './show.ts'

/** Functions by the event that they listen for; each takes the event. */
type Events<TEvents> = { readonly [E in keyof TEvents]: (event: never) => void }

/**
 * Listeners of user code. What a listener throws, or what its promise rejects with, is reported with the event's name
 * and disturbs neither the next listener nor the caller of {@link tell}. Call that when the bookkeeping is done: a
 * listener may call back.
 */
export class Listeners<TEvents extends Events<TEvents>> {
  readonly #emitter = new EventEmitter()
  readonly #report: (event: string, error: unknown) => void

  /** `report` must not throw. */
  constructor(report: (event: string, error: unknown) => void) {
    this.#report = report
  }

  /** Throws INVALID_ARGUMENT for what is no function. */
  on<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    if (typeof listener !== 'function') {
      throw new TerrariumError('INVALID_ARGUMENT', `a listener for ${event} must be a function, not ${show(listener)}`)
    }
    this.#emitter.on(event, listener as never)
  }

  off<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#emitter.off(event, listener as never)
  }

  tell<E extends keyof TEvents & string>(event: E, told: Parameters<TEvents[E]>[0]): void {
    for (const listener of this.#emitter.listeners(event)) {
      tellUser(listener as (event: unknown) => unknown, told, (error) => {
        this.#report(event, error)
      })
    }
  }
}
