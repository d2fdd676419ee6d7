import { types } from 'node:util'

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

/** `Float32Array`, for example, or `DataView`: the true kind, of any realm and whatever has been laid over it. */
export function kindOf(view: ArrayBufferView): string {
  return types.isDataView(view) ? 'DataView' : typedArrayKind(view)
}

/** Exactly the bytes that a view shows, shared with it. Throws a TypeError when its memory was given away. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  const extent = types.isDataView(view) ? dataViewExtent : typedArrayExtent
  // Of a typed array beyond the end of a buffer that was made smaller, the length reads 0; this throws.
  if (extent === typedArrayExtent && extent.byteLength(view) === 0) typedArrayPrototype.keys.call(view)
  return new Uint8Array(extent.buffer(view), extent.byteOffset(view), extent.byteLength(view))
}

/** All bytes of a buffer, shared with it. Throws a TypeError when its memory was given away. */
export const memoryOf = (buffer: ArrayBufferLike): Uint8Array => new Uint8Array(buffer)

/** Reads a property as the prototype defines it: a view may have others of the same name. */
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
