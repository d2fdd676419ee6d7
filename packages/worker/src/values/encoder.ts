// Writes values as msgpack, and refuses a value that Python could not have, with its place and what to send instead.
import { Buffer } from 'node:buffer' // as a global it is a getter, which each use calls
import { types } from 'node:util'
import { askUser } from '@terrarium/supervisor/base'
import { arrayHead, ownDtype } from './array-form.ts'
import { isSource } from '../feed-source.ts'
import { sizeOf, type EncodedValue } from './encoded-value.ts'
import { NdArray } from './nd-array.ts'
import { isPlainObject } from './plain-object.ts'
import { Refusal, refusalOf, within } from './refusal.ts'
import type { Encoding, Registry } from './registry.ts'
import { identityOf, identityOfNumber, UniqueKeys } from './unique-keys.ts'
import { isNamespace, refuse, refuseStream } from './unsendable.ts'
import { bytesOf, kindOf, lasting, lengthOf, memoryOf, readable } from './views.ts'
import { EXTENSION, FIRST_INSTANT, LAST_INSTANT, LEAST_APART, MAX_DEPTH, MAX_VALUE_BYTES, MOST_FEEDS } from './wire.ts'
import { tooLarge, Writer } from './writer.ts'

/** Checks and writes values in one pass. Each property is read once, so that the value checked is the value written. */
export class Encoder {
  readonly #registry: Registry
  readonly #out = new Writer()
  /** The containers around the value being written, outermost first. */
  readonly #open: object[] = []
  /** The segments so far; undefined where nothing may become one. */
  #segments: Buffer[] | undefined
  /** The length of the segments in bytes, with their table. */
  #apartBytes = 0
  /** The streams among the arguments so far; undefined for a value that is no arguments. */
  #feeds: object[] | undefined
  #isBusy = false

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /**
   * Encodes one value. `apart`: whether it may have segments. `feeds`: where streams among arguments are put. Throws a
   * {@link Refusal}.
   */
  encode(value: unknown, apart: boolean, feeds?: object[]): EncodedValue {
    // A getter, or an encoder of a registered type, may call encode() in the middle of this value.
    if (this.#isBusy) return new Encoder(this.#registry).encode(value, apart, feeds)
    this.#isBusy = true
    this.#out.begin()
    const segments: Buffer[] = []
    this.#segments = apart ? segments : undefined
    this.#apartBytes = 4
    this.#feeds = feeds
    try {
      this.#value(value)
      const encoded = { bytes: this.#out.finish(), segments }
      if (sizeOf(encoded) > MAX_VALUE_BYTES) throw tooLarge()
      return encoded
    } catch (thrown) {
      this.#out.drop()
      this.#open.length = 0
      throw refusalOf(thrown)
    } finally {
      this.#isBusy = false
      this.#segments = this.#feeds = undefined
      this.#out.rest()
    }
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#out.text(value)
        return
      case 'number':
        this.#out.number(value)
        return
      case 'boolean':
        this.#out.byte(value ? 0xc3 : 0xc2)
        return
      case 'object':
        if (value === null) this.#out.byte(0xc0)
        else this.#object(value)
        return
      case 'bigint':
        this.#out.bigint(value)
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
    else if (types.isSet(value)) this.#set(value, EXTENSION.set, false)
    else if (isSource(value)) this.#feed(value)
    else throw refuse(value)
  }

  /** Writes an object that is no container and returns true; returns false for any other object. */
  #atom(value: object): boolean {
    const encoding = this.#registry.encodingOf(value)
    if (encoding !== undefined) this.#registered(value, encoding)
    else if (Buffer.isBuffer(value)) this.#buffer(value)
    else if (types.isAnyArrayBuffer(value)) this.#binary(readable(value, memoryOf))
    else if (types.isDate(value)) this.#instant(Date.prototype.getTime.call(value))
    else return this.#array(value)
    return true
  }

  #list(items: readonly unknown[]): void {
    this.#enter(items)
    const { length } = items
    this.#out.head(length, 0x90, 0xdc)
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

  /** Writes a plain object. A property that is undefined is left out. */
  #record(value: object): void {
    // `arguments` has the prototype of a plain object.
    if (Symbol.iterator in value && types.isArgumentsObject(value)) throw refuse(value)
    if (this.#open.length === 1 && this.#feeds !== undefined && isSource(value)) {
      this.#feed(value)
      return
    }
    this.#enter(value)
    const names = Object.keys(value)
    if (names.length === 0 && isNamespace(value)) throw refuse(value)
    this.#out.head(names.length, 0x80, 0xde)
    const behindHead = this.#out.length
    let count = 0
    let at = ''
    try {
      for (const name of names) {
        at = name
        const item = (value as Readonly<Record<string, unknown>>)[name]
        if (item === undefined) continue
        this.#out.text(name)
        this.#value(item)
        count += 1
      }
    } catch (thrown) {
      throw within(thrown, { name: at })
    }
    if (count < names.length) this.#out.recount(behindHead, names.length, count)
    this.#open.pop()
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#enter(map)
    const entries = entriesOf(map)
    const unique = UniqueKeys.of(
      entries.map(([key]) => key),
      'two keys of a Map',
    )
    if (entries.length === 0) this.#out.extensionHead(EXTENSION.emptyMap, 0)
    else this.#out.head(entries.length, 0x80, 0xde)
    for (const [key, item] of entries) {
      const identity = this.#key(key, 'a key of a Map', unique !== undefined)
      unique?.add(identity)
      try {
        if (item === undefined) throw missing('a Map', 'entry')
        this.#value(item)
      } catch (thrown) {
        throw within(thrown, { key })
      }
    }
    this.#open.pop()
  }

