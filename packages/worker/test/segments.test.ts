import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { NdArray, ValueCodec, type EncodedValue } from '@terrarium/worker'
import { isWhole, sizeOf } from '../src/values/encoded-value.ts'
import { same } from '../../../test/support/values.ts'

const LEAST = 64 * 1024
const codec = new ValueCodec()
const apart = (value: unknown): EncodedValue => codec.encode(value, 'it', { apart: true })

/** The encoded value as it is received: each segment in memory of its own. */
const received = ({ bytes, segments }: EncodedValue): EncodedValue => ({
  bytes: Buffer.from(bytes),
  segments: segments.map((segment) => Buffer.from(new Uint8Array(segment).buffer)),
})

/** Bytes and arrays around the least length of a segment. */
const long = fc
  .record({
    length: fc.constantFrom(0, 8, LEAST - 8, LEAST, LEAST + 8),
    fill: fc.nat(255),
    shift: fc.constantFrom(0, 8),
    make: fc.constantFrom(
      (buffer: ArrayBuffer, at: number, length: number) => Buffer.from(buffer, at, length),
      (buffer: ArrayBuffer, at: number, length: number) => new Uint8Array(buffer, at, length),
      (buffer: ArrayBuffer, at: number, length: number) => new Float64Array(buffer, at, length / 8),
      (buffer: ArrayBuffer, at: number, length: number) => new BigInt64Array(buffer, at, length / 8),
      (buffer: ArrayBuffer, at: number, length: number) =>
        new NdArray(new Int32Array(buffer, at, length / 4), [length / 8, 2]),
    ),
  })
  .map(({ length, fill, shift, make }) => {
    const bytes = new Uint8Array(length + 2 * shift).fill(fill)
    return make(bytes.buffer, shift, length)
  })

const { value: tree } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: long, weight: 3 },
    { arbitrary: fc.integer(), weight: 1 },
    { arbitrary: fc.array(tie('value'), { maxLength: 3 }), weight: 2 },
    { arbitrary: fc.dictionary(fc.string({ maxLength: 4 }), tie('value'), { maxKeys: 3 }), weight: 2 },
    { arbitrary: tie('value').map((value) => new Map([[1, value]])), weight: 1 },
  ),
}))

test('a value is the same whether parts of it travel apart or not, and only long parts do', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const encoded = apart(value)
      expect(same(codec.decode(received(encoded)), codec.decode(codec.encode(value)))).toBe(true)
      for (const { length } of encoded.segments) expect(length).toBeGreaterThanOrEqual(LEAST)
      expect(encoded.bytes.length).toBeLessThan(LEAST * 16)
      expect(codec.encode(value).segments).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('a segment is the memory of the value itself on its way out, and on its way in', () => {
  const sent = { image: Buffer.alloc(LEAST), samples: new Float32Array(LEAST), shared: new SharedArrayBuffer(LEAST) }
  const { bytes, segments } = apart(sent)
  expect(segments).toHaveLength(3)
  const memory = [sent.image.buffer, sent.samples.buffer, sent.shared]
  for (const [index, { buffer }] of segments.entries()) expect(buffer).toBe(memory[index])
  const arriving = received({ bytes, segments })
  const arrived = codec.decode(arriving) as { image: Buffer; samples: Float32Array; shared: Buffer }
  for (const [index, { buffer }] of [arrived.image, arrived.samples, arrived.shared].entries()) {
    expect(buffer).toBe(arriving.segments[index]?.buffer)
  }
  expect(arrived.samples).toHaveLength(LEAST)
})

test('a segment that is a part of larger memory is copied, so that a value shows nothing but itself', () => {
  const { bytes } = apart(new Float64Array(LEAST / 8))
  const around = Buffer.from(new ArrayBuffer(2 * LEAST)).fill('secret')
  for (const shift of [0, 3]) {
    const segment = around.subarray(shift, shift + LEAST).fill(0)
    const arrived = codec.decode({ bytes, segments: [segment] }) as Float64Array
    expect(arrived.buffer.byteLength).toBe(LEAST)
    expect(arrived).toEqual(new Float64Array(LEAST / 8))
  }
})

test('memory that its owner can make smaller is copied; memory that was transferred since shows', () => {
  const make = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer
  const resizable = new make(LEAST, { maxByteLength: LEAST })
  const copied = apart(new Uint8Array(resizable))
  expect(copied.segments[0]?.buffer).not.toBe(resizable)
  const gone = new Float64Array(LEAST)
  const encoded = apart([gone])
  expect(isWhole(encoded)).toBe(true)
  structuredClone(gone.buffer, { transfer: [gone.buffer] })
  expect(isWhole(encoded)).toBe(false)
  expect(isWhole(copied)).toBe(true)
  expect(isWhole(apart([]))).toBe(true)
})

test('keys and elements of Sets stay in the msgpack, where equal ones are found', () => {
  const key = (fill: number): Buffer => Buffer.alloc(LEAST, fill)
  const value = [new Map([[key(1), key(2)]]), new Set([key(3)]), new Map([[[key(4)], 1]]), key(5)]
  const encoded = apart(value)
  expect(encoded.segments.map((segment) => segment[0])).toEqual([2, 5])
  expect(same(codec.decode(received(encoded)), value)).toBe(true)
  const twice = new Map([
    [key(1), 1],
    [key(1), 2],
  ])
  expect(() => apart(twice)).toThrow('two keys of a Map that are the same to Python')
  expect(() => apart([twice])).toThrow('two keys of a Map that are the same to Python')
  // The encoder goes on.
  expect(apart([key(1)]).segments).toHaveLength(1)
})

test('parts of registered types travel apart too, also when their encoder uses the codec', () => {
  class Image {
    readonly pixels: Uint8Array
    constructor(pixels: Uint8Array) {
      this.pixels = pixels
    }
  }
  const types = [
    {
      name: 'Image',
      class: Image,
      encode: ({ pixels }: Image) => {
        apart([pixels])
        return [pixels]
      },
      decode: ([pixels]: [Uint8Array]) => new Image(pixels),
    },
  ]
  const own = new ValueCodec(types)
  const value = [new Image(new Uint8Array(LEAST)), new Uint8Array(LEAST + 1), new Image(new Uint8Array(1))]
  const encoded = own.encode(value, 'it', { apart: true })
  expect(encoded.segments.map(({ length }) => length)).toEqual([LEAST, LEAST + 1])
  expect(own.decode(received(encoded))).toEqual(value)
})

test('the longest value counts its segments and their table', () => {
  const half = new Uint8Array(2 ** 27 - 100)
  const encoded = apart([half, half])
  expect(sizeOf(encoded)).toBe(4 + 2 * (4 + half.length) + encoded.bytes.length)
  expect(sizeOf(codec.encode([1]))).toBe(2)
  const over = new Uint8Array(2 ** 27 - 32)
  expect(() => apart({ a: [1, over, over] })).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', details: { most: 2 ** 28 - 64, place: 'a[2]' } }),
  )
  // The msgpack behind the last segment counts too.
  expect(() => apart([half, half, 'x'.repeat(200)])).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }))
})

