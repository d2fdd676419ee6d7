import { EventEmitter } from 'node:events'
import { expect, test } from '@jest/globals'
import type { CallFrame } from '../src/frame.ts'
import { FRAME_BYTES } from '../src/lane/wire.ts'
import { LaneWriter, type LaneSocket } from '../src/lane/writer.ts'
import { framesIn, u32, type Sent } from './lane-bytes.ts'
import { turn } from '../../../test/support/waiting.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** A socket whose kernel takes everything at once, or nothing until `drain()`. */
class FakeSocket extends EventEmitter {
  /** What was written, one entry for each system call. */
  readonly writes: Buffer[] = []
  writableLength = 0
  bytesRead = 0
  ends = 0
  destroyed: Error | undefined
  isFull = false
  #corked: Buffer[] | undefined
  #held: Buffer[] = []

  write(chunk: Buffer): boolean {
    this.writableLength += chunk.length
    if (this.#corked !== undefined) this.#corked.push(chunk)
    else this.#pass([chunk])
    return this.writableLength < 16 * KiB
  }

  cork(): void {
    this.#corked = []
  }

  uncork(): void {
    const corked = this.#corked ?? []
    this.#corked = undefined
    if (corked.length > 0) this.#pass(corked)
  }

  end(): void {
    this.ends += 1
  }

  destroy(error: Error): void {
    this.destroyed = error
  }

  /** The kernel takes what is held. */
  drain(): void {
    const held = this.#held
    this.#held = []
    if (held.length === 0) return
    this.writableLength = 0
    this.writes.push(Buffer.concat(held))
    this.emit('drain')
  }

  get sent(): Sent[] {
    return framesIn(Buffer.concat(this.writes))
  }

  #pass(chunks: Buffer[]): void {
    if (this.isFull) this.#held.push(...chunks)
    else {
      // A copy: the slab may be filled again.
      this.writes.push(Buffer.concat(chunks))
      this.writableLength = 0
    }
  }
}

function open(maySpin?: () => boolean) {
  const socket = new FakeSocket()
  const writer = new LaneWriter(socket as unknown as LaneSocket, maySpin)
  let id = 0
  const call = (bytes: number | Buffer, open = Infinity, segments: Buffer[] = []): number => {
    id += 1
    const args = { bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(bytes, id), segments }
    const frame: CallFrame = { kind: 'call', id, tool: 'a', index: 3, timeout: 5, isStream: false, args }
    writer.send(frame, open)
    return id
  }
  return { socket, writer, call }
}

const header = ({ kind, flags, code, id, extra }: Sent): number[] => [kind, flags, code, id, extra]

test('frames of one tick travel in one write, behind the preamble, with every field in its place', async () => {
  const { socket, writer, call } = open()
  writer.send({ kind: 'welcome', maxBytes: 2 ** 28 }, 0)
  call(Buffer.from('args'))
  writer.send({ kind: 'cancel', id: 7, unlessBegun: true }, 1)
  writer.send({ kind: 'cancel', id: 8, unlessBegun: false }, 1)
  writer.send({ kind: 'ping', nonce: 9 }, 1)
  expect(socket.writes).toEqual([])
  await turn()
  expect(socket.writes).toHaveLength(1)
  expect(socket.writes[0]?.subarray(0, 8).toString('hex')).toBe('54524d1a04000000')
  expect(socket.sent.map(header)).toEqual([
    [16, 0, 0, 0, 0],
    [18, 0, 3, 1, 5],
    [19, 0, 1, 7, 0],
    [19, 0, 0, 8, 0],
    [20, 0, 0, 9, 0],
  ])
  expect(socket.sent[0]?.body.toString('hex')).toBe('81a86d61784279746573ce10000000')
  expect(socket.sent[1]?.body.toString()).toBe('args')
})

test.each([
  ['short', 4, []],
  ['longer than what is copied', 20 * KiB, []],
  ['with a segment', 4, [Buffer.alloc(64 * KiB)]],
  ['split', 2 * MiB, []],
])('a call says whether its worker may spin: %s', async (_, bytes, segments) => {
  let isFree = true
  const { socket, call, writer } = open(() => isFree)
  call(bytes, 1, segments)
  isFree = false
  call(bytes, 1, segments)
  writer.send({ kind: 'ping', nonce: 9 }, 1)
  await turn()
  const flags = socket.sent.filter(({ kind }) => kind === 18).map((sent) => sent.flags & 4)
  expect(flags).toEqual([4, 0])
  expect(socket.sent.filter(({ kind, flags }) => kind !== 18 && flags !== 0)).toEqual([])
})

