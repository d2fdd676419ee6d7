// The arguments of a test worker's calls that are streams, as `_feeds.py` has them in Python: nothing is read before
// the tool asks, then items come ahead of the tool up to the window.
import { ITEM_OVERHEAD, STREAM_WINDOW, type EncodedValue, type ValueCodec } from '@terrarium/worker'
import type { FeedEndFrame, FeedFrame, WorkerFrame } from '@terrarium/worker'

const GIVEN_BACK = STREAM_WINDOW / 2

/** What a tool of a test sees where an argument that is a stream has failed, as `terrarium.FeedError` in Python. */
export class FeedError extends Error {
  override readonly name = 'terrarium.FeedError'
  /** The name of the error of the source. */
  readonly type: string
  /** Which of the call's arguments that are streams it was, from 0. */
  readonly feed: number
  readonly #told: string

  constructor(type: string, message: string, feed: number) {
    super(message === '' ? type : `${type}: ${message}`)
    this.type = type
    this.feed = feed
    this.#told = message
  }

  /** What the host is told of it beside its text. */
  get attributes(): Readonly<Record<string, unknown>> {
    return { type: this.type, message: this.#told, feed: this.feed }
  }
}

export interface TestFeedDependencies {
  /** Of the call. */
  readonly id: number
  readonly index: number
  readonly codec: ValueCodec
  readonly say: (frame: WorkerFrame) => void
}

/** What a tool is given. */
export class TestFeed implements AsyncIterableIterator<unknown> {
  readonly #dependencies: TestFeedDependencies
  readonly #items: EncodedValue[] = []
  #taken = 0
  #isWanted = false
  #end: FeedEndFrame | undefined
  /** The tool has closed it, or it has failed. */
  #isClosed = false
  /** The call is over, or cancelled. */
  #isStopped = false
  #wake: (() => void) | undefined

  constructor(dependencies: TestFeedDependencies) {
    this.#dependencies = dependencies
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      const { index, codec } = this.#dependencies
      if (this.#isClosed) return { done: true, value: undefined }
      if (this.#isStopped) throw new FeedError('Cancelled', 'the call was cancelled, or is over', index)
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#giveBack(item.bytes.length + ITEM_OVERHEAD)
        return { done: false, value: codec.decode(item, 'an item') }
      }
      if (this.#end !== undefined) {
        this.#isClosed = true
        const { failure } = this.#end
        if (failure !== undefined) throw new FeedError(failure.type, failure.message, index)
        continue
      }
      if (!this.#isWanted) this.#want(STREAM_WINDOW)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  return(): Promise<IteratorResult<unknown>> {
    if (!this.#isClosed && !this.#isStopped) {
      this.#isClosed = true
      if (this.#end === undefined) this.#want(0)
    }
    return Promise.resolve({ done: true, value: undefined })
  }

  take(frame: FeedFrame | FeedEndFrame): void {
    if (frame.kind === 'feedEnd') this.#end = frame
    else if (!this.#isClosed) this.#items.push(frame.value)
    this.#wake?.()
  }

  stop(): void {
    this.#isStopped = true
    this.#wake?.()
  }

  #giveBack(bytes: number): void {
    this.#taken += bytes
    if (this.#taken < GIVEN_BACK || this.#end !== undefined) return
    this.#want(this.#taken)
    this.#taken = 0
  }

  #want(bytes: number): void {
    const { id, index, say } = this.#dependencies
    this.#isWanted = true
    say({ kind: 'want', id, feed: index, bytes })
  }
}
