import { checkCallSize, encode } from '@terrarium/worker'
import { patientTimeout, TerrariumError, type SupervisorClock } from '@terrarium/supervisor'
import { CallQueue } from './call-queue.ts'
import { PendingCall } from './call.ts'
import type { CallOptions } from './options.ts'
import type { Slot } from './slot.ts'

export interface DispatcherOptions {
  /** The pool's name. */
  readonly pool: string
  readonly slots: readonly Slot[]
  readonly clock: SupervisorClock
  /** See `PoolOptions`. */
  readonly concurrency: number
  readonly queueLimit: number
  readonly maxDeaths: number
  readonly cancelGrace: number
  readonly onRetry: (call: PendingCall, slot: Slot) => void
}

/**
 * Takes calls to workers: a bounded queue in order of arrival, the least busy worker that is ready, one deadline from
 * the caller to Python. Every call it accepts is settled exactly once.
 */
export class Dispatcher {
  readonly counts = { accepted: 0, completed: 0, failed: 0, retried: 0 }
  readonly #options: DispatcherOptions
  /** Calls to be run again go first. */
  readonly #again = new CallQueue()
  readonly #waiting = new CallQueue()
  #closed = false
  #onDrained: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  get queued(): number {
    return this.#again.size + this.#waiting.size
  }

  get inFlight(): number {
    return this.#options.slots.reduce((sum, slot) => sum + slot.inFlight, 0)
  }

  /** Throws POOL_SATURATED, CANCELLED, INVALID_ARGUMENT or PAYLOAD_TOO_LARGE instead of accepting. */
  accept(
    tool: string,
    args: Record<string, unknown>,
    options: CallOptions,
    answer: { resolve: (value: unknown) => void; reject: (error: TerrariumError) => void },
  ): void {
    if (options.signal?.aborted === true) {
      throw new TerrariumError('CANCELLED', `call of ${tool} was cancelled before it began`, {
        cause: options.signal.reason,
      })
    }
    const { pool, queueLimit, clock } = this.#options
    if (this.#waiting.size >= queueLimit && this.#free() === undefined) {
      throw new TerrariumError('POOL_SATURATED', `pool ${pool}: ${queueLimit} calls are waiting already`, {
        hint: 'call less at once, or raise `size` or `queueLimit`',
        details: { pool, queueLimit },
      })
    }
    const counted = {
      resolve: (value: unknown) => {
        this.counts.completed += 1
        answer.resolve(value)
      },
      reject: (error: TerrariumError) => {
        this.counts.failed += 1
        answer.reject(error)
      },
    }
    const call = new PendingCall(tool, encodeArguments(tool, args), options, clock, counted, (stopped) => {
      this.#letGo(stopped)
    })
    this.counts.accepted += 1
    this.#waiting.add(call)
    this.pump()
  }

  /** Hands waiting calls to workers, as many as can take one. */
  pump(): void {
    for (const queue of [this.#again, this.#waiting]) {
      for (let call = queue.first; call !== undefined; call = queue.first) {
        const slot = this.#free(call)
        if (slot === undefined) return
        queue.delete(call)
        this.#send(call, slot)
      }
    }
  }

  /** Answers every call that still waits. */
  rejectWaiting(error: TerrariumError): void {
    for (const call of [...this.#again.takeAll(), ...this.#waiting.takeAll()]) call.reject(error)
  }

  /** Nothing is run again from now on. Resolves when no call is with a worker any more, at the latest after `timeout` ms. */
  async drain(timeout: number): Promise<void> {
    this.#closed = true
    if (this.inFlight === 0) return
    const { clock } = this.#options
    await new Promise<void>((resolve) => {
      const cancel = patientTimeout(clock, resolve, timeout)
      this.#onDrained = () => {
        cancel()
        resolve()
      }
    })
  }

  /** The ready worker with the fewest calls that can take one more. A suspect is alone with its worker. */
  #free(call?: PendingCall): Slot | undefined {
    let best: Slot | undefined
    let fewest = call?.suspect === true ? 1 : this.#options.concurrency
    for (const slot of this.#options.slots) {
      if (slot.inFlight < fewest && !slot.isolated && slot.session !== undefined) {
        best = slot
        fewest = slot.inFlight
      }
    }
    return best
  }

  #send(call: PendingCall, slot: Slot): void {
    const { session } = slot
    if (session === undefined) return
    call.sent()
    const id = session.call(call.tool, call.args, call.timeLeft, (outcome) => {
      this.#leave(call)
      if ('value' in outcome) call.resolve(outcome.value)
      else if (outcome.error.code === 'WORKER_CRASHED') this.#crashed(call, slot, outcome.error)
      else call.reject(outcome.error)
      this.pump()
      if (this.#onDrained !== undefined && this.inFlight === 0) this.#onDrained()
    })
    call.placement = { slot, id, cancelOverrun: undefined }
    slot.inFlight += 1
    slot.isolated = call.suspect
  }

  /** A call that shared its worker is under suspicion only: it is run again alone, and blamed for what happens then. */
  #crashed(call: PendingCall, slot: Slot, cause: TerrariumError): void {
    if (call.state === 'settled') return
    if (slot.lost === 1) call.deaths += 1
    else call.suspect = true
    const details = { ...cause.details, tool: call.tool, attempts: call.attempts, deaths: call.deaths }
    if (!call.idempotent || this.#closed) {
      const message = `${call.tool} was with a worker that died: ${cause.message}`
      const hint = 'mark the call `idempotent` if it may be run again'
      call.reject(new TerrariumError('WORKER_CRASHED', message, { cause, details, hint }))
    } else if (call.deaths >= this.#options.maxDeaths) {
      const message = `${call.tool} is not run again: ${call.deaths} workers died with it`
      call.reject(new TerrariumError('POISON_CALL', message, { cause, details }))
    } else {
      call.queued()
      this.counts.retried += 1
      this.#again.add(call)
      this.#options.onRetry(call, slot)
    }
  }

  /** The caller was answered early. A worker that does not let go of the call in time is killed: it is never handed on while still busy. */
  #letGo(call: PendingCall): void {
    if (call.queue !== undefined) {
      call.queue.delete(call)
      return
    }
    const { placement } = call
    if (placement === undefined) return
    const { slot } = placement
    slot.session?.cancel(placement.id)
    const overrun = (): void => {
      const { tool } = call
      const worker = `${this.#options.pool}/${slot.id}`
      slot.kill(
        new TerrariumError('WORKER_CRASHED', `worker ${worker} was killed: ${tool} went on after it was stopped`, {
          hint: 'make the tool `async`, or give it a longer `timeout`',
          details: { worker, pid: slot.pid, tool, signal: 'SIGKILL' },
        }),
      )
    }
    placement.cancelOverrun = patientTimeout(this.#options.clock, overrun, this.#options.cancelGrace)
  }

  /** The worker has let go of the call. */
  #leave(call: PendingCall): void {
    const { placement } = call
    if (placement === undefined) return
    placement.cancelOverrun?.()
    placement.slot.inFlight -= 1
    if (placement.slot.inFlight === 0) placement.slot.isolated = false
    call.placement = undefined
  }
}

function encodeArguments(tool: string, args: Record<string, unknown>): Buffer {
  let encoded: Buffer
  try {
    encoded = encode(args)
  } catch (cause) {
    throw new TerrariumError('INVALID_ARGUMENT', `the arguments of ${tool} cannot be sent: ${String(cause)}`, {
      hint: 'send only objects with string keys, arrays, strings, numbers, booleans, null, Buffers and Dates',
      cause,
    })
  }
  checkCallSize(tool, encoded)
  return encoded
}
