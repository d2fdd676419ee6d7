// The sessions of a worker of a test, as `_sessions.py` keeps them in Python.
import { tellUser, type SupervisorClock } from '@terrarium/supervisor/base'
import type { SessionCloseFrame, SessionOpenFrame } from '@terrarium/worker'

/** What calls of one session have in common, as `terrarium.session()` in Python. */
export interface TestSession {
  /** What the caller calls it. */
  readonly id: string
  /** What was set; undefined if there is nothing, or its time is over. */
  readonly get: (key: string) => unknown
  /** Keeps a value; for `ttl` ms of the pool's clock, by default as long as the session lives. */
  readonly set: (key: string, value: unknown, ttl?: number) => void
  /** Calls the function when the session ends in order, the last one first. */
  readonly onClose: (listener: () => unknown) => void
}

class OpenSession implements TestSession {
  readonly id: string
  readonly #clock: SupervisorClock
  readonly #values = new Map<string, { readonly value: unknown; readonly due: number }>()
  readonly listeners: (() => unknown)[] = []

  constructor(id: string, clock: SupervisorClock) {
    this.id = id
    this.#clock = clock
  }

  readonly get = (key: string): unknown => {
    const { value, due = Infinity } = this.#values.get(key) ?? {}
    return this.#clock.now() < due ? value : undefined
  }

  readonly set = (key: string, value: unknown, ttl = Infinity): void => {
    this.#values.set(key, { value, due: this.#clock.now() + ttl })
  }

  readonly onClose = (listener: () => unknown): void => {
    this.listeners.unshift(listener)
  }
}

export class TestSessions {
  readonly #clock: SupervisorClock
  readonly #failed: (error: unknown) => void
  readonly #open = new Map<number, OpenSession>()

  /** `failed`: called with what a listener throws. */
  constructor(clock: SupervisorClock, failed: (error: unknown) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  begin({ number, id }: SessionOpenFrame): void {
    this.#open.set(number, new OpenSession(id, this.#clock))
  }

  /** Undefined for a call of no session. */
  of(number: number): TestSession | undefined {
    return this.#open.get(number)
  }

  end({ number }: Pick<SessionCloseFrame, 'number'>): void {
    const session = this.#open.get(number)
    this.#open.delete(number)
    for (const listener of session?.listeners ?? []) tellUser(listener, undefined, this.#failed)
  }

  /** The worker ends in order. */
  endAll(): void {
    for (const number of this.#open.keys()) this.end({ number })
  }
}
