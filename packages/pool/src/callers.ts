// What a pool does for the callers of its calls: watches deadlines and signals, and answers.
import {
  onAbort,
  showSite,
  type CallSite,
  type KeepAlive,
  type SupervisorClock,
  type TerrariumError,
} from '@terrarium/supervisor/base'
import type { CallRequest } from './call-request.ts'
import type { PoolCoreEvent } from './core/event.ts'
import { PendingCall } from './pending-call.ts'

export interface CallersDependencies {
  readonly clock: SupervisorClock
  /** Held while calls are not settled. */
  readonly keepAlive?: KeepAlive | undefined
  /** Lets the core decide what the event leads to. */
  readonly handle: (event: PoolCoreEvent) => void
}

export class Callers {
  readonly #dependencies: CallersDependencies

  constructor(dependencies: CallersDependencies) {
    this.#dependencies = dependencies
  }

  /** Settles with what becomes of the call. */
  offer(request: CallRequest, site: CallSite | undefined): Promise<unknown> {
    const { keepAlive, handle } = this.#dependencies
    return new Promise((resolve, reject) => {
      const call = new PendingCall(request, site, resolve, reject)
      keepAlive?.hold()
      handle({ type: 'call.offered', call, isWatched: call.isWatched })
    })
  }

  /** A clock and a signal are the user's: they may throw, and may call back at once. */
  watch(call: PendingCall): void {
    const { clock, handle } = this.#dependencies
    const { timeout, signal } = call
    if (timeout !== undefined) {
      const expired = (): void => {
        handle({ type: 'call.expired', call })
      }
      call.deadlineTimer = clock.setTimeout(expired, timeout)
    }
    if (signal !== undefined && call.state !== 'settled') {
      try {
        call.abort = onAbort(signal, (cause) => {
          handle({ type: 'call.aborted', call, cause })
        })
      } catch (cause) {
        handle({ type: 'call.unwatchable', call, cause })
      }
    }
    handle({ type: 'call.watched' })
  }

  settle(call: PendingCall, value: unknown, error: TerrariumError | undefined): void {
    this.#unwatch(call)
    this.#dependencies.keepAlive?.release()
    if (error === undefined) call.resolve(value)
    else call.reject(error)
  }

  /** The call was not accepted. */
  refuse(call: PendingCall, error: TerrariumError): void {
    this.#dependencies.keepAlive?.release()
    if (call.site !== undefined) showSite(error, call.site)
    call.reject(error)
  }

  #unwatch(call: PendingCall): void {
    if (call.deadlineTimer !== undefined) this.#dependencies.clock.clearTimeout(call.deadlineTimer)
    call.deadlineTimer = undefined
    call.abort?.release()
  }
}