const floats = apart(new Float64Array(LEAST / 8))
const bytes = apart(Buffer.alloc(LEAST))
const head = floats.bytes.subarray(7)
const reference = (index: number, rest: Uint8Array = Buffer.alloc(0)): Buffer => {
  const payload = Buffer.concat([Buffer.from(Uint32Array.of(index).buffer), rest])
  return Buffer.concat([Buffer.from([0xc7, payload.length, 8]), payload])
}
const list = (...items: Buffer[]): Buffer => Buffer.concat([Buffer.from([0x90 | items.length]), ...items])
const own = (length: number): Buffer => Buffer.from(new ArrayBuffer(length))

test.each<[string, Buffer, Buffer[], string]>([
  ['an index beyond the segments', list(reference(0), reference(2)), [own(1), own(1)], 'at [1]: it has no segment 2'],
  ['a reference without segments', bytes.bytes, [], 'it has no segment 0'],
  ['an index of 32 bits', list(reference(0xffffffff)), [own(1)], 'at [0]: it has no segment 4294967295'],
  ['a segment used twice', list(reference(0), reference(0)), [own(1)], 'at [1]: it refers to segment 0 twice'],
  ['a segment never used', list(reference(1)), [own(1), own(1)], 'nothing in it refers to segment 0'],
  ['segments without any reference', Buffer.from('c0', 'hex'), [own(1)], 'nothing in it refers to segment 0'],
  ['a reference that is too short', Buffer.from('d50800', 'hex'), [own(1)], 'ends too early'],
  ['a reference that is cut', Buffer.from('d608000000', 'hex'), [own(1)], 'ends too early'],
  ['an empty reference', Buffer.from('c70008', 'hex'), [own(1)], 'a reference to a segment ends too early'],
  ['a head that ends too early', reference(0, head.subarray(0, 8)), [own(8)], 'an array cannot be read'],
  ['a head that goes on', reference(0, Buffer.concat([head, own(16)])), [own(8)], 'its head is too long'],
  ['elements of no type', reference(0, Buffer.alloc(16)), [own(8)], 'its elements are of type'],
  ['half an element', floats.bytes, [own(12)], 'its last element is not complete'],
  [
    'a shape that does not fit',
    reference(0, Buffer.from('02033c663800000001000000ff000000'.padEnd(32, '0'), 'hex')),
    [own(8)],
    'an array cannot be read',
  ],
])('what a worker never sends: %s', (_, sent, segments, because) => {
  expect(() => codec.decode({ bytes: sent, segments })).toThrow(
    expect.objectContaining({
      code: 'RESULT_NOT_SENDABLE',
      message: expect.stringContaining(because),
      hint: 'Use the Node packages and the Python package of one release.',
    }),
  )
})

test('references that are damaged end in an error, never in anything else', () => {
  const whole = apart({ a: [Buffer.alloc(LEAST), new NdArray(new Float32Array(LEAST), [LEAST / 4, 4])] })
  fc.assert(
    fc.property(fc.nat(whole.bytes.length - 1), fc.nat(255), fc.nat(2), (at, value, count) => {
      const damaged = Buffer.from(whole.bytes)
      damaged[at] = value
      try {
        codec.decode({ bytes: damaged, segments: [...whole.segments, own(3)].slice(0, count + 1) })
      } catch (error) {
        expect(error).toMatchObject({ code: 'RESULT_NOT_SENDABLE', hint: expect.any(String) })
      }
    }),
    { numRuns: 3_000 },
  )
})
