// A client of terrarium.v1 that is written from proto/terrarium/v1/session.proto and from nothing else: protocol
// buffers and the framing of gRPC by hand, over HTTP/2 of Node's own. It can send anything at any moment.
import http2 from 'node:http2'
import net from 'node:net'

/** @param {number | bigint} value */
function varint(value) {
  const bytes = []
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 127n) | 128)
  }
}

/** A field that holds a number, `bool` and `enum` included. */
const number = (/** @type {number} */ field, /** @type {number | boolean} */ value) =>
  value ? Buffer.concat([varint(field << 3), varint(Number(value))]) : Buffer.alloc(0)

/** A field that holds text, bytes, or a message. */
const bytes = (/** @type {number} */ field, /** @type {string | Uint8Array} */ value) => {
  const data = Buffer.from(value)
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data])
}

/** A field that holds a number with a fraction. */
const double = (/** @type {number} */ field, /** @type {number} */ value) => {
  const data = Buffer.alloc(8)
  data.writeDoubleLE(value)
  return Buffer.concat([varint((field << 3) | 1), data])
}

/** Each makes one WorkerFrame. */
export const frame = {
  hello: ({ token = '', version = 4, pid = process.pid }) =>
    bytes(1, Buffer.concat([number(1, version), bytes(2, token), number(3, pid), bytes(4, '9.9'), bytes(5, '3.99')])),
  ready: (/** @type {string[]} */ names, isAsync = false) =>
    bytes(2, Buffer.concat(names.map((name) => bytes(1, Buffer.concat([bytes(1, name), number(2, isAsync)]))))),
  result: (/** @type {number} */ id, /** @type {Uint8Array} */ value) =>
    bytes(3, Buffer.concat([number(1, id), bytes(2, value)])),
  failure: (/** @type {number} */ id, { code = 1, type = '', message = '', notBegun = false } = {}) =>
    bytes(4, Buffer.concat([number(1, id), number(2, code), bytes(3, type), bytes(4, message), number(6, notBegun)])),
  pong: (/** @type {number} */ nonce, running = 0) => bytes(5, Buffer.concat([number(1, nonce), number(2, running)])),
  item: (/** @type {number} */ id, /** @type {Uint8Array} */ value) =>
    bytes(6, Buffer.concat([number(1, id), bytes(2, value)])),
  progress: (/** @type {number} */ id, /** @type {number} */ done) =>
    bytes(7, Buffer.concat([number(1, id), double(2, done)])),
  hostCall: (/** @type {number} */ id, /** @type {number} */ call, /** @type {Uint8Array} */ body, isStream = false) =>
    bytes(8, Buffer.concat([number(1, id), number(2, call), bytes(3, body), number(4, isStream)])),
  hostCancel: (/** @type {number} */ id) => bytes(9, number(1, id)),
  hostCredit: (/** @type {number} */ id, /** @type {number} */ size) =>
    bytes(10, Buffer.concat([number(1, id), number(2, size)])),
  want: (/** @type {number} */ id, /** @type {number} */ feed, /** @type {number} */ size) =>
    bytes(11, Buffer.concat([number(1, id), number(2, feed), number(3, size)])),
  /** A frame of a later version. */
  unknown: () => bytes(77, 'from the future'),
}

/** A SessionRequest. */
export const message = (/** @type {number} */ seq, /** @type {number} */ ack, /** @type {Buffer[]} */ frames) =>
  Buffer.concat([number(1, seq), number(2, ack), ...frames.map((each) => bytes(3, each))])

/** The fields of a message: numbers as numbers, everything else as bytes. */
function* fields(/** @type {Buffer} */ data) {
  let at = 0
  const next = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = data[at++] ?? 0
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  while (at < data.length) {
    const tag = next()
    if ((tag & 7) === 0) yield { field: tag >> 3, value: next() }
    else {
      const length = next()
      yield { field: tag >> 3, value: data.subarray(at, at + length) }
      at += length
    }
  }
}

