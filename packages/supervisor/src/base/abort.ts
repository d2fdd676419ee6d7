// Waits for AbortSignals. All waits for one signal share one listener, since Node warns of a leak from the eleventh
// listener on.
import { tellUser } from './user-code.ts'

/** An AbortSignal, or an object with its essential members. */
export interface CallSignal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** One wait for a signal. */
export class AbortWait {
  readonly aborted: (reason: unknown) => void
  /** The listener in whose list this wait is, and its neighbours there. */
  shared: SharedListener | undefined
  previous: AbortWait | undefined
  next: AbortWait | undefined

  constructor(aborted: (reason: unknown) => void) {
    this.aborted = aborted
  }

  /** Idempotent. */
  release(): void {
    this.shared?.delete(this)
  }
}

/**
 * The one listener of all waits for one signal: Node warns of a leak from the eleventh listener on. It is removed with
 * the last wait. The waits are a linked list, from which each can remove itself in constant time.
 */
class SharedListener {
  readonly #signal: CallSignal
  #first: AbortWait | undefined
  #last: AbortWait | undefined

  constructor(signal: CallSignal) {
    this.#signal = signal
  }

  /** Throws what the signal throws. */
  listen(): void {
    this.#signal.addEventListener('abort', this.#aborted)
  }

  add(wait: AbortWait): void {
    wait.shared = this
    wait.previous = this.#last
    if (this.#last === undefined) this.#first = wait
    else this.#last.next = wait
    this.#last = wait
  }

  delete(wait: AbortWait): void {
    const { previous, next } = wait
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    wait.shared = wait.previous = wait.next = undefined
    if (this.#first === undefined) this.#forget()
  }

  readonly #aborted = (): void => {
    const reason = reasonOf(this.#signal)
    for (let wait = this.#first; wait !== undefined; wait = this.#first) {
      this.delete(wait)
      wait.aborted(reason)
    }
  }

  #forget(): void {
    listeners.delete(this.#signal)
    // A listener that the signal does not remove does no harm: it finds no wait.
    const remove = (): void => {
      this.#signal.removeEventListener('abort', this.#aborted)
    }
    tellUser(remove, undefined, () => undefined)
  }
}

const listeners = new WeakMap<CallSignal, SharedListener>()

/** True if the signal is aborted. Throws what a signal of the user's own making throws. */
export function isAborted(signal: CallSignal): boolean {
  return (signal.aborted as unknown) === true
}

/** The reason of an abort. If reading it throws, the thrown value. */
export function reasonOf(signal: CallSignal): unknown {
  try {
    return signal.reason
  } catch (error) {
    return error
  }
}

/**
 * Calls `aborted` once when the signal is aborted, in order of the waits, until the wait is released. `aborted` must
 * not throw. Throws what a signal of the user's own making throws.
 */
export function onAbort(signal: CallSignal, aborted: (reason: unknown) => void): AbortWait {
  let shared = listeners.get(signal)
  if (shared === undefined) {
    shared = new SharedListener(signal)
    shared.listen()
    listeners.set(signal, shared)
  }
  const wait = new AbortWait(aborted)
  shared.add(wait)
  return wait
}
