// A connection of a worker on the socket lane that can send anything, written from docs/protocol.md alone.
import net from 'node:net'
import { pack } from 'msgpackr/pack'

export const VERSION = 4
export const [HELLO, READY, RESULT, FAILURE, PONG, PART, ITEM, PROGRESS] = [1, 2, 3, 4, 5, 6, 7, 8]
export const [HOST_CALL, HOST_CANCEL, HOST_CREDIT, WANT] = [9, 10, 11, 12]
export const [APART, SPLIT, STREAM] = [1, 2, 8]
const KINDS = new Map([
  [16, 'welcome'],
  [17, 'refused'],
  [18, 'call'],
  [19, 'cancel'],
  [20, 'ping'],
  [23, 'hostResult'],
  [24, 'hostFailure'],
])

/** Numbers of 4 bytes. */
export function u32(/** @type {number[]} */ ...values) {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index))
  return bytes
}

/**
 * A frame, or something like it. `length`: what the header says, by default that of the body.
 *
 * @param {{ kind: number, flags?: number, code?: number, id?: number, extra?: number, length?: number }} head
 */
export function frame({ kind, flags = 0, code = 0, id = 0, extra = 0, length }, body = Buffer.alloc(0)) {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(length ?? body.length, 0)
  header.writeUInt8(kind, 4)
  header.writeUInt8(flags, 5)
  header.writeUInt16LE(code, 6)
  header.writeUInt32LE(id, 8)
  header.writeUInt32LE(extra, 12)
  return Buffer.concat([header, body])
}

export const preamble = (version = VERSION) => Buffer.from([0x54, 0x52, 0x4d, 0x1a, version, 0, 0, 0])

/** @param {object} [more] */
export const hello = (token = '', more = {}) =>
  frame({ kind: HELLO }, pack({ token, pid: process.pid, package: 'rogue', python: '3', begun: false, ...more }))

export const ready = (names = ['work']) =>
  frame({ kind: READY }, pack({ tools: names.map((name) => ({ name, isAsync: false, summary: '' })) }))

/** A Ready with so many tools that it is split. */
export function longReady(/** @type {number} */ count) {
  const body = pack({
    tools: Array.from({ length: count }, (_, n) => ({ name: `t${n}`, isAsync: false, summary: '' })),
  })
  const pieces = []
  for (let at = 0; at < body.length; at += 2 ** 20) {
    const piece = body.subarray(at, at + 2 ** 20)
    if (at > 0) pieces.push(frame({ kind: PART }, piece))
    else pieces.push(frame({ kind: READY, flags: SPLIT }, Buffer.concat([u32(body.length), piece])))
  }
  return Buffer.concat(pieces)
}

/** @param {unknown} value */
export const result = (/** @type {number} */ id, value = 'done') => frame({ kind: RESULT, id }, pack(value))

/** The frames that a tool has sent while its call is open. @type {import('./tool-kinds.mjs').ToolFrames} */
export const toolFrames = {
  item: (id, value) => frame({ kind: ITEM, id }, value),
  progress: (id, done) => frame({ kind: PROGRESS, id }, pack({ done })),
  hostCall: (id, call, body, isStream = false) =>
    frame({ kind: HOST_CALL, id, extra: call, flags: isStream ? STREAM : 0 }, body),
  hostCancel: (id) => frame({ kind: HOST_CANCEL, id }),
  hostCredit: (id, bytes) => frame({ kind: HOST_CREDIT, id, extra: bytes }),
  want: (id, feed, bytes) => frame({ kind: WANT, id, code: feed, extra: bytes }),
}

/** Takes what the host sends, and answers its pings. */
export class LaneWire {
  /** @type {{ kind: string, code: number, id: number }[]} */
  heard = []
  isOver = false
  answersPings = true
  /** The answers to pings while a frame is sent byte by byte. */
  #late = /** @type {Buffer[] | undefined} */ (undefined)
  #rest = Buffer.alloc(0)
  #isGreeted = false
  #changed = () => {}

  constructor(/** @type {string} */ path) {
    this.socket = net.connect(path)
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => this.#take(chunk))
    this.ended = new Promise((resolve) => this.socket.once('close', resolve))
    void this.ended.then(() => {
      this.isOver = true
      this.#changed()
    })
  }

  send(/** @type {Buffer[]} */ ...frames) {
    this.socket.write(Buffer.concat(frames))
  }

  /** Byte by byte, each in a write of its own. Pings that come meanwhile are answered behind the bytes. */
  async trickle(/** @type {Buffer} */ bytes) {
    this.#late = []
    for (const byte of bytes) {
      this.socket.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.send(...this.#late)
    this.#late = undefined
  }

  /** The first frame of this kind; undefined if the connection ends before. */
  async first(/** @type {string} */ kind) {
    for (;;) {
      const found = this.heard.find((each) => each.kind === kind)
      if (found !== undefined || this.isOver) return found
      await new Promise((resolve) => (this.#changed = () => resolve(undefined)))
    }
  }

  close() {
    this.socket.destroy()
  }

  #take(/** @type {Buffer} */ chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk])
    if (!this.#isGreeted && this.#rest.length >= 8) {
      this.#rest = this.#rest.subarray(8)
      this.#isGreeted = true
    }
    while (this.#isGreeted && this.#rest.length >= 16 && this.#rest.length >= 16 + this.#rest.readUInt32LE()) {
      const id = this.#rest.readUInt32LE(8)
      const kind = KINDS.get(this.#rest.readUInt8(4)) ?? '?'
      const pong = frame({ kind: PONG, id })
      if (kind === 'ping' && this.#late !== undefined) this.#late.push(pong)
      else if (kind === 'ping' && this.answersPings) this.send(pong)
      this.heard.push({ kind, code: this.#rest.readUInt16LE(6), id })
      this.#rest = this.#rest.subarray(16 + this.#rest.readUInt32LE())
    }
    this.#changed()
  }
}
