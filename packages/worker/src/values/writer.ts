// Writes the parts of msgpack into memory that is reused. `encoder.ts` decides what to write.
import { Refusal } from './refusal.ts'
import { EXTENSION, MAX_VALUE_BYTES } from './wire.ts'

/** The size of a slab in bytes: values are written one after the other into a slab until it is full. */
const SLAB_BYTES = 16 * 1024
/** ASCII strings up to this many characters are encoded here, which is faster than `Buffer.write`. */
const SHORT_TEXT = 63
/**
 * For strings up to this many UTF-16 code units three bytes each are reserved. The bytes of longer strings are counted
 * first.
 */
const COUNTED_TEXT = 4 * 1024
const WORD = 2 ** 32

/** Writes msgpack. The bytes of a value hold nothing but that value. */
export class Writer {
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** Where the value begins, and where writing goes on. */
  #start = 0
  #at = 0

  /** Begins a value. */
  begin(): void {
    this.#start = this.#at
  }

  /** Ends the value and returns its bytes. Throws a Refusal when they do not fit into a message. */
  finish(): Buffer {
    if (this.length > MAX_VALUE_BYTES) throw tooLarge()
    return this.#bytes.subarray(this.#start, this.#at)
  }

  /** Discards what was written since {@link begin}. */
  drop(): void {
    this.#at = this.#start
  }

