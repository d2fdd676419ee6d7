import { isUtf8 } from 'node:buffer'
import { readArray } from './array-form.ts'
import { NameCache } from './name-cache.ts'
import { NdArray } from './nd-array.ts'
import { Refusal, refusalOf, within } from './refusal.ts'
import type { Registry } from './registry.ts'
import type { TypedArray } from './views.ts'
import { EXTENSION, MAX_DEPTH } from './wire.ts'

const WORD = 2 ** 32
/** ASCII strings up to this many bytes are read here, which is faster than asking Node. */
const SHORT_TEXT = 16
/** Names up to this many bytes are remembered. */
const SHORT_NAME = 31

const names = new NameCache()

/** Reads one value. Its bytes and arrays are copies, each with memory of its own. */
export class Decoder {
  readonly #registry: Registry
  readonly #bytes: Buffer
  readonly #end: number
  readonly #view: DataView
  #at = 0
  #depth = 0

  constructor(bytes: Uint8Array, registry: Registry) {
    this.#registry = registry
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.length
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Throws a {@link Refusal}. */
  decode(): unknown {
    try {
      const value = this.#value()
      if (this.#at !== this.#end) throw malformed('it goes on after its end')
      return value
    } catch (thrown) {
      throw refusalOf(thrown, 'it cannot be read')
    }
  }

  #value(): unknown {
    const head = this.#byte()
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f)
    if (head < 0xa0) return this.#list(head & 0x0f)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#binary(this.#byte())
      case 0xc5:
        return this.#binary(this.#uint16())
      case 0xc6:
        return this.#binary(this.#uint32())
      case 0xc7:
        return this.#extension(this.#byte())
      case 0xc8:
        return this.#extension(this.#uint16())
      case 0xc9:
        return this.#extension(this.#uint32())
      case 0xca:
        return this.#view.getFloat32(this.#take(4))
      case 0xcb:
        return this.#view.getFloat64(this.#take(8))
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return this.#uint16()
      case 0xce:
        return this.#uint32()
      case 0xcf:
        return wide(this.#uint32(), this.#uint32())
      case 0xd0:
        return (this.#byte() << 24) >> 24
      case 0xd1:
        return (this.#uint16() << 16) >> 16
      case 0xd2:
        return this.#uint32() | 0
      case 0xd3:
        return wide(this.#uint32() | 0, this.#uint32())
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4))
      case 0xd9:
        return this.#text(this.#byte())
      case 0xda:
        return this.#text(this.#uint16())
      case 0xdb:
        return this.#text(this.#uint32())
      case 0xdc:
        return this.#list(this.#uint16())
      case 0xdd:
        return this.#list(this.#uint32())
      case 0xde:
        return this.#map(this.#uint16())
      case 0xdf:
        return this.#map(this.#uint32())
      default:
        throw malformed(`no value begins with 0x${head.toString(16)}`)
    }
  }

  #list(length: number): unknown[] {
    this.#enter(length)
    const items = new Array<unknown>(length)
    let index = 0
    try {
      for (; index < length; index++) items[index] = this.#value()
    } catch (thrown) {
      throw within(thrown, { index })
    }
    this.#depth -= 1
    return items
  }

