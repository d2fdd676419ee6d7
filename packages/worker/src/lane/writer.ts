// Puts the frames of a host on the socket. Short frames gather in a slab. They are written as soon as the worker has no
// more calls than wait here, so that it has work while the host makes more calls, and otherwise once a tick. Long
// bodies are written from where they lie. Nothing is written while the socket holds more than 1 MiB.
import type { Socket } from 'node:net'
import { nextTick } from 'node:process'
import type {
  CallFrame,
  CancelFrame,
  Carrier,
  FeedEndFrame,
  FeedFrame,
  HostFailureFrame,
  HostFrame,
  HostItemFrame,
  HostResultFrame,
} from '../frame.ts'
import { inOne, type EncodedValue } from '../values/encoded-value.ts'
import { feedEndBody, hostFailureBody, sessionOpenBody, welcomeBody } from './bodies.ts'
import { putHeader } from './header.ts'
import { LongFrame, type LongHead } from './long-frame.ts'
import { FLAG, FRAME_BYTES, HEADER_BYTES, HOST_KIND, PREAMBLE } from './wire.ts'

/** A body of up to this many bytes is copied behind its header; a longer one is written from where it lies. */
const COPIED_BYTES = 16 * 1024
const SLAB_BYTES = 64 * 1024
/** From so many bytes on that the socket holds, nothing more is written until it has drained. */
const HELD_BYTES = 1024 * 1024

/** Of the number of a session, which goes before the arguments of its calls. */
const NUMBER_BYTES = 4

/** What is used of a socket. */
export type LaneSocket = Pick<
  Socket,
  'write' | 'cork' | 'uncork' | 'end' | 'destroy' | 'once' | 'writableLength' | 'bytesRead'
>

export class LaneWriter implements Carrier {
  readonly sendsApart = true
  readonly #socket: LaneSocket
  readonly #maySpin: () => boolean
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  /** The part of the slab that waits: from here to {@link #position}. */
  #begin = 0
  #position = 0
  /** What waits before that. */
  #chunks: Buffer[] = []
  /** The calls that wait in slab and chunks. */
  #waiting: number[] = []
  /** Frames whose bodies are split. The first one is being sent. */
  readonly #long: LongFrame[] = []
  #isScheduled = false
  #isDraining = false
  #hasEnded = false

  /** `maySpin`: whether a worker may spin while it waits for its next call. Default: never. */
  constructor(socket: LaneSocket, maySpin = (): boolean => false) {
    this.#socket = socket
    this.#maySpin = maySpin
    this.#position = PREAMBLE.copy(this.#slab)
  }

  get received(): number {
    return this.#socket.bytesRead
  }

