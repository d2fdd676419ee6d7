import { TerrariumError, type SupervisorClock } from '@terrarium/supervisor'
import type { CallQueue } from './call-queue.ts'
import type { CallOptions } from './options.ts'
import type { Placement } from './slot.ts'

/** Where a call is: it waits, it is with a worker, or its caller has been answered. */
type CallState = 'queued' | 'sent' | 'settled'

/** One call from the moment it is accepted until its caller is answered, exactly once. */
export class PendingCall {
  readonly tool: string
  /** Encoded once, however often the call is begun. */
  readonly args: Buffer
  readonly idempotent: boolean
  /** How often it was handed to a worker. */
  attempts = 0
  /** How many workers died while it was alone with them. */
  deaths = 0
  /** A worker died with it and others. */
  suspect = false
  /** The queue it waits in, and its neighbours there. */
  queue: CallQueue | undefined
  previous: PendingCall | undefined
  next: PendingCall | undefined
  /** Where it is, while it is with a worker. */
  placement: Placement | undefined
  #state: CallState = 'queued'
  readonly #clock: SupervisorClock
  readonly #deadline: number | undefined
  readonly #timer: unknown
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: () => void
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: TerrariumError) => void

  /**
   * `onStop` is called when the caller is answered before the work is done: the deadline has passed or the signal
   * was aborted. The call is `settled` by then.
   */
  constructor(
    tool: string,
    args: Buffer,
    options: CallOptions,
    clock: SupervisorClock,
    answer: { resolve: (value: unknown) => void; reject: (error: TerrariumError) => void },
    onStop: (call: PendingCall) => void,
  ) {
    this.tool = tool
    this.args = args
    this.idempotent = options.idempotent ?? false
    this.#clock = clock
    this.#resolve = answer.resolve
    this.#reject = answer.reject
    const { timeout, signal } = options
    const stop = (error: TerrariumError): void => {
      if (this.reject(error)) onStop(this)
    }
    if (timeout !== undefined) {
      this.#deadline = clock.now() + timeout
      this.#timer = clock.setTimeout(() => {
        stop(this.#overdue(timeout))
      }, timeout)
    }
    this.#signal = signal
    this.#onAbort = () => {
      stop(new TerrariumError('CANCELLED', `call of ${tool} was cancelled`, { cause: signal?.reason }))
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get state(): CallState {
    return this.#state
  }

  /** ms left, at least 1; 0 when there is no deadline. */
  get timeLeft(): number {
    return this.#deadline === undefined ? 0 : Math.max(1, Math.ceil(this.#deadline - this.#clock.now()))
  }

  sent(): void {
    this.attempts += 1
    this.#state = 'sent'
  }

  queued(): void {
    this.#state = 'queued'
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#resolve(value)
  }

  /** Whether this was what answered the caller. */
  reject(error: TerrariumError): boolean {
    const first = this.#settle()
    if (first) this.#reject(error)
    return first
  }

  #settle(): boolean {
    if (this.#state === 'settled') return false
    this.#state = 'settled'
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }

  #overdue(timeout: number): TerrariumError {
    return this.#state === 'queued'
      ? new TerrariumError(
          'QUEUE_TIMEOUT',
          `no worker was free for ${this.tool} within ${timeout} ms; it was not run`,
          {
            hint: 'raise `timeout`, or give the pool more workers',
            details: { tool: this.tool, timeout, attempts: this.attempts },
          },
        )
      : new TerrariumError('DEADLINE_EXCEEDED', `call of ${this.tool} took longer than ${timeout} ms`, {
          details: { tool: this.tool, timeout },
        })
  }
}
