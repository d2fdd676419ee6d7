// A frame whose body is longer than one frame may have: it goes out as one split frame and Part frames, with other
// frames between them.
import type { HostFrame } from '../frame.ts'
import { putHeader } from './header.ts'
import { FLAG, FRAME_BYTES, HEADER_BYTES, HOST_KIND } from './wire.ts'

export interface LongHead {
  readonly kind: number
  readonly code: number
  readonly id: number
  readonly extra: number
  readonly flags: number
}

export class LongFrame {
  /** Frames that must not overtake it, in order. */
  readonly behind: HostFrame[] = []
  readonly #head: LongHead
  readonly #parts: readonly Buffer[]
  /** What the body had in bytes when the frame was made. */
  readonly #total: number
  #sent = 0
  #part = 0
  #offset = 0

  constructor(head: LongHead, parts: readonly Buffer[], total: number) {
    this.#head = head
    this.#parts = parts
    this.#total = total
  }

  get id(): number {
    return this.#head.id
  }

  get kind(): number {
    return this.#head.kind
  }

  get isCall(): boolean {
    return this.#head.kind === HOST_KIND.call
  }

  get isDone(): boolean {
    return this.#sent === this.#total
  }

  /** What to write next: a header and bytes; undefined if bytes of the body are gone. */
  next(): Buffer[] | undefined {
    const length = Math.min(FRAME_BYTES, this.#total - this.#sent)
    const bytes = this.#slice(length)
    if (bytes === undefined) return undefined
    const { kind, code, id, extra, flags } = this.#head
    const isFirst = this.#sent === 0
    const header = Buffer.allocUnsafe(HEADER_BYTES + (isFirst ? 4 : 0))
    if (isFirst) {
      const at = putHeader(header, 0, length + 4, kind, flags | FLAG.split, code, id, extra)
      header.writeUInt32LE(this.#total, at)
    } else putHeader(header, 0, length, HOST_KIND.part, 0, 0, id, 0)
    this.#sent += length
    return [header, ...bytes]
  }

  /** The next bytes of the body. */
  #slice(length: number): Buffer[] | undefined {
    const slices: Buffer[] = []
    for (let left = length; left > 0;) {
      const part = this.#parts[this.#part]
      if (part === undefined || part.length === 0) return undefined
      const slice = part.subarray(this.#offset, this.#offset + left)
      slices.push(slice)
      left -= slice.length
      this.#offset += slice.length
      if (this.#offset >= part.length) {
        this.#part += 1
        this.#offset = 0
      }
    }
    return slices
  }
}