  /** Frees the memory of a large value. A slab is kept. */
  rest(): void {
    if (this.#bytes.length <= SLAB_BYTES) return
    this.#use(Buffer.alloc(0))
    this.#at = 0
  }

  /** The bytes of the value so far. */
  get length(): number {
    return this.#at - this.#start
  }

  /** The bytes of the value from `from` on, as a string of one character for each byte. */
  since(from: number): string {
    return this.#bytes.toString('latin1', this.#start + from, this.#at)
  }

  number(value: number): void {
    const int = value | 0
    if (int !== value || (int === 0 && Object.is(value, -0))) {
      this.#otherNumber(value)
      return
    }
    this.#need(5)
    const bytes = this.#bytes
    if (int >= 0) {
      if (int < 0x80) bytes[this.#at++] = int
      else if (int < 0x100) {
        bytes[this.#at++] = 0xcc
        bytes[this.#at++] = int
      } else if (int < 0x10000) {
        bytes[this.#at++] = 0xcd
        this.uint16(int)
      } else {
        bytes[this.#at++] = 0xce
        this.uint32(int)
      }
    } else if (int >= -0x20) bytes[this.#at++] = int
    else if (int >= -0x80) {
      bytes[this.#at++] = 0xd0
      bytes[this.#at++] = int
    } else if (int >= -0x8000) {
      bytes[this.#at++] = 0xd1
      this.uint16(int)
    } else {
      bytes[this.#at++] = 0xd2
      this.uint32(int)
    }
  }

  /** Writes a fraction, −0, or an integer beyond 32 bits with a sign. */
  #otherNumber(value: number): void {
    if (Number.isSafeInteger(value) && value !== 0) {
      if (value > 0 && value < WORD) {
        this.byte(0xce)
        this.uint32(value)
      } else {
        this.byte(value > 0 ? 0xcf : 0xd3)
        this.words(value)
      }
    } else {
      this.#need(9)
      this.#bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    }
  }

  bigint(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      this.number(Number(value))
      return
    }
    const isUnsigned = BigInt.asUintN(64, value) === value
    if (isUnsigned || BigInt.asIntN(64, value) === value) {
      this.#need(9)
      this.#bytes[this.#at] = isUnsigned ? 0xcf : 0xd3
      this.#view.setBigUint64(this.#at + 1, BigInt.asUintN(64, value))
      this.#at += 9
      return
    }
    const magnitude = (value < 0n ? -value : value).toString(16)
    const bits = magnitude.length * 4 - (Math.clz32(parseInt(magnitude.charAt(0), 16)) - 28)
    const length = Math.floor(bits / 8) + 1
    this.extensionHead(EXTENSION.integer, length)
    const digits = BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0')
    this.copy(Buffer.from(digits, 'hex'))
  }

  text(value: string): void {
    const { length } = value
    if (length > SHORT_TEXT) {
      this.#longText(value)
      return
    }
    this.#need(length + 2)
    const bytes = this.#bytes
    let at = this.#at
    if (length < 0x20) bytes[at++] = 0xa0 | length
    else {
      bytes[at++] = 0xd9
      bytes[at++] = length
    }
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) {
        this.#longText(value)
        return
      }
      bytes[at++] = code
    }
    this.#at = at
  }

  #longText(value: string): void {
    if (!isWellFormed(value)) {
      throw new Refusal('a string with a lone surrogate, which is no text, cannot be sent', {
        hint: 'Send value.toWellFormed(), or its bytes.',
        type: 'string',
      })
    }
    const { length } = value
    const count = length > COUNTED_TEXT ? Buffer.byteLength(value) : length
    this.#need((length > COUNTED_TEXT ? count : length * 3) + 5)
    const head = textHead(count)
    const written = this.#bytes.write(value, this.#at + head)
    const needed = textHead(written)
    if (needed !== head) this.#bytes.copyWithin(this.#at + needed, this.#at + head, this.#at + head + written)
    if (needed === 1) this.byte(0xa0 | written)
    else if (needed === 2) {
      this.byte(0xd9)
      this.byte(written)
    } else if (needed === 3) {
      this.byte(0xda)
      this.uint16(written)
    } else {
      this.byte(0xdb)
      this.uint32(written)
    }
    this.#at += written
  }

  /** Writes bytes; `length`: how many they are, whatever property of that name their owner has added. */
  binary(bytes: Uint8Array, length: number): void {
    if (length < 0x100) {
      this.byte(0xc4)
      this.byte(length)
    } else if (length < 0x10000) {
      this.byte(0xc5)
      this.uint16(length)
    } else {
      this.byte(0xc6)
      this.uint32(length)
    }
    this.copy(bytes, length)
  }

  /** Writes an instant in the shortest of msgpack's three forms. */
  timestamp(seconds: number, nanoseconds: number): void {
    if (seconds < 0 || seconds >= 2 ** 34) {
      this.extensionHead(EXTENSION.timestamp, 12)
      this.uint32(nanoseconds)
      this.words(seconds)
    } else if (nanoseconds === 0 && seconds < WORD) {
      this.extensionHead(EXTENSION.timestamp, 4)
      this.uint32(seconds)
    } else {
      this.extensionHead(EXTENSION.timestamp, 8)
      this.uint32(nanoseconds * 4 + Math.floor(seconds / WORD))
      this.uint32(seconds % WORD)
    }
  }

  /**
   * Writes the head of an array or a map. `fix`: the form with 4 bits. `wide`: the one with 16; plus 1, with 32 bits.
   */
  head(count: number, fix: number, wide: number): void {
    if (count < 0x10) this.byte(fix | count)
    else if (count < 0x10000) {
      this.byte(wide)
      this.uint16(count)
    } else {
      this.byte(wide + 1)
      this.uint32(count)
    }
  }

  /** Corrects the count in the head of a map. `length`: how many bytes the value had after the head. */
  recount(length: number, before: number, count: number): void {
    const end = this.#start + length
    if (before < 0x10) this.#bytes[end - 1] = 0x80 | count
    else if (before < 0x10000) this.#view.setUint16(end - 2, count)
    else this.#view.setUint32(end - 4, count)
  }

  /** Writes the head of an extension of `length` bytes. */
  extensionHead(type: number, length: number): void {
    this.#need(6)
    const fixed = FIXED_EXTENSIONS.indexOf(length)
    if (fixed >= 0) this.byte(0xd4 + fixed)
    else if (length < 0x100) {
      this.byte(0xc7)
      this.byte(length)
    } else if (length < 0x10000) {
      this.byte(0xc8)
      this.uint16(length)
    } else {
      this.byte(0xc9)
      this.uint32(length)
    }
    this.byte(type)
  }

  /** Writes an extension whose length is known only after `write` has written it. */
  extension(type: number, write: () => void): void {
    const LONGEST_HEAD = 6
    this.#need(LONGEST_HEAD)
    const begin = this.#at - this.#start
    this.#at += LONGEST_HEAD
    write()
    const length = this.#at - this.#start - begin - LONGEST_HEAD
    const written = this.#start + begin + LONGEST_HEAD
    this.#at = this.#start + begin
    this.extensionHead(type, length)
    if (this.#at !== written) this.#bytes.copyWithin(this.#at, written, written + length)
    this.#at += length
  }

  byte(value: number): void {
    this.#need(1)
    this.#bytes[this.#at++] = value
  }

  uint16(value: number): void {
    this.#need(2)
    const bytes = this.#bytes
    bytes[this.#at++] = value >> 8
    bytes[this.#at++] = value
  }

  uint32(value: number): void {
    this.#need(4)
    const bytes = this.#bytes
    bytes[this.#at++] = value >>> 24
    bytes[this.#at++] = value >>> 16
    bytes[this.#at++] = value >>> 8
    bytes[this.#at++] = value
  }

  /** Writes a whole number as 64 bits. */
  words(value: number): void {
    const high = Math.floor(value / WORD)
    this.uint32(high)
    this.uint32(value - high * WORD)
  }

  copy(bytes: Uint8Array, length = bytes.length): void {
    this.#need(length)
    this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count)
  }

  #grow(count: number): void {
    const used = this.#at - this.#start
    // Strings ask for more than they need. finish() checks the exact length.
    if (used + count > MAX_VALUE_BYTES + 3 * COUNTED_TEXT) throw tooLarge()
    const size = used + count <= SLAB_BYTES ? SLAB_BYTES : Math.max(used + count + 1024, used * 2)
    const larger = Buffer.allocUnsafeSlow(size)
    larger.set(this.#bytes.subarray(this.#start, this.#at))
    this.#use(larger)
    this.#start = 0
    this.#at = used
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** The lengths for which an extension has a head of two bytes. */
const FIXED_EXTENSIONS = [1, 2, 4, 8, 16]

const textHead = (bytes: number): number => (bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5)

const isWellFormed = (text: string): boolean => (text as unknown as { isWellFormed(): boolean }).isWellFormed()

/** The refusal of a value that has more bytes than a message may have. */
export const tooLarge = (): Refusal =>
  new Refusal(`more than ${MAX_VALUE_BYTES.toLocaleString('en-US')} bytes cannot be sent`, {
    code: 'PAYLOAD_TOO_LARGE',
    hint: 'Send it in parts, or write it to a file and send its path.',
    details: { most: MAX_VALUE_BYTES },
  })
