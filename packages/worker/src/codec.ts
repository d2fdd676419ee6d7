import { Packr, Unpackr, type Options } from 'msgpackr'
import { types } from 'node:util'

/**
 * Values on the wire are msgpack: maps with string keys, arrays, strings, numbers, booleans, null, bytes, and instants
 * (`Date` ↔ timezone-aware `datetime`). `undefined` travels as null, a Set as an array. Every view of memory (typed array,
 * DataView) and every ArrayBuffer travels as exactly its bytes. Whole numbers arrive in Python as `int`; integers from
 * Python beyond ±(2^53 − 1) arrive as bigint.
 */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true })
// 'auto' (number where exact, else bigint) is documented by msgpackr but missing from its types.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' } as unknown as Options)

/** Throws a TypeError that names the place of a value that cannot be sent: a function, a symbol, an instance of a class. */
export function encode(value: unknown): Buffer {
  return packr.pack(packable(value, []))
}

export function decode(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes)
}

type Path = (string | number)[]

/**
 * A copy that holds nothing but what msgpackr writes as it should. Each property is read once, so that what was looked at
 * is what is written. msgpackr must never see a view of its own: it writes `length` bytes of a view whose elements are
 * wider than a byte, and leaves most of them as the memory was before.
 */
function packable(value: unknown, path: Path): unknown {
  switch (typeof value) {
    case 'number':
      return isWide(value) ? BigInt(value) : value
    case 'function':
    case 'symbol':
      throw refusal(`a ${typeof value} cannot be sent`, path)
    case 'object':
      return value === null ? null : packableObject(value, path)
    default:
      return value
  }
}

function packableObject(value: object, path: Path): unknown {
  if (Array.isArray(value)) return packableItems(value, path)
  if (ArrayBuffer.isView(value)) return bytesOf(value)
  if (types.isAnyArrayBuffer(value)) return Buffer.from(value)
  if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value))
  if (types.isSet(value)) return packableItems([...value], path)
  if (types.isMap(value)) {
    return new Map([...value].map(([key, item]) => [packable(key, path), within(path, String(key), item)]))
  }
  if (!isPlain(value)) {
    throw refusal(`an instance of ${nameOf(value)} cannot be sent: it is no plain object, array, Map or Set`, path)
  }
  const copy = new Map<string, unknown>()
  for (const key of Object.keys(value)) copy.set(key, within(path, key, (value as Record<string, unknown>)[key]))
  return copy
}

function packableItems(items: readonly unknown[], path: Path): unknown[] {
  const copy = new Array<unknown>(items.length)
  for (let index = 0; index < items.length; index++) copy[index] = within(path, index, items[index])
  return copy
}

function within(path: Path, step: string | number, value: unknown): unknown {
  path.push(step)
  const item = packable(value, path)
  path.pop()
  return item
}

/** msgpackr writes whole numbers beyond 32 bits as floats, which Python code (an index, a count) cannot use. */
const isWide = (value: number): boolean => (value > 0xffffffff || value < -0x80000000) && Number.isSafeInteger(value)

/** Also an object of another realm (a Jest test, a vm context), whose `Object.prototype` is not ours. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class'
}

function refusal(what: string, path: Path): TypeError {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return new TypeError(place === '' ? what : `${what} (at ${place.replace(/^\./, '')})`)
}

interface Extent {
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
  readonly byteLength: number
}

/** Exactly the bytes that a view shows, whatever properties its own have been laid over the true ones. */
function bytesOf(view: ArrayBufferView): Buffer {
  const { buffer, byteOffset, byteLength } = types.isDataView(view) ? dataViewExtent(view) : typedArrayExtent(view)
  return Buffer.from(buffer, byteOffset, byteLength)
}

const dataViewExtent = extentReader(DataView.prototype)
const typedArrayExtent = extentReader(Object.getPrototypeOf(Uint8Array.prototype) as object)

function extentReader(prototype: object): (view: ArrayBufferView) => Extent {
  const getter = <K extends keyof Extent>(name: K): ((view: ArrayBufferView) => Extent[K]) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { readonly get: () => unknown }
    return (view) => Reflect.apply(get, view, []) as Extent[K]
  }
  const [buffer, byteOffset, byteLength] = [getter('buffer'), getter('byteOffset'), getter('byteLength')]
  return (view) => ({ buffer: buffer(view), byteOffset: byteOffset(view), byteLength: byteLength(view) })
}