  send(frame: HostFrame, open: number): void {
    if (this.#hasEnded) return
    switch (frame.kind) {
      case 'call':
        this.#call(frame)
        if (2 * (this.#waiting.length + this.#long.length) < open) break
        this.#flush()
        return
      case 'cancel':
      case 'hostResult':
      case 'hostFailure':
      case 'hostItem':
      case 'feed':
      case 'feedEnd':
        this.#inOrder(frame)
        break
      case 'ping':
        this.#short(HOST_KIND.ping, 0, frame.nonce, 0)
        break
      case 'credit':
        this.#short(HOST_KIND.credit, 0, frame.id, frame.bytes)
        break
      case 'welcome':
        this.#short(HOST_KIND.welcome, 0, 0, 0, welcomeBody(frame.maxBytes))
        break
      case 'sessionOpen':
        this.#short(HOST_KIND.sessionOpen, 0, frame.number, 0, sessionOpenBody(frame.id))
        break
      case 'sessionClose':
        this.#short(HOST_KIND.sessionClose, 0, frame.number, 0)
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true
      nextTick(this.#tick)
    }
  }

  unsent(): ReadonlySet<number> {
    return new Set([...this.#waiting, ...this.#long.filter(({ isCall }) => isCall).map(({ id }) => id)])
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#socket.end()
  }

  #call({ id, index, timeout, isStream, wantsProgress, session = 0, args }: CallFrame): void {
    const asks = (isStream ? FLAG.stream : 0) | (wantsProgress === true ? FLAG.progress : 0)
    const flags = (this.#maySpin() ? FLAG.spin : 0) | asks | (session === 0 ? 0 : FLAG.session)
    if (args.segments.length === 0 && args.bytes.length + NUMBER_BYTES <= FRAME_BYTES) {
      this.#waiting.push(id)
      this.#short(HOST_KIND.call, index, id, timeout, args.bytes, flags, session)
    } else if (this.#value({ kind: HOST_KIND.call, code: index, id, extra: timeout, flags }, args, session)) {
      this.#waiting.push(id)
    }
  }

  /** Puts a frame whose body is a value. Tells whether it waits in slab or chunks, and not among the long frames. */
  #value(head: LongHead, { bytes, segments }: EncodedValue, session = 0): boolean {
    const { kind, code, id, extra, flags } = head
    if (segments.length === 0 && bytes.length + NUMBER_BYTES <= FRAME_BYTES) {
      this.#short(kind, code, id, extra, bytes, flags, session)
      return true
    }
    const parts = segments.length === 0 ? [bytes] : [tableOf(segments), bytes, ...segments]
    if (session !== 0) parts.unshift(numberOf(session))
    const ownFlags = flags | (segments.length === 0 ? 0 : FLAG.apart)
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    if (length > FRAME_BYTES) {
      this.#long.push(new LongFrame({ ...head, flags: ownFlags }, parts, length))
      return false
    }
    this.#header(length, kind, ownFlags, code, id, extra)
    this.#cut()
    this.#chunks.push(...parts)
    return true
  }

  /**
   * A Cancel must not overtake its call, what is said of a host call must not overtake an item of it, and the items of
   * a feed must not overtake each other.
   */
  #inOrder(frame: CancelFrame | HostResultFrame | HostFailureFrame | HostItemFrame | FeedFrame | FeedEndFrame): void {
    const { kind, id } = frame
    const long = this.#long.find((each) => each.id === id && mayNotOvertake(kind, each.kind))
    if (long !== undefined) long.behind.push(frame)
    else if (kind === 'cancel') this.#short(HOST_KIND.cancel, frame.unlessBegun ? 1 : 0, id, 0)
    else if (kind === 'feed') {
      this.#value({ kind: HOST_KIND.feed, code: frame.feed, id, extra: 0, flags: 0 }, frame.value)
    } else if (kind === 'feedEnd') {
      const { feed, failure } = frame
      this.#short(HOST_KIND.feedEnd, feed, id, 0, failure === undefined ? undefined : feedEndBody(failure))
    } else if (kind === 'hostFailure') {
      const head = { kind: HOST_KIND.hostFailure, code: frame.code, id, extra: 0, flags: 0 }
      this.#value(head, inOne(hostFailureBody(frame)))
    } else this.#value({ kind: HOST_KIND[kind], code: 0, id, extra: 0, flags: 0 }, frame.value)
  }

  /** `session`: a number that goes before the body; 0: none. */
  #short(kind: number, code: number, id: number, extra: number, body?: Buffer, flags = 0, session = 0): void {
    const length = body === undefined ? 0 : body.length
    const isCopied = length <= COPIED_BYTES
    const before = session === 0 ? 0 : NUMBER_BYTES
    this.#header(before + length, kind, flags, code, id, extra, before + (isCopied ? length : 0))
    if (before > 0) this.#position = this.#slab.writeUInt32LE(session, this.#position)
    if (body === undefined) return
    if (isCopied) {
      this.#slab.set(body, this.#position)
      this.#position += length
    } else {
      this.#cut()
      this.#chunks.push(body)
    }
  }

  /** `more`: how many bytes have to follow in the same slab. */
  #header(length: number, kind: number, flags: number, code: number, id: number, extra: number, more = 0): void {
    if (this.#position + HEADER_BYTES + more > SLAB_BYTES) {
      this.#cut()
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#begin = this.#position = 0
    }
    this.#position = putHeader(this.#slab, this.#position, length, kind, flags, code, id, extra)
  }

  /** Makes a chunk of what waits in the slab. */
  #cut(): void {
    if (this.#position === this.#begin) return
    this.#chunks.push(this.#slab.subarray(this.#begin, this.#position))
    this.#begin = this.#position
  }

  readonly #tick = (): void => {
    this.#isScheduled = false
    this.#flush()
  }

  readonly #drained = (): void => {
    this.#isDraining = false
    this.#flush()
  }

  #flush(): void {
    const socket = this.#socket
    while (!this.#hasEnded && !this.#isDraining) {
      if (socket.writableLength >= HELD_BYTES) {
        this.#isDraining = true
        socket.once('drain', this.#drained)
      } else if (this.#chunks.length > 0) this.#writeChunks()
      else if (this.#position > this.#begin) {
        socket.write(this.#slab.subarray(this.#begin, this.#position))
        this.#begin = this.#position
        this.#waiting.length = 0
      } else if (this.#long.length > 0) this.#writePart(this.#long[0] as LongFrame)
      else break
    }
    // The kernel has it all, so the slab can be filled again.
    if (socket.writableLength === 0 && this.#begin === this.#position) this.#begin = this.#position = 0
  }

  #writeChunks(): void {
    this.#cut()
    const socket = this.#socket
    let count = 0
    socket.cork()
    for (const chunk of this.#chunks) {
      if (socket.writableLength >= HELD_BYTES) break
      if (chunk.length === 0) {
        this.#giveUp()
        break
      }
      socket.write(chunk)
      count += 1
    }
    socket.uncork()
    this.#chunks.splice(0, count)
    this.#waiting.length = 0 // of some it is not certain any more
  }

  /** The memory of a segment was transferred to another thread. What follows would be taken for its bytes. */
  #giveUp(): void {
    this.#hasEnded = true
    this.#socket.destroy(new TypeError('bytes of an argument were taken away before they were sent'))
  }

  #writePart(frame: LongFrame): void {
    const pieces = frame.next()
    if (pieces === undefined) {
      this.#giveUp()
      return
    }
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    this.#socket.uncork()
    if (!frame.isDone) return
    this.#long.shift()
    for (const each of frame.behind) this.send(each, 0)
  }
}

/** Whether a frame of the kind has to wait for a long frame of the same id that is being written. */
const mayNotOvertake = (kind: HostFrame['kind'], long: number): boolean =>
  long === (kind === 'cancel' ? HOST_KIND.call : kind.startsWith('host') ? HOST_KIND.hostItem : HOST_KIND.feed)

function numberOf(session: number): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES)
  bytes.writeUInt32LE(session)
  return bytes
}

/** The number of segments and the length of each. */
function tableOf(segments: readonly Buffer[]): Buffer {
  const table = Buffer.allocUnsafe(4 + 4 * segments.length)
  table.writeUInt32LE(segments.length)
  segments.forEach(({ length }, index) => table.writeUInt32LE(length, 4 + 4 * index))
  return table
}
