// Callers that wait for the same thing, and are answered together.
import type { TerrariumError } from '@terrarium/supervisor/base'
import { Deferred } from './deferred.ts'

export class Waiters {
  #deferred: Deferred<void> | undefined

  /** Settles with the next {@link settle}. */
  wait(): Promise<void> {
    this.#deferred ??= new Deferred()
    return this.#deferred.promise
  }

  settle(error: TerrariumError | undefined): void {
    const deferred = this.#deferred
    this.#deferred = undefined
    if (error === undefined) deferred?.resolve()
    else deferred?.reject(error)
  }
}
