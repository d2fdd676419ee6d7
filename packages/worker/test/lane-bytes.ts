// Frames of the socket lane by hand, as `docs/protocol.md` describes them: the bytes of a worker, and what a host sent.
import { encode } from '../src/values/codec.ts'

export interface Raw {
  readonly kind: number
  readonly flags?: number
  readonly code?: number
  readonly id?: number
  readonly extra?: number
  readonly body?: Buffer
  /** Default: the length of the body. */
  readonly length?: number
}

/** One frame as bytes, whatever is in it. */
export function raw({ kind, flags = 0, code = 0, id = 0, extra = 0, body = Buffer.alloc(0), length }: Raw): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(length ?? body.length, 0)
  header.writeUInt8(kind, 4)
  header.writeUInt8(flags, 5)
  header.writeUInt16LE(code, 6)
  header.writeUInt32LE(id, 8)
  header.writeUInt32LE(extra, 12)
  return Buffer.concat([header, body])
}

export const u32 = (...numbers: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * numbers.length)
  numbers.forEach((number, index) => bytes.writeUInt32LE(number, 4 * index))
  return bytes
}

export const preamble = (version = 4, rest = 0): Buffer =>
  Buffer.concat([Buffer.from('54524d1a', 'hex'), Buffer.from([version & 255, version >> 8, rest, 0])])

export const helloBytes = (more: object = {}): Buffer =>
  raw({ kind: 1, body: encode({ token: '', pid: 7, package: '0.1.0', python: '3.11', begun: false, ...more }) })

export const readyBytes = (...names: string[]): Buffer =>
  raw({
    kind: 2,
    body: encode({ tools: names.map((name) => ({ name, isAsync: false, isStream: false, summary: '' })) }),
  })

export const resultBytes = (id: number, value: unknown): Buffer => raw({ kind: 3, id, body: encode(value) })

export const failureBytes = (id: number, code: number, more: object = {}): Buffer =>
  raw({ kind: 4, id, code, body: encode({ message: 'no', ...more }) })

export const pongBytes = (nonce: number, running = 0): Buffer => raw({ kind: 5, id: nonce, extra: running })

/** A body with segments. */
export const apart = (bytes: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([u32(segments.length, ...segments.map(({ length }) => length)), bytes, ...segments])

/** A frame with a body that is split into pieces of these lengths and a last one. */
export function split(frame: Raw & { readonly body: Buffer }, part: number, ...lengths: number[]): Buffer[] {
  const { body } = frame
  const pieces: Buffer[] = []
  let at = 0
  for (const length of [...lengths, body.length]) {
    const piece = body.subarray(at, at + length)
    if (pieces.length === 0)
      pieces.push(raw({ ...frame, flags: (frame.flags ?? 0) | 2, body: Buffer.concat([u32(body.length), piece]) }))
    else pieces.push(raw({ kind: part, id: frame.id ?? 0, body: piece }))
    at += piece.length
  }
  return pieces
}

/** A frame as it was sent, its body whole. */
export interface Sent {
  readonly kind: number
  readonly flags: number
  readonly code: number
  readonly id: number
  readonly extra: number
  readonly body: Buffer
}

/** The frames in what a side has sent, behind its preamble. Throws if bytes are left over. */
export function framesIn(bytes: Buffer): Sent[] {
  const frames: Sent[] = []
  let at = 8
  while (at < bytes.length) {
    const length = bytes.readUInt32LE(at)
    if (at + 16 + length > bytes.length) throw new Error(`half a frame at ${at}`)
    frames.push({
      kind: bytes.readUInt8(at + 4),
      flags: bytes.readUInt8(at + 5),
      code: bytes.readUInt16LE(at + 6),
      id: bytes.readUInt32LE(at + 8),
      extra: bytes.readUInt32LE(at + 12),
      body: bytes.subarray(at + 16, at + 16 + length),
    })
    at += 16 + length
  }
  return frames
}
