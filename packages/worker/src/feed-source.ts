// The source of a feed: an argument that is a stream, which the host reads item by item. It is read lazily, and closed
// exactly once, whether anything was read or not.
import { isFunction } from '@terrarium/supervisor/base'
import type { EncodedValue } from './values/encoded-value.ts'

type Next = Promise<IteratorResult<unknown>> | IteratorResult<unknown>

/** How one kind of source is read and closed. What these throw or reject with is the source's. */
interface Handle {
  readonly next: () => Next
  readonly close: () => unknown
}

export class FeedSource {
  readonly #value: object
  readonly #encode: (item: unknown) => EncodedValue
  #handle: Handle | undefined
  #hasEnded = false

  /**
   * `value`: an async iterable, a Readable or a web stream; nothing is read of it before {@link next}. `encode`: makes
   * an item what is sent.
   */
  constructor(value: object, encode: (item: unknown) => EncodedValue) {
    this.#value = value
    this.#encode = encode
    // A file that is not there fails before it is read, and without a listener that would end the process.
    if (isReadable(value)) value.on('error', () => undefined)
  }

  /** The next item; undefined after the last one. Rejects with what the source throws, or why it cannot be sent. */
  async next(): Promise<EncodedValue | undefined> {
    try {
      this.#refuseClosed()
      this.#handle ??= handleOf(this.#value)
      const next: IteratorResult<unknown> = await this.#handle.next()
      this.#refuseClosed()
      if (next.done !== true) return this.#encode(next.value)
    } catch (error) {
      this.close()
      throw error
    }
    this.#hasEnded = true
    return undefined
  }

  /** A source that was closed here may have more: a tool must not take that for the end. */
  #refuseClosed(): void {
    if (this.#hasEnded) throw new Error('the call is over')
  }

  /** Nothing more is read. Idempotent, and never throws: what the source throws now concerns no call any more. */
  close(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    void closed(this.#handle, this.#value)
  }
}

async function closed(handle: Handle | undefined, value: object): Promise<void> {
  try {
    if (handle !== undefined) await handle.close()
    else if (isReadable(value)) value.destroy()
    else if (isWebStream(value)) await value.cancel()
    else if (isIterator(value)) await value.return?.()
  } catch {
    // See FeedSource.close().
  }
}

/** Whether a value becomes a feed where an argument may be one. */
export const isSource = (value: object): value is AsyncIterable<unknown> =>
  isFunction((value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator]) || isWebStream(value)

interface ReadableLike extends AsyncIterable<unknown> {
  readonly on: (event: 'error', listener: () => void) => unknown
  readonly destroy: () => unknown
}

interface WebStreamLike {
  readonly getReader: () => { readonly read: () => Next; readonly cancel: () => unknown }
  readonly cancel: () => unknown
}

const isReadable = (value: object): value is ReadableLike =>
  isFunction((value as Partial<ReadableLike>).destroy) && isFunction((value as Partial<ReadableLike>).on)

const isWebStream = (value: object): value is WebStreamLike =>
  isFunction((value as Partial<WebStreamLike>).getReader) && isFunction((value as Partial<WebStreamLike>).cancel)

const isIterator = (value: object): value is AsyncIterator<unknown> =>
  isFunction((value as Partial<AsyncIterator<unknown>>).next)

/** Readable and web stream end at once, even while a read waits for what never comes. */
function handleOf(value: object): Handle {
  if (isWebStream(value)) {
    const reader = value.getReader()
    return { next: () => reader.read(), close: () => reader.cancel() }
  }
  const iterator = (value as AsyncIterable<unknown>)[Symbol.asyncIterator]()
  return {
    next: () => iterator.next(),
    close: () => (isReadable(value) ? value.destroy() : iterator.return?.()),
  }
}
