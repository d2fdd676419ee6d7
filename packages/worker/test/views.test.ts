import { expect, test } from '@jest/globals'
import { encode } from '../src/codec.ts'

const SECRET = 'tHiS-iS-a-SeCrEt-of-another-call'

/** msgpack's `bin`, written by hand from its specification. */
function bin(bytes: Uint8Array): Buffer {
  const { length } = bytes
  const head = Buffer.alloc(length < 0x100 ? 2 : length < 0x10000 ? 3 : 5)
  if (head.length === 2) head.set([0xc4, length])
  else if (head.length === 3) {
    head[0] = 0xc5
    head.writeUInt16BE(length, 1)
  } else {
    head[0] = 0xc6
    head.writeUInt32BE(length, 1)
  }
  return Buffer.concat([head, bytes])
}

type Fill = (bytes: number) => { value: unknown; bytes: Uint8Array }

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff)
}

const VIEWS = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
]

const fills: [string, Fill][] = [
  ...VIEWS.map((View): [string, Fill] => [
    View.name,
    (length) => {
      const bytes = pattern(length - (length % View.BYTES_PER_ELEMENT))
      return { value: new View(bytes.buffer), bytes }
    },
  ]),
  ...VIEWS.map((View): [string, Fill] => [
    `part of a ${View.name}`,
    (length) => {
      const size = View.BYTES_PER_ELEMENT
      const whole = Buffer.alloc(length + 4 * size, SECRET)
      const bytes = pattern(length - (length % size))
      whole.set(bytes, 2 * size)
      const shifted = new Uint8Array(whole).buffer
      return { value: new View(shifted, 2 * size, bytes.length / size), bytes }
    },
  ]),
  ['DataView', (length) => ({ value: new DataView(pattern(length).buffer), bytes: pattern(length) })],
  [
    'part of a DataView',
    (length) => {
      const whole = new Uint8Array(Buffer.alloc(length + 9, SECRET))
      whole.set(pattern(length), 5)
      return { value: new DataView(whole.buffer, 5, length), bytes: pattern(length) }
    },
  ],
  ['ArrayBuffer', (length) => ({ value: pattern(length).buffer, bytes: pattern(length) })],
  [
    'SharedArrayBuffer',
    (length) => {
      const value = new SharedArrayBuffer(length)
      new Uint8Array(value).set(pattern(length))
      return { value, bytes: pattern(length) }
    },
  ],
  ['Buffer', (length) => ({ value: Buffer.from(pattern(length)), bytes: pattern(length) })],
  [
    'an array that lies about its length',
    (length) => {
      const value = Object.defineProperty(pattern(length), 'length', { value: length + 4096 })
      return { value, bytes: pattern(length) }
    },
  ],
  [
    'an instance of a subclass of Float64Array',
    (length) => {
      const bytes = pattern(length - (length % 8))
      return { value: new (class Samples extends Float64Array {})(bytes.buffer), bytes }
    },
  ],
]

const SIZES = [0, 1, 2, 8, 24, 31, 32, 255, 256, 264, 65_535, 65_536, 65_544, 307_200]

test.each(fills)('B1: %s travels as exactly its bytes, in every place and of every size', (_, fill) => {
  for (const size of SIZES) {
    // The memory that is written over holds what another call had sent.
    encode({ secret: SECRET.repeat(20_000) })
    Buffer.allocUnsafe(8192).fill(SECRET)
    const { value, bytes } = fill(size)
    const expected = bin(bytes)
    const within = (head: number[], tail: number[] = []): Buffer =>
      Buffer.concat([Buffer.from(head), expected, Buffer.from(tail)])
    const frames: [Buffer, Buffer][] = [
      [encode(value), expected],
      [encode({ x: value }), within([0x81, 0xa1, 0x78])],
      [encode([1, value]), within([0x92, 1])],
      [encode(new Set([value])), within([0x91])],
      [encode(new Map([[1, value]])), within([0x81, 1])],
      [encode(new Map([[value, 1]])), within([0x81], [1])],
    ]
    for (const [frame, wanted] of frames) {
      expect(frame.length).toBe(wanted.length)
      expect(frame.equals(wanted)).toBe(true)
      expect(frame.includes(SECRET.slice(0, 8))).toBe(false)
    }
  }
})
