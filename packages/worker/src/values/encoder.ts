import { types } from 'node:util'
import { arrayHead, ownDtype } from './array-form.ts'
import { NdArray } from './nd-array.ts'
import { isPlainObject } from './plain-object.ts'
import { article, classNameOf, Refusal, refusalOf, within } from './refusal.ts'
import type { Encoding, Registry } from './registry.ts'
import { UniqueKeys } from './unique-keys.ts'
import { refuse } from './unsendable.ts'
import { bytesOf, kindOf, memoryOf } from './views.ts'
import { EXTENSION, FIRST_INSTANT, LAST_INSTANT, MAX_DEPTH, MAX_VALUE_BYTES } from './wire.ts'

/** Small values are written one behind the other into pieces of memory of this many bytes. */
const SLAB_BYTES = 16 * 1024
/** ASCII strings up to this many characters are written here, which is faster than asking Node. */
const SHORT_TEXT = 63
/** For strings up to this many UTF-16 code units more room is taken than needed, instead of counting their bytes first. */
const COUNTED_TEXT = 4 * 1024
/** Integers up to this one have their sign in one 32-bit word. */
const WORD = 2 ** 32

/**
 * Writes one value after the other. Each property is read once, so that what was checked is what is written; and the bytes hold
 * nothing that was not in the value.
 */
export class Encoder {
  readonly #registry: Registry
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** Where the value begins, and where writing goes on. */
  #start = 0
  #at = 0
  /** The containers around the present place, outermost first. */
  readonly #open: object[] = []
  #isBusy = false

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Throws a {@link Refusal}. */
  encode(value: unknown): Buffer {
    // A getter or an encoder of the user's may encode a value in the middle of this one.
    if (this.#isBusy) return new Encoder(this.#registry).encode(value)
    this.#isBusy = true
    this.#start = this.#at
    try {
      this.#value(value)
      if (this.#at - this.#start > MAX_VALUE_BYTES) throw tooLarge()
      return this.#bytes.subarray(this.#start, this.#at)
    } catch (thrown) {
      this.#at = this.#start
      this.#open.length = 0
      throw refusalOf(thrown)
    } finally {
      this.#isBusy = false
      // What was taken for one large value is given back with it.
      if (this.#bytes.length > SLAB_BYTES) {
        this.#use(Buffer.alloc(0))
        this.#at = 0
      }
    }
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#text(value)
        return
      case 'number':
        this.#number(value)
        return
      case 'boolean':
        this.#byte(value ? 0xc3 : 0xc2)
        return
      case 'object':
        if (value === null) this.#byte(0xc0)
        else this.#object(value)
        return
      case 'bigint':
        this.#bigint(value)
        return
      default:
        throw refuse(value)
    }
  }

  #object(value: object): void {
    if (Array.isArray(value)) this.#list(value)
    else if (isPlainObject(value)) this.#record(value)
    else if (this.#atom(value)) return
    else if (types.isMap(value)) this.#map(value)
    else if (types.isSet(value)) this.#set(value, EXTENSION.set)
    else throw refuse(value)
  }

  /** Writes a value that may also be a key; answers whether it was one. */
  #atom(value: object): boolean {
    const encoding = this.#registry.encodingOf(value)
    if (encoding !== undefined) this.#registered(value, encoding)
    else if (Buffer.isBuffer(value)) this.#binary(readable(value, bytesOf))
    else if (types.isAnyArrayBuffer(value)) this.#binary(readable(value, memoryOf))
    else if (types.isDate(value)) this.#instant(Date.prototype.getTime.call(value))
    else return this.#array(value)
    return true
  }

