// What a pool does for the callers of its calls: watches deadlines and signals, and answers.
import {
  onAbort,
  showSite,
  siteAbove,
  type KeepAlive,
  type SupervisorClock,
  type TerrariumError,
} from '@terrarium/supervisor/base'
import type { AnyLogger } from '@terrarium/process'
import type { PoolCoreEvent } from './core/event.ts'
import type { PendingCall } from './pending-call.ts'
import { ProgressListener } from './progress-listener.ts'

export interface CallersDependencies {
  readonly clock: SupervisorClock
  readonly logger: AnyLogger
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

  offer(call: PendingCall): void {
    const { keepAlive, handle, logger } = this.#dependencies
    keepAlive?.hold()
    const { onProgress } = call
    if (onProgress !== undefined) call.progress = new ProgressListener(onProgress, call.tool, logger)
    handle({ type: 'call.offered', call, isWatched: call.isWatched })
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
    const { nested } = call
    if (nested !== undefined && call.state !== 'settled') {
      call.outerAbort = onAbort(nested.nesting.signal, (cause) => {
        handle({ type: 'call.aborted', call, cause })
      })
    }
    handle({ type: 'call.watched' })
  }

  settle(call: PendingCall, value: unknown, error: TerrariumError | undefined): void {
    this.#unwatch(call)
    if (call.hasFeeds) call.closeFeeds()
    call.progress?.end()
    this.#dependencies.keepAlive?.release()
    if (error === undefined) call.resolve(value)
    else if (call.site === undefined) call.resolve(rejectionOf(error))
    else call.reject(error)
  }

  /** The call was not accepted. */
  refuse(call: PendingCall, error: TerrariumError): void {
    this.#dependencies.keepAlive?.release()
    if (call.hasFeeds) call.closeFeeds()
    if (call.site === undefined) call.resolve(rejectionOf(error))
    else {
      showSite(error, call.site)
      call.reject(error)
    }
  }

  #unwatch(call: PendingCall): void {
    if (call.deadlineTimer !== undefined) this.#dependencies.clock.clearTimeout(call.deadlineTimer)
    call.deadlineTimer = undefined
    call.abort?.release()
    call.outerAbort?.release()
  }
}

/**
 * Rejects with the error of a call whose place was not remembered. Its stack shows the async functions that await the
 * call: V8 knows them once the promise of the call follows this one, which takes two turns of the microtask queue.
 */
async function rejectionOf(error: TerrariumError): Promise<never> {
  for (let turn = 0; turn < 2; turn++) await Promise.resolve()
  const site = siteAbove(rejectionOf)
  if (site !== undefined) showSite(error, site)
  throw error
}
