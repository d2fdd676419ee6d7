import { tellUser } from './user-code.ts'

/** An AbortSignal, as far as it is needed. */
export interface CallSignal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** One wait for a signal. */
export class AbortWait {
  readonly aborted: (reason: unknown) => void
  /** Where it waits, and its neighbours there. */
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
 * The one listener of all waits for one signal, so that a signal may serve any number of calls: Node warns of a leak
 * from the eleventh listener on. It is removed with the last wait. A linked list, for what `CallTable` of
 * @terrarium/worker says about tables that are replaced all the time.
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
    // A signal that does not let go of the listener does no harm: the listener finds nothing that waits.
    const remove = (): void => {
      this.#signal.removeEventListener('abort', this.#aborted)
    }
    tellUser(remove, undefined, () => undefined)
  }
}

const listeners = new WeakMap<CallSignal, SharedListener>()

/** Whether the signal is aborted already. Throws what a signal of the user's own making throws. */
export function isAborted(signal: CallSignal): boolean {
  return (signal.aborted as unknown) === true
}

/** Why the signal was aborted; if it throws instead of telling, what it throws. */
export function reasonOf(signal: CallSignal): unknown {
  try {
    return signal.reason
  } catch (error) {
    return error
  }
}

/**
 * Calls `aborted` once when the signal is aborted, the first that waits first, until it is released. `aborted` must not
 * throw. Throws what a signal of the user's own making throws.
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