  /** Its keys decide: an object when all of them are strings, else a Map. */
  #map(length: number): unknown {
    this.#enter(length)
    const record: Record<string, unknown> = {}
    // An object has names that are whole numbers first. Once there may be one, the true order is kept, for a Map.
    let order: string[] | undefined
    let name = ''
    let count = 0
    try {
      for (; count < length; count++) {
        const next = this.#name()
        if (next === undefined) break
        name = next
        const item = this.#value()
        if (order !== undefined) order.push(name)
        else if (beginsWithDigit(name)) order = [...Object.keys(record), name]
        if (name === '__proto__') define(record, name, item)
        else record[name] = item
      }
    } catch (thrown) {
      throw within(thrown, { name })
    }
    if (count < length) return this.#mapFrom(record, order ?? Object.keys(record), length - count)
    this.#depth -= 1
    return record
  }

  /** A Map that begins with what is in `record`, in the order of `known`. */
  #mapFrom(record: Readonly<Record<string, unknown>>, known: readonly string[], left: number): unknown {
    const map = new Map<unknown, unknown>(known.map((name) => [name, record[name]]))
    for (let count = 0; count < left; count++) {
      const key = this.#value()
      const { size } = map
      try {
        map.set(key, this.#value())
      } catch (thrown) {
        throw within(thrown, { key })
      }
      if (map.size === size) throw malformed('two keys of a map are the same')
    }
    this.#depth -= 1
    return map
  }

  /** The string that is next, as the name of a property. Undefined, and nothing is read, when something else is next. */
  #name(): string | undefined {
    const head = this.#bytes[this.#at] ?? 0
    if (head > 0xa0 && head < 0xc0) {
      this.#at += 1
      const length = head & SHORT_NAME
      const begin = this.#take(length)
      const known = names.get(this.#bytes, begin, length)
      if (known !== undefined) return known
      const name = this.#textAt(begin, length)
      if (name.length === length) names.set(this.#bytes, begin, name)
      return name
    }
    return head === 0xa0 || (head >= 0xd9 && head <= 0xdb) ? (this.#value() as string) : undefined
  }

  #text(length: number): string {
    return this.#textAt(this.#take(length), length)
  }

  #textAt(begin: number, length: number): string {
    const bytes = this.#bytes
    const end = begin + length
    const short = length <= SHORT_TEXT ? asciiText(bytes, begin, length) : undefined
    if (short !== undefined) return short
    const text = bytes.toString('utf8', begin, end)
    // What is no UTF-8 becomes U+FFFD, which may as well have been sent.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(begin, end))) throw malformed('a string in it is not UTF-8')
    return text
  }

  #binary(length: number): Buffer {
    const begin = this.#take(length)
    const copy = Buffer.allocUnsafeSlow(length)
    this.#bytes.copy(copy, 0, begin, begin + length)
    return copy
  }

  #extension(length: number): unknown {
    const type = this.#byte()
    const end = this.#at + length
    const value = this.#extended(type, length)
    if (this.#at !== end) throw malformed(`a value of extension type ${type} has not ${length} bytes`)
    return value
  }

  #extended(type: number, length: number): unknown {
    switch (type) {
      case EXTENSION.timestamp:
        return this.#instant(length)
      case EXTENSION.array:
        return this.#array(length)
      case EXTENSION.integer: {
        const begin = this.#take(length)
        return BigInt.asIntN(length * 8, BigInt(`0x0${this.#bytes.toString('hex', begin, begin + length)}`))
      }
      case EXTENSION.emptyMap:
        return new Map()
      case EXTENSION.tuple:
        return this.#value()
      case EXTENSION.set:
      case EXTENSION.frozenSet:
        return this.#set()
      case EXTENSION.registered:
        return this.#registered()
      default:
        throw new Refusal(`a value of extension type ${type}, which this release does not know, cannot be read`, {
          hint: 'Use the Node packages and the Python package of one release.',
        })
    }
  }

  #instant(length: number): Date {
    const nanoseconds = length === 12 ? this.#uint32() : 0
    if (length === 4) return new Date(this.#uint32() * 1000)
    const high = this.#uint32()
    const low = this.#uint32()
    if (length === 12) return new Date(((high | 0) * WORD + low) * 1000 + Math.floor(nanoseconds / 1_000_000))
    return new Date(((high & 3) * WORD + low) * 1000 + Math.floor((high >>> 2) / 1_000_000))
  }

  #array(length: number): TypedArray | NdArray {
    const begin = this.#take(length)
    try {
      const { data, dtype, shape } = readArray(this.#bytes.subarray(begin, begin + length))
      return shape === undefined ? data : new NdArray(data, shape, dtype)
    } catch (cause) {
      throw refusalOf(cause, 'an array cannot be read', 'Use the Node packages and the Python package of one release.')
    }
  }

  #set(): Set<unknown> {
    const items = this.#value()
    if (!Array.isArray(items)) throw malformed('a set is no array')
    const set = new Set<unknown>(items)
    if (set.size !== items.length) throw malformed('two elements of a set are the same')
    return set
  }

  #registered(): unknown {
    this.#enter(0)
    const name = this.#value()
    const sent = this.#value()
    this.#depth -= 1
    const decode = typeof name === 'string' ? this.#registry.decoder(name) : undefined
    if (decode === undefined) {
      throw new Refusal(`a value of the type ${String(name)}, which is not registered here, cannot be read`, {
        hint: `Add { name: '${String(name)}', decode } to the \`types\` of the pool.`,
        type: String(name),
      })
    }
    try {
      return decode(sent)
    } catch (thrown) {
      throw refusalOf(
        thrown,
        `the decoder of ${String(name)} threw`,
        'Look at `decode` in the `types` of the pool, and at what the encoder in Python makes.',
      )
    }
  }

  /** `count` elements follow, of a byte or more each. */
  #enter(count: number): void {
    if (count > this.#end - this.#at) throw malformed('it ends too early')
    if (++this.#depth > MAX_DEPTH + 1) throw malformed('it is nested too deeply')
  }

  /** Answers where the next bytes begin. */
  #take(length: number): number {
    const begin = this.#at
    if (length > this.#end - begin) throw malformed('it ends too early')
    this.#at = begin + length
    return begin
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  #uint16(): number {
    const at = this.#take(2)
    const bytes = this.#bytes
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  }

  #uint32(): number {
    const at = this.#take(4)
    const bytes = this.#bytes
    const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16)
    return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  }
}

/** Several characters at once: one by one is no faster than asking Node. */
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

/** 64 bits as a number where that is exact, else as a bigint. The sign is that of `high`. */
function wide(high: number, low: number): number | bigint {
  const value = high * WORD + low
  return Number.isSafeInteger(value) ? value : BigInt(high) * BigInt(WORD) + BigInt(low)
}

function beginsWithDigit(name: string): boolean {
  const code = name.charCodeAt(0)
  return code >= 0x30 && code <= 0x39
}

/** For the name `__proto__`: an assignment would set the prototype. */
function define(record: object, name: string, value: unknown): void {
  Object.defineProperty(record, name, { value, configurable: true, enumerable: true, writable: true })
}

const malformed = (because: string): Refusal =>
  new Refusal('it is not what a worker sends', {
    because,
    hint: 'Use the Node packages and the Python package of one release.',
  })