  #list(items: readonly unknown[]): void {
    this.#enter(items)
    const { length } = items
    this.#head(length, 0x90, 0xdc)
    let index = 0
    try {
      for (; index < length; index++) {
        const item = items[index]
        if (item === undefined) throw missing('an array', 'element')
        this.#value(item)
      }
    } catch (thrown) {
      throw within(thrown, { index })
    }
    this.#open.pop()
  }

  /** A property that is undefined counts as not given. */
  #record(value: object): void {
    this.#enter(value)
    const names = Object.keys(value)
    this.#head(names.length, 0x80, 0xde)
    const behindHead = this.#at - this.#start
    let count = 0
    let at = ''
    try {
      for (const name of names) {
        at = name
        const item = (value as Readonly<Record<string, unknown>>)[name]
        if (item === undefined) continue
        this.#text(name)
        this.#value(item)
        count += 1
      }
    } catch (thrown) {
      throw within(thrown, { name: at })
    }
    if (count < names.length) this.#recount(this.#start + behindHead, names.length, count)
    this.#open.pop()
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#enter(map)
    const entries = entriesOf(map)
    const unique = UniqueKeys.of(
      entries.map(([key]) => key),
      'two keys of a Map',
    )
    if (entries.length === 0) this.#extensionHead(EXTENSION.emptyMap, 0)
    else this.#head(entries.length, 0x80, 0xde)
    for (const [key, item] of entries) {
      this.#key(key, 'a key of a Map', unique)
      try {
        if (item === undefined) throw missing('a Map', 'entry')
        this.#value(item)
      } catch (thrown) {
        throw within(thrown, { key })
      }
    }
    this.#open.pop()
  }

  #set(set: ReadonlySet<unknown>, extension: number): void {
    this.#enter(set)
    this.#extension(extension, () => {
      const items = elementsOf(set)
      this.#keys(items, 'an element of a Set', UniqueKeys.of(items, 'two elements of a Set'))
    })
    this.#open.pop()
  }

  #keys(items: readonly unknown[], what: string, unique?: UniqueKeys): void {
    this.#head(items.length, 0x90, 0xdc)
    let index = 0
    try {
      for (; index < items.length; index++) this.#key(items[index], what, unique)
    } catch (thrown) {
      throw within(thrown, { index })
    }
  }

  /** Python finds keys and elements by their value, so they have to be hashable there. */
  #key(value: unknown, what: string, unique?: UniqueKeys): void {
    const begin = this.#at - this.#start
    if (typeof value !== 'object' || value === null) this.#value(value)
    else if (Array.isArray(value)) {
      this.#enter(value)
      this.#extension(EXTENSION.tuple, () => {
        this.#keys(value, what)
      })
      this.#open.pop()
    } else if (types.isSet(value)) this.#set(value, EXTENSION.frozenSet)
    else if (isPlainObject(value) || isArray(value) || !this.#atom(value)) throw refuse(value, what)
    unique?.add(value, () => this.#bytes.toString('latin1', this.#start + begin, this.#at))
  }

  /** An encoder's result stands for the value. */
  #registered(value: object, { name, encode }: Encoding): void {
    this.#enter(value)
    let sent: unknown
    try {
      sent = encode(value)
    } catch (thrown) {
      throw refusalOf(thrown, `the encoder of ${name} threw`, 'Look at `encode` in the `types` of the pool.')
    }
    this.#extension(EXTENSION.registered, () => {
      this.#text(name)
      this.#value(sent)
    })
    this.#open.pop()
  }

  /** Writes an array of one type of elements; answers whether it was one. */
  #array(value: object): boolean {
    if (value instanceof NdArray) this.#elements(readable(value.data, bytesOf), value.dtype, value.shape)
    else if (!ArrayBuffer.isView(value)) return false
    else if (kindOf(value) === 'Float16Array') this.#array(Float32Array.from(value as unknown as Iterable<number>))
    else {
      const dtype = ownDtype(value)
      if (dtype === undefined) return false
      this.#elements(readable(value, bytesOf), dtype, undefined)
    }
    return true
  }

  #elements(bytes: Uint8Array, dtype: string, shape: readonly number[] | undefined): void {
    const head = arrayHead(dtype, shape)
    this.#extensionHead(EXTENSION.array, head.length + bytes.length)
    this.#copy(head)
    this.#copy(bytes)
  }

  #binary(bytes: Uint8Array): void {
    const { length } = bytes
    if (length < 0x100) {
      this.#byte(0xc4)
      this.#byte(length)
    } else if (length < 0x10000) {
      this.#byte(0xc5)
      this.#uint16(length)
    } else {
      this.#byte(0xc6)
      this.#uint32(length)
    }
    this.#copy(bytes)
  }

  #instant(ms: number): void {
    if (Number.isNaN(ms)) throw new Refusal('an invalid Date cannot be sent', { hint: 'Send null.', type: 'Date' })
    if (ms < FIRST_INSTANT || ms > LAST_INSTANT) {
      throw new Refusal('a Date outside the years 1 to 9999 cannot be sent, as Python has none', {
        hint: 'Send its getTime().',
        type: 'Date',
      })
    }
    const seconds = Math.floor(ms / 1000)
    const nanoseconds = (ms - seconds * 1000) * 1_000_000
    if (seconds >= 0 && seconds < 2 ** 34) {
      if (nanoseconds === 0 && seconds < WORD) {
        this.#extensionHead(EXTENSION.timestamp, 4)
        this.#uint32(seconds)
      } else {
        this.#extensionHead(EXTENSION.timestamp, 8)
        this.#uint32(nanoseconds * 4 + Math.floor(seconds / WORD))
        this.#uint32(seconds % WORD)
      }
    } else {
      this.#extensionHead(EXTENSION.timestamp, 12)
      this.#uint32(nanoseconds)
      this.#words(seconds)
    }
  }

  #number(value: number): void {
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
        this.#uint16(int)
      } else {
        bytes[this.#at++] = 0xce
        this.#uint32(int)
      }
    } else if (int >= -0x20) bytes[this.#at++] = int
    else if (int >= -0x80) {
      bytes[this.#at++] = 0xd0
      bytes[this.#at++] = int
    } else if (int >= -0x8000) {
      bytes[this.#at++] = 0xd1
      this.#uint16(int)
    } else {
      bytes[this.#at++] = 0xd2
      this.#uint32(int)
    }
  }

  /** Fractions, −0, and what 32 bits with a sign do not hold. */
  #otherNumber(value: number): void {
    if (Number.isSafeInteger(value) && value !== 0) {
      if (value > 0 && value < WORD) {
        this.#byte(0xce)
        this.#uint32(value)
      } else {
        this.#byte(value > 0 ? 0xcf : 0xd3)
        this.#words(value)
      }
    } else {
      this.#need(9)
      this.#bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    }
  }

  #bigint(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      this.#number(Number(value))
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
    this.#extensionHead(EXTENSION.integer, length)
    const digits = BigInt.asUintN(length * 8, value).toString(16).padStart(length * 2, '0')
    this.#copy(Buffer.from(digits, 'hex'))
  }

  #text(value: string): void {
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
    if (needed === 1) this.#byte(0xa0 | written)
    else if (needed === 2) {
      this.#byte(0xd9)
      this.#byte(written)
    } else if (needed === 3) {
      this.#byte(0xda)
      this.#uint16(written)
    } else {
      this.#byte(0xdb)
      this.#uint32(written)
    }
    this.#at += written
  }

  #enter(container: object): void {
    const open = this.#open
    if (open.length >= MAX_DEPTH) {
      throw new Refusal(`a value that is nested more than ${MAX_DEPTH} deep cannot be sent`, {
        hint: 'Send a flat list in which each element names its parent.',
      })
    }
    for (let index = open.length - 1; index >= 0; index--) {
      if (open[index] !== container) continue
      throw new Refusal('a circular value, which contains itself, cannot be sent', {
        hint: 'Send an id instead of the value that closes the circle.',
      })
    }
    open.push(container)
  }

  /** The head of an array or a map. `wide` is the form with 16 bits, which the form with 32 bits follows. */
  #head(count: number, fix: number, wide: number): void {
    if (count < 0x10) this.#byte(fix | count)
    else if (count < 0x10000) {
      this.#byte(wide)
      this.#uint16(count)
    } else {
      this.#byte(wide + 1)
      this.#uint32(count)
    }
  }

  /** Corrects the count in a map's head, which ends at `end`. */
  #recount(end: number, before: number, count: number): void {
    if (before < 0x10) this.#bytes[end - 1] = 0x80 | count
    else if (before < 0x10000) this.#view.setUint16(end - 2, count)
    else this.#view.setUint32(end - 4, count)
  }

  #extensionHead(type: number, length: number): void {
    this.#need(6)
    const fixed = FIXED_EXTENSIONS.indexOf(length)
    if (fixed >= 0) this.#byte(0xd4 + fixed)
    else if (length < 0x100) {
      this.#byte(0xc7)
      this.#byte(length)
    } else if (length < 0x10000) {
      this.#byte(0xc8)
      this.#uint16(length)
    } else {
      this.#byte(0xc9)
      this.#uint32(length)
    }
    this.#byte(type)
  }

  /** Writes an extension whose length is known only once it is written. */
  #extension(type: number, write: () => void): void {
    const LONGEST_HEAD = 6
    this.#need(LONGEST_HEAD)
    const begin = this.#at - this.#start
    this.#at += LONGEST_HEAD
    write()
    const length = this.#at - this.#start - begin - LONGEST_HEAD
    const written = this.#start + begin + LONGEST_HEAD
    this.#at = this.#start + begin
    this.#extensionHead(type, length)
    if (this.#at !== written) this.#bytes.copyWithin(this.#at, written, written + length)
    this.#at += length
  }

  #byte(value: number): void {
    this.#need(1)
    this.#bytes[this.#at++] = value
  }

  #uint16(value: number): void {
    this.#need(2)
    const bytes = this.#bytes
    bytes[this.#at++] = value >> 8
    bytes[this.#at++] = value
  }

  #uint32(value: number): void {
    this.#need(4)
    const bytes = this.#bytes
    bytes[this.#at++] = value >>> 24
    bytes[this.#at++] = value >>> 16
    bytes[this.#at++] = value >>> 8
    bytes[this.#at++] = value
  }

  /** A whole number as 64 bits. */
  #words(value: number): void {
    const high = Math.floor(value / WORD)
    this.#uint32(high)
    this.#uint32(value - high * WORD)
  }

  #copy(bytes: Uint8Array): void {
    this.#need(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count)
  }

  #grow(count: number): void {
    const used = this.#at - this.#start
    // Strings ask for more than they need; encode() looks again when all is written.
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

/** The lengths for which msgpack has a head of two bytes. */
const FIXED_EXTENSIONS = [1, 2, 4, 8, 16]

const textHead = (bytes: number): number => (bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5)

const isWellFormed = (text: string): boolean => (text as unknown as { isWellFormed(): boolean }).isWellFormed()

/** Python can hash bytes, but no array. */
const isArray = (value: object): boolean =>
  value instanceof NdArray || (ArrayBuffer.isView(value) && !Buffer.isBuffer(value))

function readable<T extends object>(value: T, read: (value: T) => Uint8Array): Uint8Array {
  try {
    return read(value)
  } catch (cause) {
    throw new Refusal(`${article(classNameOf(value))} without its memory cannot be sent`, {
      hint: 'Send it before its memory is transferred or made smaller.',
      type: classNameOf(value),
      cause,
    })
  }
}

// The entries that are there, whatever a subclass makes of iterating.
const entriesOf = (map: ReadonlyMap<unknown, unknown>): [unknown, unknown][] => [
  ...(Map.prototype.entries.call(map) as IterableIterator<[unknown, unknown]>),
]
const elementsOf = (set: ReadonlySet<unknown>): unknown[] => [
  ...(Set.prototype.values.call(set) as IterableIterator<unknown>),
]

const missing = (container: string, part: string): Refusal =>
  new Refusal(`undefined cannot be sent in ${container}`, { hint: `Send null, or leave the ${part} out.` })

const tooLarge = (): Refusal =>
  new Refusal(`more than ${MAX_VALUE_BYTES.toLocaleString('en-US')} bytes cannot be sent`, {
    code: 'PAYLOAD_TOO_LARGE',
    hint: 'Send it in parts, or write it to a file and send its path.',
    details: { most: MAX_VALUE_BYTES },
  })
