import {
  patientTimeout,
  TerrariumError,
  type CallSite,
  type KeepAlive,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import type { Settle } from '@terrarium/worker'
import { CallQueue } from './call-queue.ts'
import type { CallRequest } from './call-request.ts'
import { PendingCall, type Answer } from './call.ts'
import type { Slot } from './slot.ts'

export interface DispatcherOptions {
  /** The pool's name. */
  readonly pool: string
  readonly slots: readonly Slot[]
  readonly clock: SupervisorClock
  /** Held while calls are not settled. */
  readonly keepAlive: KeepAlive
  /** See `PoolOptions`. */
  readonly concurrency: number
  readonly queueLimit: number
  readonly maxDeaths: number
  readonly cancelGrace: number
  readonly onRetry: (call: PendingCall, slot: Slot) => void
}

/**
 * How long a worker may keep a call that was stopped before its other calls are asked back, in ms; at most half of
 * `cancelGrace`.
 */
const RECALL_AFTER = 20
/** How long a worker that is about to end may be idle before it is killed, in ms. */
const RETIRE_WITHIN = 2_000
/** How often a call that waits behind another one is looked at again, in ms. */
const LOOK_AGAIN = 50

/**
 * Takes calls to workers: a bounded queue in order of arrival, the least busy worker that is ready, one deadline from
 * the caller to Python. Every call it accepts is settled exactly once.
 */
export class Dispatcher {
  readonly counts = { accepted: 0, completed: 0, failed: 0, retried: 0 }
  readonly #options: DispatcherOptions
  /** Calls to be run again, or elsewhere, go first. */
  readonly #again = new CallQueue()
  readonly #waiting = new CallQueue()
  /** Why nothing is run again. */
  #closed: TerrariumError | undefined
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

  /** Throws POOL_SATURATED instead of accepting. */
  accept(request: CallRequest, site: CallSite | undefined, answer: Answer): void {
    const { pool, queueLimit, clock } = this.#options
    if (this.#waiting.size >= queueLimit && this.#free() === undefined) {
      throw new TerrariumError('POOL_SATURATED', `pool ${pool}: ${queueLimit} calls are waiting already`, {
        hint: 'Call less at once, or raise `size` or `queueLimit`.',
        details: { pool, queueLimit, tool: request.tool },
      })
    }
    const call = new PendingCall(request, site, clock, answer, this)
    this.counts.accepted += 1
    this.#options.keepAlive.hold()
    this.#waiting.add(call)
    // From here on the call is accounted for, whatever a clock or a signal of the user's does.
    call.watch()
    this.pump()
  }

  /** A call is about to be answered. */
  settled(succeeded: boolean): void {
    this.counts[succeeded ? 'completed' : 'failed'] += 1
    this.#options.keepAlive.release()
  }

  /** Hands waiting calls to workers, as many as can take one. */
  pump(): void {
    if (this.queued === 0) return
    const now = this.#options.clock.now()
    for (const queue of [this.#again, this.#waiting]) {
      for (let call = queue.first; call !== undefined; call = queue.first) {
        const slot = this.#free(call)
        if (slot === undefined) return
        queue.delete(call)
        this.#send(call, slot, now)
      }
    }
  }

  /** Answers every call that still waits. */
  rejectWaiting(error: TerrariumError): void {
    for (const call of [...this.#again.takeAll(), ...this.#waiting.takeAll()]) call.rejectAs(error)
  }

  /**
   * Nothing is run again from now on, for this reason. Resolves when no call is with a worker any more, at the latest
   * after `timeout` ms.
   */
  async drain(timeout: number, because: TerrariumError): Promise<void> {
    this.#closed = because
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
      if (slot.inFlight < fewest && slot.open !== undefined) {
        best = slot
        fewest = slot.inFlight
      }
    }
    return best
  }

  #send(call: PendingCall, slot: Slot, now: number): void {
    const { session } = slot
    if (session === undefined) return
    call.sent(slot, now)
    const id = session.call(call.tool, call.args, call.timeLeft(now), (outcome) => {
      const wasRecalled = call.placement?.recalled === true
      this.#leave(call)
      if ('value' in outcome || !outcome.notBegun) this.#renewGraces(call, slot)
      if ('value' in outcome) call.resolve(outcome.value)
      else if (call.state !== 'settled') this.#failed(call, slot, outcome, wasRecalled)
      this.pump()
      if (this.#onDrained !== undefined && this.inFlight === 0) this.#onDrained()
    })
    call.placement = { slot, id, overdue: false, cancelTimer: undefined, recalled: false }
    slot.calls.add(call)
    slot.isolated = call.suspect
  }

  #failed(call: PendingCall, slot: Slot, { error, notBegun }: Failed, wasRecalled: boolean): void {
    const isGone = error.code === 'WORKER_CRASHED'
    if (notBegun && (isGone || error.code === 'CANCELLED')) {
      if (!isGone && !wasRecalled) this.#retire(slot)
      this.#move(call)
    } else if (isGone) this.#crashed(call, slot, error)
    else call.rejectAs(error)
  }

  /**
   * A worker that gives calls back unasked is about to end, as soon as the calls that it has begun are over. A worker
   * that does not end is killed.
   */
  #retire(slot: Slot): void {
    if (slot.session === undefined) return
    const { pool, clock } = this.#options
    let cancel = (): void => undefined
    const wait = (): void => {
      cancel = patientTimeout(clock, look, RETIRE_WITHIN)
    }
    const look = (): void => {
      if (slot.inFlight > 0) {
        wait()
        return
      }
      const message = `worker ${pool}/${slot.id} was killed: it refused calls and did not end`
      slot.kill(new TerrariumError('WORKER_CRASHED', message, { details: { pid: slot.pid, signal: 'SIGKILL' } }))
    }
    slot.doom(() => {
      cancel()
    })
    wait()
  }

  /** The call had not begun, so it may be run elsewhere, whatever it is. */
  #move(call: PendingCall): void {
    if (this.#closed !== undefined) call.rejectAs(this.#closed)
    else {
      call.returned(false)
      this.#again.add(call)
    }
  }

  /** A call that shared its worker is under suspicion only: it is run again alone, and blamed for what happens then. */
  #crashed(call: PendingCall, slot: Slot, cause: TerrariumError): void {
    if (slot.lost === 1) call.deaths += 1
    else call.suspect = true
    const { tool, deaths } = call
    const details = { ...cause.details, deaths }
    if (!call.idempotent || this.#closed !== undefined) {
      const hint = [cause.hint, 'Mark the call `idempotent` if it may be run again.'].filter(Boolean).join(' ')
      call.reject('WORKER_CRASHED', `${tool} was with a worker that died: ${cause.message}`, { cause, details, hint })
    } else if (deaths >= this.#options.maxDeaths) {
      call.reject('POISON_CALL', `${tool} is not run again: ${deaths} workers died with it`, { cause, details })
    } else {
      call.returned(true)
      this.counts.retried += 1
      this.#again.add(call)
      this.#options.onRetry(call, slot)
    }
  }

  /**
   * The caller was answered early. A worker that does not let go of the call soon is asked to give back what it has not
   * begun, and then killed: it is never handed on while still busy.
   */
  stopped(call: PendingCall): void {
    const { placement } = call
    if (placement === undefined) {
      call.queue?.delete(call)
      return
    }
    const { slot } = placement
    slot.overdue += 1
    placement.overdue = true
    slot.session?.cancel(placement.id)
    this.#giveGrace(call)
  }

  /** The call has run: calls behind it that were stopped meanwhile have their grace from now on. */
  #renewGraces(call: PendingCall, slot: Slot): void {
    if (slot.overdue === 0 || slot.session === undefined || call.state === 'settled' || slot.isAsync(call.tool)) return
    for (let each = slot.calls.first; each !== undefined; each = each.next) {
      if (each.placement?.overdue === true) this.#giveGrace(each)
    }
  }

  #giveGrace(call: PendingCall): void {
    const { placement } = call
    if (placement === undefined) return
    const { slot } = placement
    placement.cancelTimer?.()
    const { clock, cancelGrace } = this.#options
    const recallAfter = Math.min(RECALL_AFTER, cancelGrace / 2)
    const overrun = (): void => {
      this.#overrun(call)
    }
    const recall = (): void => {
      this.#recall(slot)
      placement.cancelTimer = patientTimeout(clock, overrun, cancelGrace - recallAfter)
    }
    placement.cancelTimer = patientTimeout(clock, recall, recallAfter)
  }

  /** Asks the worker to give back the calls that it has not begun. */
  #recall(slot: Slot): void {
    for (let call = slot.calls.first; call !== undefined; call = call.next) {
      const { placement } = call
      if (placement === undefined || placement.recalled || call.state === 'settled') continue
      placement.recalled = true
      slot.session?.cancel(placement.id, { unlessBegun: true })
    }
  }

  #overrun(call: PendingCall): void {
    const { placement, tool } = call
    if (placement === undefined) return
    const { slot } = placement
    const { pool, clock, cancelGrace } = this.#options
    const { running } = slot
    // The worker is busy with a call that has time left, and answers once that is over.
    if (running !== undefined && running.state !== 'settled' && !slot.isAsync(tool)) {
      const look = (): void => {
        this.#overrun(call)
      }
      placement.cancelTimer = patientTimeout(clock, look, Math.max(cancelGrace, LOOK_AGAIN))
      return
    }
    slot.kill(
      new TerrariumError(
        'WORKER_CRASHED',
        `worker ${pool}/${slot.id} was killed: ${tool} went on after it was stopped`,
        {
          hint: 'Make the tool `async`, or give it a longer `timeout`.',
          details: { pid: slot.pid, signal: 'SIGKILL', overdue: tool },
        },
      ),
    )
  }

  /** The worker has let go of the call. */
  #leave(call: PendingCall): void {
    const { placement } = call
    if (placement === undefined) return
    const { slot, overdue, cancelTimer } = placement
    call.placement = undefined
    slot.calls.delete(call)
    if (slot.inFlight === 0) slot.isolated = false
    cancelTimer?.()
    if (overdue) slot.overdue -= 1
  }
}

type Failed = Extract<Parameters<Settle>[0], { readonly error: TerrariumError }>
