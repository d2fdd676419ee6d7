// The frames of a worker on the socket lane as bytes, and a reader of them, written from docs/protocol.md alone. The
// fuzz compares what this reader says of damaged bytes with what the host's parser says.

export const HELLO = 1
export const READY = 2
export const RESULT = 3
export const FAILURE = 4
export const PONG = 5
const PART = 6
export const ITEM = 7
export const PROGRESS = 8
export const HOST_CALL = 9
export const HOST_CANCEL = 10
export const HOST_CREDIT = 11
export const WANT = 12
const [APART, SPLIT, STREAM] = [1, 2, 8]
const FLAGS: Readonly<Record<number, number>> = {
  [READY]: SPLIT,
  [RESULT]: APART | SPLIT,
  [FAILURE]: SPLIT,
  [ITEM]: APART | SPLIT,
  [HOST_CALL]: APART | SPLIT | STREAM,
}
const HAVE_EXTRA = [PONG, HOST_CALL, HOST_CREDIT, WANT]
const HAVE_NO_BODY = [PONG, HOST_CANCEL, HOST_CREDIT, WANT]
const HEADER = 16
const LONGEST = (1024 + 64) * 1024
const LONGEST_HELLO = 64 * 1024
const MOST = 256 * 1024 * 1024
const MOST_SEGMENTS = 4_096

/** What a worker of this version begins with. */
export const preamble = (version: number): Buffer => Buffer.from([0x54, 0x52, 0x4d, 0x1a, version, 0, 0, 0])

export interface Head {
  readonly kind: number
  readonly flags?: number
  readonly code?: number
  readonly id?: number
  readonly extra?: number
}

export function frame({ kind, flags = 0, code = 0, id = 0, extra = 0 }: Head, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt8(kind, 4)
  header.writeUInt8(flags, 5)
  header.writeUInt16LE(code, 6)
  header.writeUInt32LE(id, 8)
  header.writeUInt32LE(extra, 12)
  return Buffer.concat([header, body])
}

/** A frame as a split frame; `lengths`: of its pieces but for the last. */
export function split(head: Head, body: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const length of [...lengths, body.length]) {
    const piece = body.subarray(at, at + length)
    at += piece.length
    if (pieces.length === 0) {
      pieces.push(frame({ ...head, flags: (head.flags ?? 0) | SPLIT }, Buffer.concat([numbers(body.length), piece])))
    } else if (piece.length > 0) pieces.push(frame({ kind: PART, id: head.id ?? 0 }, piece))
  }
  return pieces
}

/** A body with segments. */
export const apart = (data: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([numbers(segments.length, ...segments.map(({ length }) => length)), data, ...segments])

export function numbers(...values: number[]): Buffer {
  const table = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => table.writeUInt32LE(value, 4 * index))
  return table
}

/** A frame as the reader has it: its head, its msgpack and its segments. */
export interface ReadFrame {
  readonly kind: number
  readonly flags: number
  readonly code: number
  readonly id: number
  readonly extra: number
  readonly data: Buffer
  readonly segments: readonly Buffer[]
}

class Wrong extends Error {}

/** The frames up to the first that is not whole, and whether the bytes are wrong; the first has to be Hello. */
export function read(data: Buffer): { readonly frames: readonly ReadFrame[]; readonly isWrong: boolean } {
  const frames: ReadFrame[] = []
  try {
    readInto(frames, data)
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { frames, isWrong: true }
  }
  return { frames, isWrong: false }
}

function readInto(frames: ReadFrame[], data: Buffer): void {
  let isGreeted = false
  let open: { readonly total: number; readonly head: Required<Head>; parts: Buffer } | undefined
  for (let at = 0; data.length - at >= HEADER;) {
    const length = data.readUInt32LE(at)
    const head = {
      kind: data.readUInt8(at + 4),
      flags: data.readUInt8(at + 5),
      code: data.readUInt16LE(at + 6),
      id: data.readUInt32LE(at + 8),
      extra: data.readUInt32LE(at + 12),
    }
    if (!isGreeted) demand(head.kind === HELLO && length <= LONGEST_HELLO)
    isGreeted = true
    checkHeader(length, head)
    const body = data.subarray(at + HEADER, at + HEADER + length)
    at += HEADER + length
    if (head.kind === PART) {
      demand(open !== undefined && open.head.id === head.id && length <= open.total - open.parts.length)
      if (open === undefined || body.length < length) return
      open.parts = Buffer.concat([open.parts, body])
      if (open.parts.length < open.total) continue
      frames.push({ ...open.head, ...whole(open.parts, open.head.flags) })
      open = undefined
    } else if ((head.flags & SPLIT) !== 0) {
      demand(open === undefined && length > 4)
      if (body.length < 4) return
      const total = body.readUInt32LE()
      demand(total > length - 4 && total <= MOST)
      const parts = body.subarray(4)
      checkTable(parts, length - 4, total, head.flags)
      if (body.length < length) return
      open = { total, head, parts }
    } else {
      checkTable(body, length, length, head.flags)
      if (body.length < length) return
      frames.push({ ...head, ...whole(body, head.flags) })
    }
  }
}

function demand(isRight: boolean): void {
  if (!isRight) throw new Wrong()
}

function checkHeader(length: number, { kind, flags, code, id, extra }: Required<Head>): void {
  demand(kind >= HELLO && kind <= WANT)
  demand((flags & ~(FLAGS[kind] ?? 0)) === 0)
  demand(code === 0 || kind === FAILURE || kind === WANT)
  demand(id === 0 || kind >= RESULT)
  demand(extra === 0 || HAVE_EXTRA.includes(kind))
  demand(length <= LONGEST + ((flags & SPLIT) === 0 ? 0 : 4))
  demand((length === 0) === HAVE_NO_BODY.includes(kind))
}

/** `length`: of the first frame's body, which has the table; `total`: of the whole body. */
function checkTable(body: Buffer, length: number, total: number, flags: number): void {
  if ((flags & APART) === 0) return
  demand(length >= 4)
  if (body.length < 4) return
  const count = body.readUInt32LE()
  demand(count >= 1 && count <= MOST_SEGMENTS && 4 + 4 * count <= length)
  if (body.length < 4 + 4 * count) return
  const lengths = lengthsIn(body)
  demand(!lengths.includes(0) && sum(lengths) < total - 4 - 4 * count)
}

function lengthsIn(body: Buffer): number[] {
  return Array.from({ length: body.readUInt32LE() }, (_, index) => body.readUInt32LE(4 + 4 * index))
}

const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0)

function whole(body: Buffer, flags: number): Pick<ReadFrame, 'data' | 'segments'> {
  if ((flags & APART) === 0) return { data: body, segments: [] }
  const lengths = lengthsIn(body)
  let at = body.length - sum(lengths)
  const data = body.subarray(4 + 4 * lengths.length, at)
  const segments = lengths.map((length) => body.subarray(at, (at += length)))
  return { data, segments }
}
