// The messages of a session on gRPC: frames of one tick travel together, and while a message is unacknowledged the next
// frames gather. gRPC's cost is per message, and without that window batches only ever split under load.
import type { Carrier, HostFrame, WorkerFrame } from '../frame.ts'
import type { HostFrame as HostMessage, SessionRequest, SessionResponse } from '../generated/terrarium/v1/session.ts'
import { FRAME_OVERHEAD } from '../values/wire.ts'
import { fromMessage, toMessage } from './frames.ts'

/**
 * Frames that wait together travel together, up to this many payload bytes a message (a longer frame travels alone).
 */
const BATCH_BYTES = 256 * 1024

/** What a carrier needs of the gRPC stream. */
export interface MessageStream {
  readonly write: (message: SessionResponse) => void
  readonly end: () => void
}

export class GrpcCarrier implements Carrier {
  readonly #stream: MessageStream
  #outbox: HostMessage[] = []
  #outboxBytes: number[] = []
  #sent = 0
  #acknowledged = 0
  #received = 0
  #receivedAcknowledged = 0
  #messages = 0
  #flushScheduled = false
  #ended = false

  constructor(stream: MessageStream) {
    this.#stream = stream
  }

  /** The number of messages. */
  get received(): number {
    return this.#messages
  }

  /**
   * Takes a message from the wire, and gives its frames on. Throws a TypeError on what the protocol does not allow, and
   * what `take` throws.
   */
  receive(message: SessionRequest, take: (frame: WorkerFrame) => void): void {
    if (this.#ended) return
    const { seq, ack, frames } = message
    if (ack !== this.#sent && ack !== this.#acknowledged) {
      throw new TypeError(`message ${ack} was acknowledged, sent were ${this.#sent}`)
    }
    this.#acknowledged = ack
    this.#messages += 1
    if (seq > 0) {
      if (seq !== after(this.#received)) throw new TypeError(`message ${seq} follows ${this.#received}`)
      if (this.#receivedAcknowledged !== this.#received) {
        throw new TypeError(`message ${seq} came before ${this.#received} was acknowledged`)
      }
      if (frames.length === 0) throw new TypeError(`message ${seq} has no frames`)
      this.#received = seq
      for (const frame of frames) take(fromMessage(frame))
      // Whatever the answers bring about in this turn carries the acknowledgement; else it goes alone.
      setImmediate(() => {
        if (this.#receivedAcknowledged !== this.#received) this.#write([])
      })
    } else if (frames.length > 0) throw new TypeError('a message without a number has frames')
    this.#flushSoon()
  }

  send(frame: HostFrame): void {
    if (this.#ended) return
    this.#outbox.push(toMessage(frame))
    this.#outboxBytes.push(bytesOf(frame))
    this.#flushSoon()
  }

  unsent(): ReadonlySet<number> {
    return new Set(this.#outbox.flatMap(({ kind }) => (kind?.$case === 'call' ? kind.value.id : [])))
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#outbox = []
    this.#outboxBytes = []
    this.#stream.end()
  }

  #flushSoon(): void {
    if (this.#flushScheduled || this.#outbox.length === 0) return
    this.#flushScheduled = true
    process.nextTick(() => {
      this.#flushScheduled = false
      if (this.#ended || this.#outbox.length === 0 || this.#acknowledged !== this.#sent) return
      this.#write(this.#batch())
    })
  }

  #batch(): HostMessage[] {
    let count = 0
    for (let bytes = 0; count < this.#outbox.length; count++) {
      bytes += this.#outboxBytes[count] ?? 0
      if (count > 0 && bytes > BATCH_BYTES) break
    }
    if (count === this.#outbox.length) {
      const all = this.#outbox
      this.#outbox = []
      this.#outboxBytes = []
      return all
    }
    this.#outboxBytes.splice(0, count)
    return this.#outbox.splice(0, count)
  }

  #write(frames: HostMessage[]): void {
    if (this.#ended) return
    this.#receivedAcknowledged = this.#received
    const seq = frames.length === 0 ? 0 : (this.#sent = after(this.#sent))
    this.#stream.write({ seq, ack: this.#received, frames })
  }
}

/** About, as a message. */
function bytesOf(frame: HostFrame): number {
  if (frame.kind === 'call') return frame.args.bytes.length + frame.tool.length + FRAME_OVERHEAD
  return 'value' in frame ? frame.value.bytes.length + FRAME_OVERHEAD : 16
}

/** The number of the next message. A session may live longer than 32 bits last. */
const after = (seq: number): number => (seq === 0xffffffff ? 1 : seq + 1)
