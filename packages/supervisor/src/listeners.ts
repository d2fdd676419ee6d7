import { EventEmitter } from 'eventemitter3'
import { isPromiseLike } from './child-actor.ts'

/** Functions by the event that they listen for; each takes the event. */
type Events<TEvents> = { readonly [E in keyof TEvents]: (event: never) => void }

/**
 * Listeners of user code. What a listener throws, or what its promise rejects with, is reported with the event's name and
 * disturbs neither the next listener nor the caller of {@link tell}. Call that when the bookkeeping is done: a listener may
 * call back.
 */
export class Listeners<TEvents extends Events<TEvents>> {
  readonly #emitter = new EventEmitter()
  readonly #report: (event: string, error: unknown) => void

  constructor(report: (event: string, error: unknown) => void) {
    this.#report = report
  }

  on<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#emitter.on(event, listener as never)
  }

  off<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#emitter.off(event, listener as never)
  }

  tell<E extends keyof TEvents & string>(event: E, told: Parameters<TEvents[E]>[0]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        const result: unknown = (listener as (event: unknown) => unknown)(told)
        if (isPromiseLike(result)) {
          result.then(undefined, (error: unknown) => {
            this.#report(event, error)
          })
        }
      } catch (error) {
        this.#report(event, error)
      }
    }
  }
}
