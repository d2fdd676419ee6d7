// Reads the parts of msgpack: numbers, strings, bytes. `decoder.ts` makes values of them.
import { Buffer, isUtf8 } from 'node:buffer'
import { NameCache } from './name-cache.ts'
import { Refusal } from './refusal.ts'

/** ASCII strings up to this many bytes are decoded here, which is faster than `Buffer.toString`. */
const SHORT_TEXT = 16
/** Names up to this many bytes are cached. */
const SHORT_NAME = 31

const names = new NameCache()
const NO_BYTES = Buffer.alloc(0)

/** Reads the parts of msgpack from a message. Only {@link Reader.peek} returns memory of the message itself. */
export class Reader {
  #bytes: Buffer = NO_BYTES
  #end = 0
  #at = 0

  /** Begins a message, which is in these bytes from `start` to `end`. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    this.#end = end
    this.#at = start
  }

  /** Lets go of the message. */
  rest(): void {
    this.#bytes = NO_BYTES
  }

  /** The place of the byte that comes next. */
  get at(): number {
    return this.#at
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.#at
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  uint16(): number {
    const at = this.#take(2)
    const bytes = this.#bytes
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  }

  uint32(): number {
    const at = this.#take(4)
    const bytes = this.#bytes
    const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16)
    return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  }

  float32(): number {
    return this.#bytes.readFloatBE(this.#take(4))
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  text(length: number): string {
    return this.#textAt(this.#take(length), length)
  }

  /** Reads the next value if it is a string, as the name of a property. Otherwise reads nothing: undefined. */
  name(): string | undefined {
    const head = this.#bytes[this.#at] ?? 0
    if (head < 0xa0 || (head >= 0xc0 && (head < 0xd9 || head > 0xdb))) return undefined
    this.#at += 1
    if (head >= 0xc0) return this.text(head === 0xd9 ? this.byte() : head === 0xda ? this.uint16() : this.uint32())
    const length = head & SHORT_NAME
    const begin = this.#take(length)
    if (length === 0) return ''
    const known = names.get(this.#bytes, begin, length)
    if (known !== undefined) return known
    const name = this.#textAt(begin, length)
    if (name.length === length) names.set(this.#bytes, begin, name)
    return name
  }

  /** The next bytes, in memory of their own. */
  binary(length: number): Buffer {
    const begin = this.#take(length)
    // Copies, where slice() of a Buffer does not, in one step less than a copy into a new Buffer takes.
    return Uint8Array.prototype.slice.call(this.#bytes, begin, begin + length) as Buffer
  }

  /** The next bytes, in the memory of the message. Copy them before they are given to users. */
  peek(length: number): Buffer {
    const begin = this.#take(length)
    return this.#bytes.subarray(begin, begin + length)
  }

  #textAt(begin: number, length: number): string {
    const bytes = this.#bytes
    const end = begin + length
    const short = length <= SHORT_TEXT ? asciiText(bytes, begin, length) : undefined
    if (short !== undefined) return short
    const text = bytes.toString('utf8', begin, end)
    // toString() replaces bytes that are not UTF-8 with U+FFFD, which may also have been sent.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(begin, end))) throw malformed('a string in it is not UTF-8')
    return text
  }

  /** Skips the next bytes and returns where they begin. */
  #take(length: number): number {
    const begin = this.#at
    if (length > this.#end - begin) throw malformed('it ends too early')
    this.#at = begin + length
    return begin
  }
}

/**
 * An ASCII string; undefined when a byte is not ASCII. Four characters at a time: one by one is no faster than Node.
 */
function asciiText(bytes: Uint8Array, begin: number, length: number): string | undefined {
  let text = ''
  let at = begin
  for (const end = begin + length - 3; at < end; at += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
    if ((a | b | c | d) > 0x7f) return undefined
    text += String.fromCharCode(a, b, c, d)
  }
  for (const end = begin + length; at < end; at++) {
    const code = bytes[at] ?? 0
    if (code > 0x7f) return undefined
    text += String.fromCharCode(code)
  }
  return text
}

/** The refusal of bytes that are no message of a worker. */
export const malformed = (because: string): Refusal =>
  new Refusal('it is not what a worker sends', {
    because,
    hint: 'Use the Node packages and the Python package of one release.',
  })
