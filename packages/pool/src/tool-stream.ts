// What a user holds of a stream: an async iterator over the items of one run of a generator.
import { ASYNC_DISPOSE, type CallSite } from '@terrarium/supervisor/base'
import type { ToolStream } from './api.ts'
import { DONE } from './item-buffer.ts'
import { PendingStream, type StreamRequest } from './pending-stream.ts'
import type { Streams } from './streams.ts'

/** Ends streams that were begun, and that nothing can read any more. */
const forgotten = new FinalizationRegistry<() => void>((leave) => {
  leave()
})

export class StreamReader<T> implements ToolStream<T> {
  readonly #streamsOfPool: () => Streams
  #streams: Streams | undefined
  /** What is asked of the pool with the first `next()`. */
  #request: StreamRequest | undefined
  readonly #site: CallSite
  #stream: PendingStream | undefined

  /** `streams`: of the pool's present actor. `site`: for the stacks of its errors. */
  constructor(streams: () => Streams, request: StreamRequest, site: CallSite) {
    this.#streamsOfPool = streams
    this.#request = request
    this.#site = site
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const request = this.#request
    if (request !== undefined) {
      this.#request = undefined
      const streams = this.#streamsOfPool()
      const stream = streamOf(streams, request, this.#site)
      this.#streams = streams
      this.#stream = stream
      forgotten.register(this, leaverOf(streams, stream), this)
      streams.begin(stream)
    }
    return (this.#stream?.items.next() ?? Promise.resolve(DONE)) as Promise<IteratorResult<T, undefined>>
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    for (const feed of this.#request?.args.feeds ?? []) feed.close()
    this.#request = undefined
    const stream = this.#stream
    if (stream === undefined) return DONE
    forgotten.unregister(this)
    this.#streams?.leave(stream)
    stream.items.drop()
    await stream.whenReleased()
    return DONE
  }

  async [ASYNC_DISPOSE](): Promise<void> {
    await this.return()
  }
}

// These are no methods, because a function that is made in a method keeps the reader from being forgotten.

function streamOf(streams: Streams, request: StreamRequest, site: CallSite): PendingStream {
  return new PendingStream(request, site, (stream, bytes) => {
    streams.taken(stream, bytes)
  })
}

function leaverOf(streams: Streams, stream: PendingStream): () => void {
  return () => {
    streams.leave(stream)
  }
}
