// The open feeds of one session: the credit that the worker has given for each, and what was read of its source. A
// source is asked for its next item only while there is credit, so never more than one item is read ahead.
import { types } from 'node:util'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import type { FeedSource } from './feed-source.ts'
import { ITEM_OVERHEAD, type FeedEndFrame, type FeedFrame, type WantFrame } from './frame.ts'
import { cut } from './tool-list.ts'
import { sizeOf, type EncodedValue } from './values/encoded-value.ts'

/** The exception that a tool sees where its feed has failed, by the name that Python gives it. */
const FEED_ERROR = 'terrarium.FeedError'
/** What is sent of an error, in UTF-16 code units. */
const LONGEST_NAME = 512
const LONGEST_MESSAGE = 8_192

interface Feed {
  readonly source: FeedSource
  /** How many bytes may be sent; at most one item takes it below 0. */
  credit: number
  isReading: boolean
  hasEnded: boolean
  /** The worker has wanted items. */
  isTouched: boolean
  failed: { readonly error: unknown } | undefined
}

export class Feeds {
  readonly #send: (frame: FeedFrame | FeedEndFrame) => void
  /** By call. */
  readonly #open = new Map<number, readonly Feed[]>()

  constructor(send: (frame: FeedFrame | FeedEndFrame) => void) {
    this.#send = send
  }

  /** How many calls have feeds. */
  get size(): number {
    return this.#open.size
  }

  /** `id`: of the call. */
  add(id: number, sources: readonly FeedSource[]): void {
    const feeds = sources.map((source): Feed => {
      return { source, credit: 0, isReading: false, hasEnded: false, isTouched: false, failed: undefined }
    })
    this.#open.set(id, feeds)
  }

  /** For an open call. Throws a TypeError on what the protocol does not allow. */
  want({ id, feed: index, bytes }: WantFrame): void {
    const feed = this.#open.get(id)?.[index]
    if (feed === undefined) throw new TypeError(`a Want for feed ${index} of call ${id}, which it does not have`)
    feed.isTouched = true
    if (bytes === 0) end(feed)
    else {
      feed.credit += bytes
      void this.#read(id, index, feed)
    }
  }

  /** Whether the worker has wanted items of the call's feeds: then it has begun the call, whatever it says. */
  isTouched(id: number): boolean {
    return this.#open.get(id)?.some((feed) => feed.isTouched) === true
  }

  /** The failure of a call, with the error of the source as its cause if that is what the tool has let through. */
  explain(id: number, error: TerrariumError): TerrariumError {
    const { type, attributes } = error.details
    if (type !== FEED_ERROR) return error
    const failed = this.#open.get(id)?.[indexIn(attributes)]?.failed
    if (failed === undefined) return error
    const { code, message, hint, details } = error
    return new TerrariumError(code, message, { hint, details, cause: failed.error })
  }

  /** The call has its answer, or its worker is gone. The maker of the call closes its sources. */
  end(id: number): void {
    for (const feed of this.#open.get(id) ?? []) feed.hasEnded = true
    this.#open.delete(id)
  }

  async #read(id: number, index: number, feed: Feed): Promise<void> {
    if (feed.isReading) return
    feed.isReading = true
    while (feed.credit > 0 && !feed.hasEnded) {
      const next = await nextOf(feed.source)
      if (!isOpen(feed)) break
      if ('value' in next) {
        feed.credit -= sizeOf(next.value) + ITEM_OVERHEAD
        this.#send({ kind: 'feed', id, feed: index, value: next.value })
      } else {
        feed.hasEnded = true
        feed.failed = next.failed
        const failure = next.failed === undefined ? undefined : textsOf(next.failed.error)
        this.#send({ kind: 'feedEnd', id, feed: index, failure })
      }
    }
    feed.isReading = false
  }
}

/** While an item was read, the call may have ended, or the tool may have had enough. */
const isOpen = ({ hasEnded }: Feed): boolean => !hasEnded

type Next = { readonly value: EncodedValue } | { readonly failed: { readonly error: unknown } | undefined }

async function nextOf(source: FeedSource): Promise<Next> {
  try {
    const value = await source.next()
    return value === undefined ? { failed: undefined } : { value }
  } catch (error) {
    return { failed: { error } }
  }
}

/** The tool wants no more. */
function end(feed: Feed): void {
  feed.hasEnded = true
  feed.source.close()
}

function textsOf(error: unknown): { readonly type: string; readonly message: string } {
  // An error of another realm (a vm context, a Jest test) is no instance of this one's Error.
  const { name, message } = types.isNativeError(error) ? error : { name: 'Error', message: messageOf(error) }
  return { type: cut(messageOf(name), LONGEST_NAME), message: cut(messageOf(message), LONGEST_MESSAGE) }
}

/** -1 if the exception does not say which feed it is about. */
function indexIn(attributes: unknown): number {
  if (typeof attributes !== 'object' || attributes === null) return -1
  const { feed } = attributes as { readonly feed?: unknown }
  return typeof feed === 'number' ? feed : -1
}
