// Takes the bytes of a worker apart into frames. Length, kind and every other field of a header are checked before the
// body is read.
import type { WorkerFrame } from '../frame.ts'
import { inOne, type EncodedValue } from '../values/encoded-value.ts'
import { Body, type Head } from './body.ts'
import { failureIn, helloIn, progressIn, readyIn } from './bodies.ts'
import { FLAG, FRAME_BYTES, HEADER_BYTES, HELLO_BYTES, WORKER_KIND } from './wire.ts'

/** Takes the value of a frame that has no segments: it is in these bytes from `start` to `end`. */
export type TakePart = (kind: 'result' | 'item', id: number, bytes: Buffer, start: number, end: number) => void

export class LaneParser {
  readonly #onFrame: (frame: WorkerFrame) => void
  readonly #onPart: TakePart | undefined
  /** The first frame was Hello. */
  #isGreeted = false
  /** A header of which a part has come. */
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerFilled = 0
  /** The body that the bytes belong to, and how many of the present frame are to come. */
  #body: Body | undefined
  #left = 0
  /** A split body whose last Part has not come. */
  #open: Body | undefined

  /**
   * `onFrame` is called with each frame, in order; instead, `onPart` with a result or an item that has come in one
   * piece. What they throw, {@link take} throws. The bytes that they are given are valid until they return, but for
   * segments.
   */
  constructor(onFrame: (frame: WorkerFrame) => void, onPart?: TakePart) {
    this.#onFrame = onFrame
    this.#onPart = onPart
  }

  /** Takes the bytes that come next, without the preamble. Throws a TypeError on what the protocol does not allow. */
  take(chunk: Buffer): void {
    const end = chunk.length
    let at = 0
    while (at < end) {
      if (this.#left > 0) {
        const to = Math.min(end, at + this.#left)
        this.#fill(chunk, at, to)
        at = to
      } else if (this.#headerFilled > 0 || end - at < HEADER_BYTES) {
        const to = Math.min(end, at + HEADER_BYTES - this.#headerFilled)
        this.#headerFilled += chunk.copy(this.#header, this.#headerFilled, at, to)
        at = to
        if (this.#headerFilled === HEADER_BYTES) {
          this.#headerFilled = 0
          at = this.#begin(this.#header, 0, chunk, at)
        }
      } else at = this.#begin(chunk, at, chunk, at + HEADER_BYTES)
    }
  }

  /** Begins a frame; `start`: where its body begins in the chunk. Returns the place behind what was taken. */
  #begin(header: Buffer, from: number, chunk: Buffer, start: number): number {
    const length = header.readUInt32LE(from)
    const kind = header[from + 4] as number
    const flags = header[from + 5] as number
    const code = header.readUInt16LE(from + 6)
    const id = header.readUInt32LE(from + 8)
    const extra = header.readUInt32LE(from + 12)
    this.#check(length, kind, flags, code, id, extra)
    if (length === 0) {
      this.#emit(kind, flags, code, id, extra, undefined)
      return start
    }
    if (flags === 0 && kind !== WORKER_KIND.part) {
      const end = start + length
      if (end <= chunk.length) {
        const part = this.#onPart === undefined ? undefined : PARTS[kind]
        if (part !== undefined) this.#onPart?.(part, id, chunk, start, end)
        else this.#emit(kind, flags, code, id, extra, inOne(chunk.subarray(start, end)))
        return end
      }
    }
    this.#left = length
    if (kind === WORKER_KIND.part) this.#body = this.#open
    else {
      const head: Head = { kind, flags, code, id, extra }
      const isSplit = (flags & FLAG.split) !== 0
      this.#body = new Body(head, length, (flags & FLAG.apart) !== 0, isSplit)
      if (isSplit) this.#open = this.#body
    }
    return start
  }

  #fill(chunk: Buffer, from: number, to: number): void {
    const body = this.#body as Body
    body.write(chunk, from, to)
    this.#left -= to - from
    if (this.#left > 0) return
    this.#body = undefined
    if (!body.isBegun) throw new TypeError('a table of segments that is not in the first frame')
    if (!body.isWhole) return
    if (body.isSplit) this.#open = undefined
    const { kind, flags, code, id, extra } = body.head
    this.#emit(kind, flags, code, id, extra, body.value)
  }

  #check(length: number, kind: number, flags: number, code: number, id: number, extra: number): void {
    if (!this.#isGreeted) {
      if (kind !== WORKER_KIND.hello) throw new TypeError('the first frame of a session must be Hello')
      if (length > HELLO_BYTES) throw new TypeError(`a Hello of ${length} bytes, more than ${HELLO_BYTES}`)
      this.#isGreeted = true
    }
    const allowed = ALLOWED[kind]
    if (allowed === undefined) throw new TypeError('a frame of a kind that this version does not know')
    if ((flags & ~allowed.flags) !== 0) throw new TypeError(`${allowed.name} with flags ${flags}`)
    if (code !== 0 && !allowed.code) throw new TypeError(`${allowed.name} with code ${code}`)
    if (id !== 0 && !allowed.id) throw new TypeError(`${allowed.name} with id ${id}`)
    if (extra !== 0 && !allowed.extra) throw new TypeError(`${allowed.name} with extra ${extra}`)
    if ((length === 0) === allowed.body) throw new TypeError(`${allowed.name} with a body of ${length} bytes`)
    const isSplit = (flags & FLAG.split) !== 0
    if (length > FRAME_BYTES + (isSplit ? 4 : 0)) {
      throw new TypeError(`${allowed.name} with a body of ${length} bytes, more than ${FRAME_BYTES}`)
    }
    if (isSplit) {
      if (this.#open !== undefined) throw new TypeError('a split frame while another is open')
      if (length <= 4) throw new TypeError('a split frame without bytes')
    } else if (kind === WORKER_KIND.part) this.#checkPart(id, length)
  }

  #checkPart(id: number, length: number): void {
    const open = this.#open
    if (open === undefined) throw new TypeError('a Part without an open split frame')
    if (open.head.id !== id) throw new TypeError(`a Part with id ${id}, the split frame has ${open.head.id}`)
    if (length > open.missing) throw new TypeError(`a Part of ${length} bytes, ${open.missing} are missing`)
  }

