// A typed event emitter for user code: listeners cannot harm each other or the caller.
import { TerrariumError } from './errors.ts'
import { shown } from './checker.ts'
import { nearest } from './nearest.ts'
import { tellUser } from './user-code.ts'

/** Listener types by event name; each listener takes the event. */
type Events<TEvents> = { readonly [E in keyof TEvents]: (event: never) => void }

const NONE = [] as const

/**
 * Listeners of user code. What a listener throws or rejects with is reported with the event's name, and disturbs
 * neither the next listener nor the caller of {@link tell}. Call `tell` last: a listener may call back.
 */
export class Listeners<TEvents extends Events<TEvents>> {
  /** By event. A list is replaced, never changed, because a listener may add or remove others while it is told. */
  readonly #listeners = new Map<string, readonly ((event: never) => unknown)[]>()
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
    this.#listeners.set(event, [...this.#of(event), listener])
  }

  /** Throws as {@link on}. Removing a listener that was not added is no mistake. */
  off<E extends keyof TEvents & string>(event: E, listener: TEvents[E]): void {
    this.#check(event, listener)
    this.#listeners.set(
      event,
      this.#of(event).filter((each) => each !== listener),
    )
  }

  /** Calls the listeners of an event. */
  tell<E extends keyof TEvents & string>(event: E, told: Parameters<TEvents[E]>[0]): void {
    for (const listener of this.#of(event)) {
      tellUser(listener as (event: unknown) => unknown, told, (error) => {
        this.#report(event, error)
      })
    }
  }

  #of(event: string): readonly ((event: never) => unknown)[] {
    return this.#listeners.get(event) ?? NONE
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
