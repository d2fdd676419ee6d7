// The encoded form of a value: its msgpack, and its segments, which are the long bytes and arrays in it. They travel
// behind the msgpack, so that they are not copied into it.

export interface EncodedValue {
  /** The msgpack. */
  readonly bytes: Buffer
  /**
   * What the msgpack refers to by index. A segment of a value that was encoded here is the caller's own memory. Empty
   * if the value has no long parts, or is written without segments.
   */
  readonly segments: readonly Buffer[]
}

const NO_SEGMENTS: readonly Buffer[] = []

/** The encoded value that has no segments. */
export function inOne(bytes: Uint8Array): EncodedValue {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes: buffer, segments: NO_SEGMENTS }
}

/** The length of a value on the wire in bytes, with the table of its segments. */
export function sizeOf({ bytes, segments }: EncodedValue): number {
  if (segments.length === 0) return bytes.length
  return segments.reduce((sum, { length }) => sum + 4 + length, 4 + bytes.length)
}

/**
 * Whether a value that was encoded here can still be sent. It cannot when the memory of a segment was transferred to
 * another thread since.
 */
export const isWhole = ({ segments }: EncodedValue): boolean => segments.every(({ length }) => length > 0)
