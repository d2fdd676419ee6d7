// Reads values from msgpack, the counterpart of `encoder.ts`.
import { askUser } from '@terrarium/supervisor/base'
import { readArray, readArrayApart } from './array-form.ts'
import type { EncodedValue } from './encoded-value.ts'
import { NdArray } from './nd-array.ts'
import { malformed, Reader } from './reader.ts'
import { Refusal, refusalOf, within } from './refusal.ts'
import type { Registry } from './registry.ts'
import { ownMemory, type TypedArray } from './views.ts'
import { EXTENSION, MAX_DEPTH } from './wire.ts'

const WORD = 2 ** 32

const NO_SEGMENTS: (Buffer | undefined)[] = []

/** Reads values. Their Buffers and arrays have memory of their own: a segment has the memory it was received in. */
export class Decoder {
  readonly #registry: Registry
  readonly #in = new Reader()
  /** The segments by index; undefined in place of a segment that was used. */
  #segments = NO_SEGMENTS
  /** Returns what stands for the feed of an index; undefined where there are no feeds. */
  #feed: ((index: number) => unknown) | undefined
  #depth = 0
  #isBusy = false

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Reads one value, which must be all that the bytes hold. Throws a {@link Refusal}. */
  decode({ bytes, segments }: EncodedValue, feed?: (index: number) => unknown): unknown {
    const own = segments.length === 0 ? NO_SEGMENTS : [...segments]
    if (feed === undefined) return this.decodePart(bytes, 0, bytes.length, own)
    const reader = new Decoder(this.#registry)
    reader.#feed = feed
    return reader.decodePart(bytes, 0, bytes.length, own)
  }

  /** The same for a value that is in these bytes from `start` to `end`. `segments` are used up. */
  decodePart(bytes: Buffer, start: number, end: number, segments = NO_SEGMENTS): unknown {
    // A decoder of a registered type may call decode() in the middle of this value.
    if (this.#isBusy) return new Decoder(this.#registry).decodePart(bytes, start, end, segments)
    this.#isBusy = true
    this.#in.begin(bytes, start, end)
    this.#segments = segments
    this.#depth = 0
    try {
      const value = this.#value()
      if (this.#in.left > 0) throw malformed('it goes on after its end')
      const unused = segments.findIndex((segment) => segment !== undefined)
      if (unused >= 0) throw malformed(`nothing in it refers to segment ${unused}`)
      return value
    } catch (thrown) {
      throw refusalOf(thrown, 'it cannot be read')
    } finally {
      this.#isBusy = false
      this.#segments = NO_SEGMENTS
      this.#in.rest()
    }
  }

  #value(): unknown {
    const head = this.#in.byte()
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f)
    if (head < 0xa0) return this.#list(head & 0x0f)
    if (head < 0xc0) return this.#in.text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#in.binary(this.#in.byte())
      case 0xc5:
        return this.#in.binary(this.#in.uint16())
      case 0xc6:
        return this.#in.binary(this.#in.uint32())
      case 0xc7:
        return this.#extension(this.#in.byte())
      case 0xc8:
        return this.#extension(this.#in.uint16())
      case 0xc9:
        return this.#extension(this.#in.uint32())
      case 0xca:
        return this.#in.float32()
      case 0xcb:
        return this.#in.float64()
      case 0xcc:
        return this.#in.byte()
      case 0xcd:
        return this.#in.uint16()
      case 0xce:
        return this.#in.uint32()
      case 0xcf:
        return wide(this.#in.uint32(), this.#in.uint32())
      case 0xd0:
        return (this.#in.byte() << 24) >> 24
      case 0xd1:
        return (this.#in.uint16() << 16) >> 16
      case 0xd2:
        return this.#in.uint32() | 0
      case 0xd3:
        return wide(this.#in.uint32() | 0, this.#in.uint32())
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4))
      case 0xd9:
        return this.#in.text(this.#in.byte())
      case 0xda:
        return this.#in.text(this.#in.uint16())
      case 0xdb:
        return this.#in.text(this.#in.uint32())
      case 0xdc:
        return this.#list(this.#in.uint16())
      case 0xdd:
        return this.#list(this.#in.uint32())
      case 0xde:
        return this.#map(this.#in.uint16())
      case 0xdf:
        return this.#map(this.#in.uint32())
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

  /** Reads a map: an object when all keys are strings, else a Map. */
  #map(length: number): unknown {
    this.#enter(length)
    const record: Record<string, unknown> = {}
    // An object lists names that are whole numbers first. From the first such name on the order of the keys is kept, in
    // case a Map is made of them.
    let order: string[] | undefined
    let name = ''
    let count = 0
    try {
      for (; count < length; count++) {
        const next = this.#in.name()
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

  /** Reads the rest of a map as a Map, which begins with the entries of `record` in the order of `known`. */
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

  #extension(length: number): unknown {
    const type = this.#in.byte()
    const end = this.#in.at + length
    const value = this.#extended(type, length)
    if (this.#in.at !== end) throw malformed(`a value of extension type ${type} has not ${length} bytes`)
    return value
  }

  #extended(type: number, length: number): unknown {
    switch (type) {
      case EXTENSION.timestamp:
        return this.#instant(length)
      case EXTENSION.array:
        return this.#array(length)
      case EXTENSION.feed:
        if (this.#feed === undefined || this.#depth !== 1) throw unknownExtension(type)
        return this.#feed(this.#in.byte())
      case EXTENSION.apart:
        return this.#apart(length)
      case EXTENSION.integer:
        return BigInt.asIntN(length * 8, BigInt(`0x0${this.#in.peek(length).toString('hex')}`))
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
        throw unknownExtension(type)
    }
  }

  #instant(length: number): Date {
    const nanoseconds = length === 12 ? this.#in.uint32() : 0
    if (length === 4) return new Date(this.#in.uint32() * 1000)
    const high = this.#in.uint32()
    const low = this.#in.uint32()
    if (length === 12) return new Date(((high | 0) * WORD + low) * 1000 + Math.floor(nanoseconds / 1_000_000))
    return new Date(((high & 3) * WORD + low) * 1000 + Math.floor((high >>> 2) / 1_000_000))
  }

  /** Reads a reference to a segment. */
  #apart(length: number): Buffer | TypedArray | NdArray {
    if (length < 4) throw malformed('a reference to a segment ends too early')
    const index = this.#in.peek(4).readUInt32LE()
    const segment = this.#segments[index]
    if (segment === undefined) {
      const { length: count } = this.#segments
      throw malformed(index < count ? `it refers to segment ${index} twice` : `it has no segment ${index}`)
    }
    this.#segments[index] = undefined
    const own = ownMemory(segment)
    return length === 4 ? own : this.#array(length - 4, own)
  }

  #array(length: number, segment?: Buffer): TypedArray | NdArray {
    const payload = this.#in.peek(length)
    try {
      const { data, dtype, shape } = segment === undefined ? readArray(payload) : readArrayApart(payload, segment)
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
      return askUser(() => decode(sent))
    } catch (thrown) {
      throw refusalOf(
        thrown,
        `the decoder of ${String(name)} threw`,
        'Look at `decode` in the `types` of the pool, and at what the encoder in Python makes.',
      )
    }
  }

  /**
   * Begins a container. Refuses one with more elements than there are bytes, and a container that is nested too deeply.
   */
  #enter(count: number): void {
    if (count > this.#in.left) throw malformed('it ends too early')
    if (++this.#depth > MAX_DEPTH + 1) throw malformed('it is nested too deeply')
  }
}

/** A 64-bit integer: a number where a number is exact, else a bigint. `high` has the sign. */
function wide(high: number, low: number): number | bigint {
  const value = high * WORD + low
  return Number.isSafeInteger(value) ? value : BigInt(high) * BigInt(WORD) + BigInt(low)
}

function beginsWithDigit(name: string): boolean {
  const code = name.charCodeAt(0)
  return code >= 0x30 && code <= 0x39
}

/** Defines a property. An assignment to `__proto__` would set the prototype instead. */
function define(record: object, name: string, value: unknown): void {
  Object.defineProperty(record, name, { value, configurable: true, enumerable: true, writable: true })
}

const unknownExtension = (type: number): Refusal =>
  new Refusal(`a value of extension type ${type}, which this release does not know, cannot be read`, {
    hint: 'Use the Node packages and the Python package of one release.',
  })
