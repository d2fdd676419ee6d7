import { Packr, Unpackr, type Options } from 'msgpackr'

/**
 * Values on the wire are msgpack: maps with string keys, arrays, strings, numbers, booleans, null, bytes (`Buffer`),
 * and instants (`Date` ↔ timezone-aware `datetime`). `undefined` travels as null. Whole numbers arrive in Python as
 * `int`; integers from Python beyond ±(2^53 − 1) arrive as bigint.
 */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true })
// 'auto' (number where exact, else bigint) is documented by msgpackr but missing from its types.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' } as unknown as Options)

/** Throws for what msgpack cannot carry. */
export function encode(value: unknown): Buffer {
  return packr.pack(hasWideInteger(value) ? widen(value) : value)
}

export function decode(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes)
}

/** msgpackr writes whole numbers beyond 32 bits as floats, which Python code (an index, a count) cannot use. */
const isWide = (value: unknown): value is number =>
  typeof value === 'number' && (value > 0xffffffff || value < -0x80000000) && Number.isSafeInteger(value)

function hasWideInteger(value: unknown): boolean {
  if (typeof value === 'number') return isWide(value)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  if (Array.isArray(value)) return value.some(hasWideInteger)
  if (value instanceof Map) return [...value.values()].some(hasWideInteger)
  for (const key in value) if (hasWideInteger((value as Record<string, unknown>)[key])) return true
  return false
}

function widen(value: unknown): unknown {
  if (isWide(value)) return BigInt(value)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(widen)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, widen(item)]))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widen(item)]))
}
