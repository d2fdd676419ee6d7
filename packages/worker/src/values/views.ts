// Reads typed arrays, DataViews and buffers of any realm, whatever properties their owner has added.
import { types } from 'node:util'
import { article, classNameOf, Refusal } from './refusal.ts'

/** The typed arrays that can be sent as such. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as { readonly keys: () => unknown }

/** The kind of a view, `Float32Array` or `DataView`: also of a subclass, and of a view of another realm. */
export function kindOf(view: ArrayBufferView): string {
  return types.isDataView(view) ? 'DataView' : typedArrayKind(view)
}

/** The bytes that a view shows, in the view's memory. Throws a TypeError when that memory was transferred. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  const extent = types.isDataView(view) ? dataViewExtent : typedArrayExtent
  if (extent === typedArrayExtent) lengthOf(view)
  return new Uint8Array(extent.buffer(view), extent.byteOffset(view), extent.byteLength(view))
}

/** The length of a typed array in bytes. Throws a TypeError when its memory was transferred. */
export function lengthOf(array: ArrayBufferView): number {
  const length = typedArrayExtent.byteLength(array)
  // A typed array beyond the end of a shrunk buffer has the length 0, and keys() throws.
  if (length === 0) typedArrayPrototype.keys.call(array)
  return length
}

/** All bytes of a buffer, in its memory. Throws a TypeError when that memory was transferred. */
export const memoryOf = (buffer: ArrayBufferLike): Uint8Array => new Uint8Array(buffer)

/** What is read of a buffer or view. Refuses one whose memory was transferred. */
export function readable<T extends object, R>(value: T, read: (value: T) => R): R {
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

/** The same bytes as a Buffer, in the same memory. Memory that its owner can make smaller is copied. */
export function lasting({ buffer, byteOffset, length }: Uint8Array): Buffer {
  const view = Buffer.from(buffer as ArrayBuffer, byteOffset, length)
  return (buffer as { readonly resizable?: boolean }).resizable === true ? Buffer.from(view) : view
}

/** The same bytes in memory that holds nothing else: the bytes themselves if theirs does, else a copy. */
export function ownMemory(bytes: Buffer): Buffer {
  if (bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

/** Makes a function that reads a property with the prototype's getter: a view may have own properties of that name. */
function reader(prototype: object, name: PropertyKey): (view: ArrayBufferView) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { readonly get: () => unknown }
  return (view) => Reflect.apply(get, view, [])
}

const extentOf = (prototype: object) => ({
  buffer: reader(prototype, 'buffer') as (view: ArrayBufferView) => ArrayBufferLike,
  byteOffset: reader(prototype, 'byteOffset') as (view: ArrayBufferView) => number,
  byteLength: reader(prototype, 'byteLength') as (view: ArrayBufferView) => number,
})

const typedArrayKind = reader(typedArrayPrototype, Symbol.toStringTag) as (view: ArrayBufferView) => string
const typedArrayExtent = extentOf(typedArrayPrototype)
const dataViewExtent = extentOf(DataView.prototype)