  #emit(kind: number, flags: number, code: number, id: number, extra: number, body: EncodedValue | undefined): void {
    if (kind === WORKER_KIND.result) this.#onFrame({ kind: 'result', id, value: body as EncodedValue })
    else if (kind === WORKER_KIND.pong) this.#onFrame({ kind: 'pong', nonce: id, running: extra })
    else if (kind === WORKER_KIND.item) this.#onFrame({ kind: 'item', id, value: body as EncodedValue })
    else if (kind === WORKER_KIND.hostCall) {
      const isStream = (flags & FLAG.stream) !== 0
      this.#onFrame({ kind: 'hostCall', id, call: extra, isStream, body: body as EncodedValue })
    } else if (kind === WORKER_KIND.hostCancel) this.#onFrame({ kind: 'hostCancel', id })
    else if (kind === WORKER_KIND.hostCredit) this.#onFrame({ kind: 'hostCredit', id, bytes: extra })
    else if (kind === WORKER_KIND.want) this.#onFrame({ kind: 'want', id, feed: code, bytes: extra })
    else {
      const { bytes } = body as EncodedValue
      if (kind === WORKER_KIND.failure) this.#onFrame(failureIn(bytes, id, code))
      else if (kind === WORKER_KIND.progress) this.#onFrame(progressIn(bytes, id))
      else this.#onFrame(kind === WORKER_KIND.hello ? helloIn(bytes) : readyIn(bytes))
    }
  }
}

/** Most frames are of these kinds: a view of the bytes of each would cost as much as to decode a short value. */
const PARTS: Readonly<Record<number, 'result' | 'item' | undefined>> = {
  [WORKER_KIND.result]: 'result',
  [WORKER_KIND.item]: 'item',
}

/** What the header of a frame may have. */
interface Allowed {
  /** For faults. */
  readonly name: string
  readonly flags: number
  readonly code: boolean
  readonly id: boolean
  readonly extra: boolean
  readonly body: boolean
}

const COLD: Omit<Allowed, 'name'> = { flags: FLAG.split, code: false, id: false, extra: false, body: true }

/** By kind. */
const ALLOWED: Readonly<Record<number, Allowed | undefined>> = {
  [WORKER_KIND.hello]: { ...COLD, name: 'a Hello', flags: 0 },
  [WORKER_KIND.ready]: { ...COLD, name: 'a Ready' },
  [WORKER_KIND.result]: { ...COLD, name: 'a Result', flags: FLAG.apart | FLAG.split, id: true },
  [WORKER_KIND.failure]: { ...COLD, name: 'a Failure', code: true, id: true },
  [WORKER_KIND.pong]: { ...COLD, name: 'a Pong', flags: 0, id: true, extra: true, body: false },
  [WORKER_KIND.part]: { ...COLD, name: 'a Part', flags: 0, id: true },
  [WORKER_KIND.item]: { ...COLD, name: 'an Item', flags: FLAG.apart | FLAG.split, id: true },
  [WORKER_KIND.progress]: { ...COLD, name: 'a Progress', flags: 0, id: true },
  [WORKER_KIND.hostCall]: {
    ...COLD,
    name: 'a HostCall',
    flags: FLAG.apart | FLAG.split | FLAG.stream,
    id: true,
    extra: true,
  },
  [WORKER_KIND.hostCancel]: { ...COLD, name: 'a HostCancel', flags: 0, id: true, body: false },
  [WORKER_KIND.hostCredit]: { ...COLD, name: 'a HostCredit', flags: 0, id: true, extra: true, body: false },
  [WORKER_KIND.want]: { ...COLD, name: 'a Want', flags: 0, code: true, id: true, extra: true, body: false },
}
