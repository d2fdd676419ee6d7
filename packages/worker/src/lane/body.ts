// A body that arrives in pieces: over several chunks of the socket, split into several frames, or with segments that
// each get memory of their own.
import type { EncodedValue } from '../values/encoded-value.ts'
import { MAX_MESSAGE_BYTES } from '../values/wire.ts'
import { MOST_SEGMENTS } from './wire.ts'

/** What the bytes that come next are. */
type Step = 'total' | 'count' | 'table' | 'data'

/** The fields of a header that a body is kept with. */
export interface Head {
  readonly kind: number
  readonly flags: number
  readonly code: number
  readonly id: number
  readonly extra: number
}

export class Body {
  readonly head: Head
  readonly isSplit: boolean
  readonly #isApart: boolean
  #step: Step
  /** Of the whole body, in bytes; until it is known, what the first frame brings. */
  #total: number
  /** The bytes of the whole body that have come. */
  #taken = 0
  /** Where the bytes go, in order. */
  #targets: Buffer[] = []
  #target = 0
  #filled = 0

  /** `length`: of the first frame's body, in bytes. */
  constructor(head: Head, length: number, isApart: boolean, isSplit: boolean) {
    this.head = head
    this.isSplit = isSplit
    this.#isApart = isApart
    this.#total = length
    this.#step = 'total'
    if (isSplit) this.#await(4)
    else this.#begin()
  }

  /** Bytes of the body that have not come yet. */
  get missing(): number {
    return this.#total - this.#taken
  }

  /** Whether it is known what the bytes that come next are for: the table of segments is in the first frame. */
  get isBegun(): boolean {
    return this.#step === 'data'
  }

  get isWhole(): boolean {
    return this.#step === 'data' && this.#target === this.#targets.length
  }

  /** The body, when it is whole. */
  get value(): EncodedValue {
    const [bytes = Buffer.alloc(0), ...segments] = this.#targets
    return { bytes, segments }
  }

  /** Takes bytes of the chunk. Throws a TypeError when they do not add up. */
  write(chunk: Buffer, from: number, to: number): void {
    for (let at = from; at < to;) {
      const target = this.#targets[this.#target]
      if (target === undefined) throw new TypeError('a body with more bytes than it says')
      const count = Math.min(target.length - this.#filled, to - at)
      chunk.copy(target, this.#filled, at, at + count)
      at += count
      this.#filled += count
      if (this.#step !== 'total') this.#taken += count
      if (this.#filled === target.length) this.#next(target)
    }
  }

  /** The target is full. */
  #next(target: Buffer): void {
    this.#filled = 0
    switch (this.#step) {
      case 'total': {
        const total = target.readUInt32LE()
        const brought = this.#total - 4
        if (total <= brought) throw new TypeError(`a split body of ${total} bytes, whose first frame has ${brought}`)
        if (total > MAX_MESSAGE_BYTES) throw new TypeError(`a body of ${total} bytes, more than ${MAX_MESSAGE_BYTES}`)
        this.#total = total
        this.#begin()
        break
      }
      case 'count': {
        const count = target.readUInt32LE()
        if (count < 1 || count > MOST_SEGMENTS) throw new TypeError(`a body with ${count} segments`)
        if (4 + 4 * count >= this.#total) throw new TypeError('a table of segments that does not add up')
        this.#step = 'table'
        this.#await(4 * count)
        break
      }
      case 'table':
        this.#allocate(target)
        break
      case 'data':
        this.#target += 1
    }
  }

  #begin(): void {
    if (this.#isApart) {
      this.#step = 'count'
      this.#await(4)
    } else {
      this.#step = 'data'
      this.#targets = [Buffer.allocUnsafeSlow(this.#total)]
    }
  }

  #await(bytes: number): void {
    this.#targets = [Buffer.allocUnsafe(bytes)]
  }

  /** Makes room for the msgpack and for each segment. */
  #allocate(table: Buffer): void {
    const lengths = Array.from({ length: table.length / 4 }, (_, index) => table.readUInt32LE(4 * index))
    const bytes = lengths.reduce((left, length) => left - length, this.#total - 4 - table.length)
    if (bytes < 1 || lengths.includes(0)) throw new TypeError('a table of segments that does not add up')
    this.#step = 'data'
    this.#targets = [bytes, ...lengths].map((length) => Buffer.allocUnsafeSlow(length))
  }
}
