/**
 * Arrays of numbers on the wire. The payload of the extension `array` is
 *
 * | bytes   | what                                                                                       |
 * | ------- | ------------------------------------------------------------------------------------------ |
 * | 1       | the number of dimensions; 255 for a typed array, whose length follows from its elements    |
 * | 1       | the length of the next field, in bytes                                                     |
 * | …       | the type of the elements as numpy writes it (`dtype.str`): `<f4`, `\|u1`, `<M8[ns]`        |
 * | 4 each  | the length of each dimension, little-endian                                                |
 * | 0 to 15 | zeros, up to a multiple of 16: Python reads the elements in place, which needs alignment   |
 * | …       | the elements, row by row; in an array that travels apart they are the segment instead       |
 */
import { endianness } from 'node:os'
import { kindOf, ownMemory, type TypedArray } from './views.ts'

const ORDER = endianness() === 'LE' ? '<' : '>'

/** In place of the number of dimensions: the array is a typed array. */
const BARE = 0xff
/** The most dimensions of an array: numpy's limit. */
export const MOST_DIMENSIONS = 64

type Constructor = (new (buffer: ArrayBuffer) => TypedArray) & { readonly BYTES_PER_ELEMENT: number }

interface ElementType {
  /** numpy's name of the type: `float32`. */
  readonly dtype: string
  /** numpy's short form of it, as on the wire: `<f4`. */
  readonly text: string
  readonly Constructor: Constructor
}

const element = (dtype: string, short: string, Constructor: Constructor): ElementType => ({
  dtype,
  text: `${Constructor.BYTES_PER_ELEMENT === 1 ? '|' : ORDER}${short}`,
  Constructor,
})

/** The element types by the name of the typed array that holds them. */
const BY_KIND: ReadonlyMap<string, ElementType> = new Map([
  ['Int8Array', element('int8', 'i1', Int8Array)],
  ['Uint8Array', element('uint8', 'u1', Uint8Array)],
  ['Uint8ClampedArray', element('uint8', 'u1', Uint8ClampedArray)],
  ['DataView', element('uint8', 'u1', Uint8Array)],
  ['Int16Array', element('int16', 'i2', Int16Array)],
  ['Uint16Array', element('uint16', 'u2', Uint16Array)],
  ['Int32Array', element('int32', 'i4', Int32Array)],
  ['Uint32Array', element('uint32', 'u4', Uint32Array)],
  ['BigInt64Array', element('int64', 'i8', BigInt64Array)],
  ['BigUint64Array', element('uint64', 'u8', BigUint64Array)],
  ['Float32Array', element('float32', 'f4', Float32Array)],
  ['Float64Array', element('float64', 'f8', Float64Array)],
])

const BOOL = element('bool', 'b1', Uint8Array)

/** The element types by their short form. */
const BY_TEXT: ReadonlyMap<string, ElementType> = new Map(
  [...BY_KIND.values(), BOOL]
    .filter(({ Constructor }) => Constructor !== Uint8ClampedArray)
    .map((type) => [type.text, type]),
)

/** The dtypes of times: integers that count a unit, since 1970 or between two instants. `datetime64[ns]`. */
const TIMES = /^(datetime|timedelta)64\[(\w{1,16})\]$/
/** The short forms of these: `<M8[ns]`. */
const TIMES_TEXT = /^([<>])([Mm])8\[(\w{1,16})\]$/

/** The dtype that belongs to the kind of a view; undefined for a kind that cannot be sent. */
export function ownDtype(view: ArrayBufferView): string | undefined {
  return BY_KIND.get(kindOf(view))?.dtype
}

/** Whether a view of this kind can hold elements of the dtype. */
export function fits(dtype: string, view: ArrayBufferView): boolean {
  const kind = kindOf(view)
  if (dtype === 'bool') return kind === 'Uint8Array'
  if (TIMES.test(dtype)) return kind === 'BigInt64Array'
  return dtype === BY_KIND.get(kind)?.dtype
}

/** The bytes before the elements. `shape` is undefined for a typed array. Throws a RangeError for an unknown dtype. */
export function arrayHead(dtype: string, shape: readonly number[] | undefined): Uint8Array {
  const text = wireText(dtype)
  const dimensions = shape ?? []
  const bytes = 2 + text.length + 4 * dimensions.length
  const head = Buffer.alloc(Math.ceil(bytes / 16) * 16)
  head[0] = shape === undefined ? BARE : shape.length
  head[1] = text.length
  head.write(text, 2, 'latin1')
  for (const [index, length] of dimensions.entries()) head.writeUInt32LE(length, 2 + text.length + 4 * index)
  return head
}

/** What stands before the elements. */
interface ArrayHead {
  readonly type: ElementType
  /** Undefined for a typed array. */
  readonly shape: readonly number[] | undefined
  /** The length of the head in bytes. */
  readonly length: number
}

interface Elements {
  readonly data: TypedArray
  readonly dtype: string
  readonly shape: readonly number[] | undefined
}

/** Reads a whole payload. The elements are copied. Throws a RangeError. */
export function readArray(payload: Buffer): Elements {
  const head = readHead(payload)
  return elements(head, ownMemory(payload.subarray(head.length)))
}

/** Reads an array that travelled apart. `segment`: its elements, in memory of their own. Throws a RangeError. */
export function readArrayApart(payload: Buffer, segment: Buffer): Elements {
  const head = readHead(payload)
  if (head.length !== payload.length) throw new RangeError('its head is too long')
  return elements(head, segment)
}

function readHead(payload: Buffer): ArrayHead {
  const count = payload.readUInt8(0)
  const dimensions = count === BARE ? 0 : count
  const end = 2 + payload.readUInt8(1)
  const text = payload.toString('latin1', 2, end)
  const type = elementType(text)
  if (type === undefined) throw new RangeError(`its elements are of type ${text}`)
  const shape = Array.from({ length: dimensions }, (_, index) => payload.readUInt32LE(end + 4 * index))
  const length = Math.ceil((end + 4 * dimensions) / 16) * 16
  if (length > payload.length) throw new RangeError('its head ends too early')
  return { type, shape: count === BARE ? undefined : shape, length }
}

function elements({ type: { Constructor, dtype }, shape }: ArrayHead, { buffer, byteLength }: Buffer): Elements {
  if (byteLength % Constructor.BYTES_PER_ELEMENT !== 0) throw new RangeError('its last element is not complete')
  const data = new Constructor(buffer as ArrayBuffer)
  if (shape !== undefined && shape.reduce((product, length) => product * length, 1) !== data.length) {
    throw new RangeError('its shape is wrong')
  }
  return { data, dtype, shape }
}

function wireText(dtype: string): string {
  const times = TIMES.exec(dtype)
  if (times !== null) return `${ORDER}${times[1] === 'datetime' ? 'M' : 'm'}8[${times[2] ?? ''}]`
  for (const { dtype: known, text } of BY_TEXT.values()) if (known === dtype) return text
  throw new RangeError(`no array has elements of type ${dtype}`)
}

function elementType(text: string): ElementType | undefined {
  const times = TIMES_TEXT.exec(text)
  if (times === null || times[1] !== ORDER) return BY_TEXT.get(text)
  return element(`${times[2] === 'M' ? 'datetime' : 'timedelta'}64[${times[3] ?? ''}]`, '', BigInt64Array)
}
