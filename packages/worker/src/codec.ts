import { Packr, Unpackr, type Options } from 'msgpackr'

/**
 * Values on the wire are msgpack: maps with string keys, arrays, strings, numbers, booleans, null, bytes (`Buffer`),
 * and instants (`Date` ↔ timezone-aware `datetime`). `undefined` travels as null. Whole numbers arrive in Python as
 * `int`; integers from Python beyond ±(2^53 − 1) arrive as bigint.
 */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true })
// 'auto' (number where exact, else bigint) is documented by msgpackr but missing from its types.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' } as unknown as Options)

/** Throws a TypeError that names the place of a value msgpack cannot carry: a function, a symbol. */
export function encode(value: unknown): Buffer {
  return packr.pack(isPlain(value, '') ? value : widen(value))
}

export function decode(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes)
}

/** msgpackr writes whole numbers beyond 32 bits as floats, which Python code (an index, a count) cannot use. */
const isWide = (value: number): boolean => (value > 0xffffffff || value < -0x80000000) && Number.isSafeInteger(value)

/** Whether msgpackr can have it as it is. */
function isPlain(value: unknown, place: string): boolean {
  switch (typeof value) {
    case 'number':
      return !isWide(value)
    case 'function':
    case 'symbol':
      throw new TypeError(`a ${typeof value} cannot be sent${place === '' ? '' : ` (at ${place.slice(1)})`}`)
    case 'object':
      break
    default:
      return true
  }
  if (value === null || ArrayBuffer.isView(value) || value instanceof Date) return true
  let plain = true
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) plain = isPlain(value[index], `${place}.${index}`) && plain
  } else if (value instanceof Map) {
    for (const [key, item] of value) plain = isPlain(item, `${place}.${String(key)}`) && plain
  } else {
    for (const key in value) plain = isPlain((value as Record<string, unknown>)[key], `${place}.${key}`) && plain
  }
  return plain
}

function widen(value: unknown): unknown {
  if (typeof value === 'number') return isWide(value) ? BigInt(value) : value
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(widen)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, widen(item)]))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widen(item)]))
}