  /** Writes a Set. Returns the identities of its elements if `isIdentified`, else an empty list. */
  #set(set: ReadonlySet<unknown>, extension: number, isIdentified: boolean): readonly string[] {
    this.#enter(set)
    let identities: readonly string[] = []
    this.#out.extension(extension, () => {
      const items = elementsOf(set)
      const unique = UniqueKeys.of(items, 'two elements of a Set')
      identities = this.#keys(items, 'an element of a Set', isIdentified, unique)
    })
    this.#open.pop()
    return identities
  }

  /** Writes a list of keys or elements. Returns their identities if `isIdentified`, else an empty list. */
  #keys(items: readonly unknown[], what: string, isIdentified: boolean, unique?: UniqueKeys): readonly string[] {
    this.#out.head(items.length, 0x90, 0xdc)
    const identities: string[] = []
    let index = 0
    try {
      for (; index < items.length; index++) {
        const identity = this.#key(items[index], what, isIdentified || unique !== undefined)
        unique?.add(identity)
        if (isIdentified) identities.push(identity)
      }
    } catch (thrown) {
      throw within(thrown, { index })
    }
    return identities
  }

  /**
   * Writes a key of a Map or an element of a Set, which must be hashable in Python. Returns its identity for
   * {@link UniqueKeys} if `isIdentified`, else an empty string.
   */
  #key(value: unknown, what: string, isIdentified: boolean): string {
    // The identity of a key is what is written of it, so no part of a key becomes a segment.
    const segments = this.#segments
    this.#segments = undefined
    const identity = this.#keyInline(value, what, isIdentified)
    this.#segments = segments
    return identity
  }

  #keyInline(value: unknown, what: string, isIdentified: boolean): string {
    const begin = this.#out.length
    if (value === undefined) throw refuse(value, what)
    if (typeof value !== 'object' || value === null) this.#value(value)
    else if (Array.isArray(value)) {
      this.#enter(value)
      let parts: readonly string[] = []
      this.#out.extension(EXTENSION.tuple, () => {
        parts = this.#keys(value, what, isIdentified)
      })
      this.#open.pop()
      return isIdentified ? identityOf('tuple', parts) : ''
    } else if (types.isSet(value)) {
      const parts = this.#set(value, EXTENSION.frozenSet, isIdentified)
      return isIdentified ? identityOf('frozenset', parts) : ''
    } else if (isPlainObject(value) || isArray(value) || !this.#atom(value)) throw refuse(value, what)
    return isIdentified ? (identityOfNumber(value) ?? this.#out.since(begin)) : ''
  }

  /** Writes a value of a registered type: what its encoder returns. */
  #registered(value: object, { name, encode }: Encoding): void {
    this.#enter(value)
    let sent: unknown
    try {
      sent = askUser(() => encode(value))
    } catch (thrown) {
      throw refusalOf(thrown, `the encoder of ${name} threw`, 'Look at `encode` in the `types` of the pool.')
    }
    this.#out.extension(EXTENSION.registered, () => {
      this.#out.text(name)
      this.#value(sent)
    })
    this.#open.pop()
  }

  /** Writes a typed array, DataView or NdArray and returns true; returns false for any other object. */
  #array(value: object): boolean {
    if (isNdArray(value)) this.#elements(readable(value.data, bytesOf), value.dtype, value.shape)
    else if (!ArrayBuffer.isView(value)) return false
    else if (kindOf(value) === 'Float16Array') this.#array(Float32Array.from(value as unknown as Iterable<number>))
    else {
      const dtype = ownDtype(value)
      if (dtype === undefined) return false
      this.#elements(readable(value, bytesOf), dtype, undefined)
    }
    return true
  }

  /** Writes a Buffer. Most are short, and are copied without a view of their memory. */
  #buffer(value: Buffer): void {
    const length = readable(value, lengthOf)
    if (length < LEAST_APART) this.#out.binary(value, length)
    else this.#binary(readable(value, bytesOf))
  }

  #binary(bytes: Uint8Array): void {
    if (!this.#apart(bytes)) this.#out.binary(bytes, bytes.length)
  }

  #elements(bytes: Uint8Array, dtype: string, shape: readonly number[] | undefined): void {
    const head = arrayHead(dtype, shape)
    if (this.#apart(bytes, head)) return
    this.#out.extensionHead(EXTENSION.array, head.length + bytes.length)
    this.#out.copy(head)
    this.#out.copy(bytes)
  }

  /** Makes long bytes a segment, writes the reference to it and returns true; returns false for other bytes. */
  #apart(bytes: Uint8Array, head?: Uint8Array): boolean {
    const segments = this.#segments
    if (segments === undefined || bytes.length < LEAST_APART) return false
    this.#apartBytes += 4 + bytes.length
    if (this.#apartBytes + this.#out.length > MAX_VALUE_BYTES) throw tooLarge()
    const index = Buffer.alloc(4)
    index.writeUInt32LE(segments.push(lasting(bytes)) - 1)
    this.#out.extensionHead(EXTENSION.apart, 4 + (head?.length ?? 0))
    this.#out.copy(index)
    if (head !== undefined) this.#out.copy(head)
    return true
  }

  /** Writes the index of a stream that is an argument. */
  #feed(value: object): void {
    const feeds = this.#feeds
    if (feeds === undefined || this.#open.length !== 1) throw refuseStream(value, feeds !== undefined)
    const index = feeds.push(value) - 1
    if (index >= MOST_FEEDS) {
      const hint = 'Send the items of all as one stream.'
      throw new Refusal(`more than ${MOST_FEEDS} arguments that are streams cannot be sent`, { hint })
    }
    this.#out.extensionHead(EXTENSION.feed, 1)
    this.#out.byte(index)
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
    this.#out.timestamp(seconds, nanoseconds)
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
}

const isNdArray = (value: object): value is NdArray => value instanceof NdArray

/** Whether the object becomes an array in Python, which is not hashable. A Buffer becomes bytes, which are. */
const isArray = (value: object): boolean => isNdArray(value) || (ArrayBuffer.isView(value) && !Buffer.isBuffer(value))

// The entries as Map and Set hold them: a subclass may override iteration.
const entriesOf = (map: ReadonlyMap<unknown, unknown>): [unknown, unknown][] => [
  ...(Map.prototype.entries.call(map) as IterableIterator<[unknown, unknown]>),
]
const elementsOf = (set: ReadonlySet<unknown>): unknown[] => [
  ...(Set.prototype.values.call(set) as IterableIterator<unknown>),
]

const missing = (container: string, part: string): Refusal =>
  new Refusal(`undefined cannot be sent in ${container}`, { hint: `Send null, or leave the ${part} out.` })
