// The open streams of one session: the credit that the worker has for each, and where the items go.
import type { TerrariumError } from '@terrarium/supervisor/base'
import { ITEM_OVERHEAD, STREAM_WINDOW, type ItemFrame } from './frame.ts'
import type { ValueCodec } from './values/codec.ts'
import { sizeOf } from './values/encoded-value.ts'

/** Takes the items of a stream, in order. `bytes`: what the item costs, to be given back by {@link Session.credit}. */
export type TakeItem = (value: unknown, bytes: number) => void

interface OpenStream {
  readonly take: TakeItem
  /** How many bytes the worker may send, in bytes; at most one item takes it below 0. */
  credit: number
  /** Why an item cannot be read: the stream ends with this error. */
  fault: TerrariumError | undefined
}

export class ItemStreams {
  readonly #open = new Map<number, OpenStream>()

  get size(): number {
    return this.#open.size
  }

  /** `id`: of the call. */
  add(id: number, take: TakeItem): void {
    this.#open.set(id, { take, credit: STREAM_WINDOW, fault: undefined })
  }

  /** Adds to the credit of a stream. */
  credit(id: number, bytes: number): void {
    const stream = this.#open.get(id)
    if (stream !== undefined) stream.credit += bytes
  }

  /**
   * Hands an item on. Returns false for the first item that cannot be read: the worker need not send any more. Throws a
   * TypeError on what the protocol does not allow.
   */
  receive({ id, value: encoded }: ItemFrame, codec: ValueCodec): boolean {
    const bytes = sizeOf(encoded) + ITEM_OVERHEAD
    const stream = this.#charge(id, bytes)
    if (stream.fault !== undefined) return true
    let value: unknown
    try {
      value = codec.decode(encoded, 'an item')
    } catch (error) {
      stream.fault = error as TerrariumError
      return false
    }
    stream.take(value, bytes)
    return true
  }

  /** The same for an item without segments, whose value is in these bytes from `start` to `end`. */
  receivePart(id: number, bytes: Buffer, start: number, end: number, codec: ValueCodec): boolean {
    const cost = end - start + ITEM_OVERHEAD
    const stream = this.#charge(id, cost)
    if (stream.fault !== undefined) return true
    let value: unknown
    try {
      value = codec.decodePart(bytes, start, end, 'an item')
    } catch (error) {
      stream.fault = error as TerrariumError
      return false
    }
    stream.take(value, cost)
    return true
  }

  /** Takes what an item costs from the credit of its stream. */
  #charge(id: number, bytes: number): OpenStream {
    const stream = this.#open.get(id)
    if (stream === undefined) throw new TypeError(`an item of call ${id}, which is no open stream`)
    if (stream.credit <= 0) throw new TypeError(`an item of call ${id}, which has no credit`)
    stream.credit -= bytes
    return stream
  }

  /** The call has its answer. Returns what is told instead of it: why an item could not be read. */
  end(id: number): TerrariumError | undefined {
    const fault = this.#open.get(id)?.fault
    this.#open.delete(id)
    return fault
  }
}
