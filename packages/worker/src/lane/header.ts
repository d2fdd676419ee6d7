// The header of a frame as bytes.
import { HEADER_BYTES } from './wire.ts'

/** Writes a header, and returns the place behind it. */
export function putHeader(
  target: Buffer,
  at: number,
  length: number,
  kind: number,
  flags: number,
  code: number,
  id: number,
  extra: number,
): number {
  target.writeUInt32LE(length, at)
  target[at + 4] = kind
  target[at + 5] = flags
  target.writeUInt16LE(code, at + 6)
  target.writeUInt32LE(id, at + 8)
  target.writeUInt32LE(extra, at + 12)
  return at + HEADER_BYTES
}
