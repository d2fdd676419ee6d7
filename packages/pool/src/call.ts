import {
  onAbort,
  TerrariumError,
  type AbortWait,
  type ErrorCode,
  type SupervisorClock,
  type TerrariumErrorOptions,
} from '@terrarium/supervisor'
import type { CallQueue } from './call-queue.ts'
import type { PlacedRequest } from './call-request.ts'
import type { Placement, Slot } from './slot.ts'

/** Where a call is: it waits, it is with a worker, or its caller has been answered. */
type CallState = 'queued' | 'sent' | 'settled'

export interface Answer {
  resolve(value: unknown): void
  reject(error: TerrariumError): void
}

/** One call from the moment it is accepted until its caller is answered, exactly once. */
export class PendingCall {
  readonly tool: string
  readonly args: Buffer
  readonly idempotent: boolean
  /** How often it was handed to a worker that may have begun it. */
  attempts = 0
  /** How many workers died while it was alone with them. */
  deaths = 0
  /** A worker died with it and others. */
  suspect = false
  /** The queue it is in, of those that wait or of those with one worker, and its neighbours there. */
  queue: CallQueue | undefined
  previous: PendingCall | undefined
  next: PendingCall | undefined
  /** Where it is, while it is with a worker. */
  placement: Placement | undefined
  readonly #request: PlacedRequest
  readonly #clock: SupervisorClock
  readonly #answer: Answer
  readonly #deadline: number | undefined
  #state: CallState = 'queued'
  /** The worker it was with last, and the worker's incarnation then. */
  #last: { readonly slot: Slot; readonly incarnation: number } | undefined
  /** How long it has waited so far, in ms, not counting the present state. */
  #waited = 0
  /** When the present state began. */
  #since: number
  #timer: unknown
  #abort: AbortWait | undefined

  constructor(request: PlacedRequest, clock: SupervisorClock, answer: Answer) {
    this.tool = request.tool
    this.args = request.args
    this.idempotent = request.idempotent
    this.#request = request
    this.#clock = clock
    this.#answer = answer
    this.#since = clock.now()
    this.#deadline = request.timeout === undefined ? undefined : this.#since + request.timeout
  }

  /**
   * Begins to watch the deadline and the signal. `onStop` is called when the caller is answered before the work is
   * done; the call is `settled` by then.
   */
  watch(onStop: (call: PendingCall) => void): void {
    const { tool, timeout, signal } = this.#request
    const stop = (code: ErrorCode, message: string, options: TerrariumErrorOptions = {}): void => {
      if (this.reject(code, message, options)) onStop(this)
    }
    if (timeout !== undefined) {
      this.#timer = this.#clock.setTimeout(() => {
        const isQueued = this.#state === 'queued'
        const details = { timeout }
        if (isQueued)
          stop('QUEUE_TIMEOUT', `no worker was free for ${tool} within ${timeout} ms; it was not run`, { hint: TOO_FEW, details }) // prettier-ignore
        else stop('DEADLINE_EXCEEDED', `call of ${tool} took longer than ${timeout} ms`, { details })
      }, timeout)
    }
    if (signal !== undefined && this.#state !== 'settled') {
      try {
        this.#abort = onAbort(signal, (cause) => {
          stop('CANCELLED', `call of ${tool} was cancelled`, { cause })
        })
      } catch (cause) {
        stop('INVALID_ARGUMENT', `the signal of the call of ${tool} cannot be listened to`, { cause })
      }
    }
    if (this.state === 'settled') this.#forget() // a clock or a signal of the user's may call back at once
  }

  get state(): CallState {
    return this.#state
  }

  /** ms left, at least 1; 0 when there is no deadline. */
  timeLeft(now: number): number {
    return this.#deadline === undefined ? 0 : Math.max(1, Math.ceil(this.#deadline - now))
  }

  sent(slot: Slot, now: number): void {
    this.attempts += 1
    this.#waited += now - this.#since
    this.#since = now
    this.#state = 'sent'
    this.#last = { slot, incarnation: slot.incarnation }
  }

  /** It waits again. `begun`: the worker may have begun it. */
  returned(begun: boolean): void {
    if (!begun) this.attempts -= 1
    this.#since = this.#clock.now()
    this.#state = 'queued'
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#answer.resolve(value)
  }

  /** Whether this was what answered the caller. */
  reject(code: ErrorCode, message: string, { details, ...options }: TerrariumErrorOptions = {}): boolean {
    const { site } = this.#request
    const state = this.#state
    if (!this.#settle()) return false
    const error = new TerrariumError(code, message, {
      ...options,
      details: { ...details, ...this.#facts(state) },
      site,
    })
    this.#answer.reject(error)
    return true
  }

  /** Rejects with an error that other calls may be rejected with as well. */
  rejectAs({ code, message, hint, cause, details }: TerrariumError): boolean {
    return this.reject(code, message, { hint, cause, details })
  }

  #settle(): boolean {
    if (this.#state === 'settled') return false
    this.#state = 'settled'
    this.#forget()
    return true
  }

  #forget(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#abort?.release()
  }

  #facts(state: CallState): Record<string, unknown> {
    const { tool, attempts } = this
    const spent = this.#clock.now() - this.#since
    const [queueTime, runTime] = state === 'queued' ? [this.#waited + spent, 0] : [this.#waited, spent]
    const { slot, incarnation } = this.#last ?? {}
    return { tool, attempts, queueTime, runTime, ...(slot === undefined ? {} : { worker: slot.id, incarnation }) }
  }
}

const TOO_FEW = 'Raise `timeout`, or give the pool more workers.'
