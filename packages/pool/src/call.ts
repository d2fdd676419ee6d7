import {
  onAbort,
  TerrariumError,
  type AbortWait,
  type CallSite,
  type ErrorCode,
  type SupervisorClock,
  type TerrariumErrorOptions,
} from '@terrarium/supervisor/base'
import type { CallQueue } from './call-queue.ts'
import type { CallRequest } from './call-request.ts'
import type { Placement, Slot } from './slot.ts'

/** Where a call is: it waits, it is with a worker, or its caller has been answered. */
type CallState = 'queued' | 'sent' | 'settled'

export interface Answer {
  resolve(value: unknown): void
  reject(error: TerrariumError): void
}

/** Told of what becomes of a call. */
export interface CallWatch {
  /** It is about to be answered. */
  settled(succeeded: boolean): void
  /** Its caller was answered before the work was done. */
  stopped(call: PendingCall): void
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
  /** The queue it is in, of waiting calls or of one worker's calls, and its neighbours there. */
  queue: CallQueue | undefined
  previous: PendingCall | undefined
  next: PendingCall | undefined
  /** Where it is, while it is with a worker. */
  placement: Placement | undefined
  readonly #request: CallRequest
  readonly #site: CallSite | undefined
  readonly #clock: SupervisorClock
  readonly #answer: Answer
  readonly #watch: CallWatch
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

  constructor(
    request: CallRequest,
    site: CallSite | undefined,
    clock: SupervisorClock,
    answer: Answer,
    watch: CallWatch,
  ) {
    this.tool = request.tool
    this.args = request.args
    this.idempotent = request.idempotent
    this.#request = request
    this.#clock = clock
    this.#site = site
    this.#answer = answer
    this.#watch = watch
    this.#since = clock.now()
    this.#deadline = request.timeout === undefined ? undefined : this.#since + request.timeout
  }

  /** Begins to watch the deadline and the signal. */
  watch(): void {
    const { tool, timeout, signal } = this.#request
    if (timeout !== undefined) {
      this.#timer = this.#clock.setTimeout(() => {
        this.#expire(timeout)
      }, timeout)
    }
    if (signal !== undefined && this.#state !== 'settled') {
      try {
        this.#abort = onAbort(signal, (cause) => {
          this.#stop('CANCELLED', `call of ${tool} was cancelled`, { cause })
        })
      } catch (cause) {
        this.#stop('INVALID_ARGUMENT', `the signal of the call of ${tool} cannot be listened to`, { cause })
      }
    }
    if (this.state === 'settled') this.#forget() // a clock or a signal of the user's may call back at once
  }

  #expire(timeout: number): void {
    const { tool } = this
    const details = { timeout }
    if (this.#state === 'queued')
      this.#stop('QUEUE_TIMEOUT', `no worker was free for ${tool} within ${timeout} ms; it was not run`, { hint: TOO_FEW, details }) // prettier-ignore
    else this.#stop('DEADLINE_EXCEEDED', `call of ${tool} took longer than ${timeout} ms`, { details })
  }

  /** Answers the caller before the work is done. */
  #stop(code: ErrorCode, message: string, options: TerrariumErrorOptions): void {
    if (this.reject(code, message, options)) this.#watch.stopped(this)
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
    if (this.#settle(true)) this.#answer.resolve(value)
  }

  /** Whether this was what answered the caller. */
  reject(code: ErrorCode, message: string, { details, ...options }: TerrariumErrorOptions = {}): boolean {
    const state = this.#state
    if (!this.#settle(false)) return false
    const error = new TerrariumError(code, message, {
      ...options,
      details: { ...details, ...this.#facts(state) },
      site: this.#site,
    })
    this.#answer.reject(error)
    return true
  }

  /** Rejects with an error that other calls may be rejected with as well. */
  rejectAs({ code, message, hint, cause, details }: TerrariumError): boolean {
    return this.reject(code, message, { hint, cause, details })
  }

  #settle(succeeded: boolean): boolean {
    if (this.#state === 'settled') return false
    this.#state = 'settled'
    this.#forget()
    this.#watch.settled(succeeded)
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
