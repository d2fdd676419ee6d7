// The streams of a pool: hands items to their readers, and tells the core what has arrived and what was taken.
import { showSite, type TerrariumError } from '@terrarium/supervisor/base'
import { refuseAborted } from './call-request.ts'
import type { Callers } from './callers.ts'
import type { PoolCoreEvent } from './core/event.ts'
import type { PendingStream } from './pending-stream.ts'

export interface StreamsDependencies {
  readonly callers: Callers
  /** Lets the core decide what the event leads to. */
  readonly handle: (event: PoolCoreEvent) => void
}

export class Streams {
  readonly #dependencies: StreamsDependencies

  constructor(dependencies: StreamsDependencies) {
    this.#dependencies = dependencies
  }

  /** The first item is asked for. */
  begin(stream: PendingStream): void {
    try {
      refuseAborted(stream.tool, stream.signal)
    } catch (error) {
      stream.closeFeeds()
      showSite(error as TerrariumError, stream.site ?? {})
      stream.reject(error as TerrariumError)
      return
    }
    this.#dependencies.callers.offer(stream)
  }

  /** An item has arrived that costs so many bytes. */
  arrived(stream: PendingStream, value: unknown, bytes: number): void {
    if (stream.state === 'settled') return // its reader has been told the end
    this.#dependencies.handle({ type: 'stream.item', call: stream, bytes })
    stream.items.push(value, bytes)
  }

  /** The reader has taken an item that costs so many bytes. */
  taken(stream: PendingStream, bytes: number): void {
    this.#dependencies.handle({ type: 'stream.taken', call: stream, bytes })
  }

  /** The reader wants no more. */
  leave(stream: PendingStream): void {
    this.#dependencies.handle({ type: 'stream.left', call: stream })
  }
}