test.each([
  ['bytes', []],
  ['a segment', [Buffer.alloc(MiB, 3)]],
])('1 MiB as %s travels in one frame, in one write', (_, segments) => {
  const { socket, call } = open()
  call(segments.length === 0 ? MiB : 20, 1, segments)
  expect(socket.sent.map(({ kind }) => kind)).toEqual([18])
  expect(socket.writes).toHaveLength(1)
})

test('calls are written at once when the worker has no more than wait, and otherwise together', async () => {
  const { socket, call } = open()
  const counts: number[] = []
  for (let count = 1; count <= 19; count++) {
    call(10, count)
    counts.push(socket.sent.length)
  }
  expect(counts).toEqual([1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16])
  await turn()
  expect(socket.writes).toHaveLength(6)
  expect(socket.sent.map(({ id }) => id)).toEqual(Array.from({ length: 19 }, (_, index) => index + 1))
})

test('many calls of all lengths arrive whole and in order, although the slab is filled again and again', async () => {
  const { socket, call } = open()
  const lengths = [0, 1, 100, 16 * KiB, 16 * KiB + 1, 65_000, FRAME_BYTES]
  const bodies = Array.from({ length: 100 }, (_, n) => Buffer.alloc(lengths[n % lengths.length] ?? 0, n))
  for (const [n, body] of bodies.entries()) {
    socket.isFull = n % 10 > 4
    if (!socket.isFull) socket.drain()
    call(body, n % 3 === 0 ? 1 : Infinity)
    if (n % 7 === 0) await turn()
  }
  socket.isFull = false
  for (let n = 0; n < 100; n++) {
    socket.drain()
    await turn()
  }
  expect(socket.sent.map(({ id }) => id)).toEqual(bodies.map((_, n) => n + 1))
  expect(socket.sent.filter(({ body }, n) => !body.equals(bodies[n] ?? Buffer.alloc(0)))).toEqual([])
})

test('nothing is written while the socket holds 1 MiB, and calls that wait are unsent', async () => {
  const { socket, writer, call } = open()
  socket.isFull = true
  call(MiB)
  await turn()
  expect(socket.writableLength).toBeGreaterThanOrEqual(MiB)
  const held = socket.writableLength
  const [second, third] = [call(10), call(100 * KiB, 1)]
  await turn()
  expect(socket.writableLength).toBe(held)
  expect([...writer.unsent()]).toEqual([second, third])
  socket.isFull = false
  socket.drain()
  expect(socket.sent.map(({ id }) => id)).toEqual([1, 2, 3])
  expect(writer.unsent().size).toBe(0)
})

/** The body of a split frame, and the frames that it came in. */
function joined(frames: Sent[]): { total: number; body: Buffer } {
  const [first, ...parts] = frames
  if (first === undefined) throw new Error('no frame')
  return {
    total: first.body.readUInt32LE(),
    body: Buffer.concat([first.body.subarray(4), ...parts.map((each) => each.body)]),
  }
}

test('a body that is too long for a frame is split; pings and calls go between its parts, and its Cancel behind it', async () => {
  const { socket, writer, call } = open()
  socket.isFull = true
  const long = Buffer.alloc(2.5 * FRAME_BYTES)
  for (let at = 0; at < long.length; at += 4) long.writeUInt32LE(at, at)
  const id = call(long)
  await turn()
  writer.send({ kind: 'cancel', id, unlessBegun: false }, 1)
  writer.send({ kind: 'ping', nonce: 1 }, 1)
  const short = call(10)
  await turn()
  expect([...writer.unsent()]).toEqual([short, id])
  socket.drain()
  expect([...writer.unsent()]).toEqual([id])
  for (let n = 0; n < 4; n++) socket.drain()
  expect(socket.sent.map(header)).toEqual([
    [18, 2, 3, id, 5],
    [20, 0, 0, 1, 0],
    [18, 0, 3, short, 5],
    [21, 0, 0, id, 0],
    [21, 0, 0, id, 0],
    [19, 0, 0, id, 0],
  ])
  const parts = socket.sent.filter((frame) => frame.kind === 18 || frame.kind === 21).filter((frame) => frame.id === id)
  expect(parts.map(({ body }) => body.length)).toEqual([FRAME_BYTES + 4, FRAME_BYTES, FRAME_BYTES / 2])
  const { total, body } = joined(parts)
  expect([total, body.equals(long)]).toEqual([long.length, true])
  expect(writer.unsent().size).toBe(0)
})