const KINDS = ['?', 'welcome', 'call', 'cancel', 'ping']

/** Reads a SessionResponse: its numbers, and each frame by its kind, with its fields by number. */
function read(/** @type {Buffer} */ data) {
  const said = { seq: 0, ack: 0, /** @type {import('./wire.mjs').HostFrame[]} */ frames: [] }
  for (const { field, value } of fields(data)) {
    if (field === 1) said.seq = Number(value)
    if (field === 2) said.ack = Number(value)
    if (field !== 3) continue
    for (const kind of fields(/** @type {Buffer} */ (value))) {
      const own = Object.fromEntries(
        [...fields(/** @type {Buffer} */ (kind.value))].map((each) => [each.field, each.value]),
      )
      said.frames.push({ kind: KINDS[kind.field] ?? '?', fields: own })
    }
  }
  return said
}

/** One stream to a host. The stream sends nothing by itself, not even an acknowledgement. */
export class Wire {
  /** All frames received, in order. */
  frames = /** @type {import('./wire.mjs').HostFrame[]} */ ([])
  /** The number of the host's last message. */
  received = 0
  acknowledged = 0
  sent = 0
  /** The gRPC status once the stream has ended. */
  status = /** @type {{ code: number, details: string } | undefined} */ (undefined)
  isOver = false
  #rest = Buffer.alloc(0)
  #heard = () => {}

  /** @param {string} path of the host's socket */
  constructor(path) {
    this.socket = net.connect(path)
    this.session = http2.connect('http://localhost', { createConnection: () => this.socket })
    this.session.on('error', () => this.#heard())
    this.stream = this.session.request({
      ':method': 'POST',
      ':path': '/terrarium.v1.HostService/Session',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    this.ended = new Promise((resolve) => this.stream.once('end', resolve).once('close', resolve))
    this.stream.on('error', () => {})
    this.stream.on('data', (/** @type {Buffer} */ chunk) => this.#take(chunk))
    const over = (/** @type {import('node:http2').IncomingHttpHeaders} */ headers) => {
      if (headers['grpc-status'] === undefined) return
      this.status = { code: Number(headers['grpc-status']), details: decodeURI(String(headers['grpc-message'] ?? '')) }
    }
    this.stream.on('response', over).on('trailers', over)
    void this.ended.then(() => {
      this.isOver = true
      this.#heard()
    })
  }

  /** Sends frames with the next sequence number and acknowledgement. */
  send(/** @type {Buffer[]} */ ...frames) {
    this.raw(message(++this.sent, this.received, frames))
  }

  acknowledge() {
    this.raw(message(0, this.received, []))
  }

  /** Sends any bytes as a message. */
  raw(/** @type {Buffer} */ data, { flag = 0, length = data.length } = {}) {
    const head = Buffer.alloc(5)
    head.writeUInt8(flag, 0)
    head.writeUInt32BE(length, 1)
    this.stream.write(Buffer.concat([head, data]))
  }

  /**
   * Resolves when the host has sent a frame of this kind for the n-th time; undefined if the stream ends before.
   */
  async heard(/** @type {string} */ kind, times = 1) {
    for (;;) {
      const found = this.frames.filter((each) => each.kind === kind)[times - 1]
      if (found !== undefined || this.isOver) return found
      await new Promise((resolve) => (this.#heard = () => resolve(undefined)))
    }
  }

  close() {
    this.session.destroy()
    this.socket.destroy()
  }

  #take(/** @type {Buffer} */ chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt32BE(1)) {
      const length = this.#rest.readUInt32BE(1)
      const { seq, ack, frames } = read(this.#rest.subarray(5, 5 + length))
      this.#rest = this.#rest.subarray(5 + length)
      if (seq > 0) this.received = seq
      this.acknowledged = ack
      this.frames.push(...frames)
    }
    this.#heard()
  }
}