test('the items of a feed do not overtake a long one, and a cancel does', async () => {
  const { socket, writer, call } = open()
  const id = call(10)
  await turn()
  socket.isFull = true
  const long = { bytes: Buffer.alloc(2 * FRAME_BYTES), segments: [] }
  const short = { bytes: Buffer.from('a'), segments: [] }
  writer.send({ kind: 'feed', id, feed: 1, value: long }, 1)
  writer.send({ kind: 'feed', id, feed: 1, value: short }, 1)
  writer.send({ kind: 'feed', id, feed: 0, value: long }, 1)
  writer.send({ kind: 'feedEnd', id, feed: 1, failure: undefined }, 1)
  writer.send({ kind: 'feedEnd', id, feed: 0, failure: { type: 'Error', message: 'no' } }, 1)
  writer.send({ kind: 'cancel', id, unlessBegun: false }, 1)
  await turn()
  for (let n = 0; n < 8; n++) socket.drain()
  expect(socket.sent.map(header)).toEqual([
    [18, 0, 3, id, 5],
    [19, 0, 0, id, 0],
    [26, 2, 1, id, 0],
    [21, 0, 0, id, 0],
    [26, 0, 1, id, 0],
    [26, 2, 0, id, 0],
    [21, 0, 0, id, 0],
    [27, 0, 1, id, 0],
    [27, 0, 0, id, 0],
  ])
  expect(writer.unsent().size).toBe(0)
})

test('one split frame is open at a time', async () => {
  const { socket, call } = open()
  socket.isFull = true
  call(1.5 * MiB)
  call(1.5 * MiB)
  await turn()
  for (let n = 0; n < 9; n++) socket.drain()
  expect(socket.sent.map(({ kind, id }) => [kind, id])).toEqual([
    [18, 1],
    [21, 1],
    [18, 2],
    [21, 2],
  ])
})

test('segments travel behind the msgpack, with a table in front, split or not', async () => {
  const { socket, call } = open()
  const segments = [Buffer.alloc(70_000, 1), Buffer.alloc(80_000, 2)]
  call(Buffer.from('packed'), Infinity, segments)
  await turn()
  const whole = Buffer.concat([u32(2, 70_000, 80_000), Buffer.from('packed'), ...segments])
  const [frame] = socket.sent
  expect([frame?.flags, frame?.body.equals(whole)]).toEqual([1, true])
  const long = [Buffer.alloc(FRAME_BYTES, 3), Buffer.alloc(FRAME_BYTES, 4)]
  call(Buffer.from('packed'), Infinity, long)
  await turn()
  const parts = socket.sent.slice(1)
  expect(parts.map(({ kind, flags }) => [kind, flags])).toEqual([
    [18, 3],
    [21, 0],
    [21, 0],
  ])
  expect(
    joined(parts).body.equals(Buffer.concat([u32(2, FRAME_BYTES, FRAME_BYTES), Buffer.from('packed'), ...long])),
  ).toBe(true)
})

test('when bytes of a segment are gone before they are written, the connection is ended', async () => {
  for (const length of [100 * KiB, 3 * MiB]) {
    const { socket, call } = open()
    const memory = new Uint8Array(length)
    call(Buffer.from('packed'), Infinity, [Buffer.from(memory.buffer)])
    structuredClone(memory.buffer, { transfer: [memory.buffer] })
    await turn()
    for (let n = 0; n < 5; n++) socket.drain()
    expect(socket.destroyed?.message).toBe('bytes of an argument were taken away before they were sent')
    const written = socket.writes.length
    call(10, 1)
    await turn()
    expect(socket.writes).toHaveLength(written)
  }
})

test('after the end nothing is written', async () => {
  const { socket, writer, call } = open()
  const id = call(10)
  expect([...writer.unsent()]).toEqual([id])
  writer.end()
  writer.end()
  call(10, 1)
  await turn()
  expect([socket.writes, socket.ends]).toEqual([[], 1])
  socket.bytesRead = 17
  expect(writer.received).toBe(17)
})
