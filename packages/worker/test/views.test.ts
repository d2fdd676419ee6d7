import { expect, test } from '@jest/globals'
import { decode, encode, NdArray } from '@terrarium/worker'

const SECRET = 'tHiS-iS-a-SeCrEt-of-another-call'

/** msgpack's `bin`, written by hand from its specification. */
function bin(bytes: Uint8Array): Buffer {
  return withHead(bytes, [0xc4, 0xc5, 0xc6], [])
}

/** msgpack's `ext` of type 1, likewise, with the payload that `docs/values.md` describes. */
function array(bytes: Uint8Array, type: string, shape?: readonly number[]): Buffer {
  const head = Buffer.from([shape === undefined ? 255 : shape.length, type.length, ...Buffer.from(type)])
  const lengths = Buffer.concat((shape ?? []).map((length) => Buffer.from(Uint32Array.of(length).buffer)))
  const size = head.length + lengths.length
  const payload = Buffer.concat([head, lengths, Buffer.alloc((16 - (size % 16)) % 16), bytes])
  const fixed = [1, 2, 4, 8, 16].indexOf(payload.length)
  return fixed < 0
    ? withHead(payload, [0xc7, 0xc8, 0xc9], [1])
    : Buffer.concat([Buffer.from([0xd4 + fixed, 1]), payload])
}

function withHead(bytes: Uint8Array, [short = 0, middle = 0, long = 0]: readonly number[], tail: number[]): Buffer {
  const { length } = bytes
  const head = Buffer.alloc(length < 0x100 ? 2 : length < 0x10000 ? 3 : 5)
  if (head.length === 2) head.set([short, length])
  else if (head.length === 3) {
    head[0] = middle
    head.writeUInt16BE(length, 1)
  } else {
    head[0] = long
    head.writeUInt32BE(length, 1)
  }
  return Buffer.concat([head, Buffer.from(tail), bytes])
}

/** A value, what is to be on the wire, and what is to come back. */
interface Case {
  readonly value: unknown
  readonly wire: Buffer
  readonly back: ArrayBufferView | NdArray
}

type Fill = (bytes: number) => Case

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff)
}

const VIEWS = [
  [Int8Array, '|i1'],
  [Uint8Array, '|u1'],
  [Uint8ClampedArray, '|u1'],
  [Int16Array, '<i2'],
  [Uint16Array, '<u2'],
  [Int32Array, '<i4'],
  [Uint32Array, '<u4'],
  [Float32Array, '<f4'],
  [Float64Array, '<f8'],
  [BigInt64Array, '<i8'],
  [BigUint64Array, '<u8'],
] as const

const whole = (length: number, size: number): Uint8Array<ArrayBuffer> => pattern(length - (length % size))

const fills: [string, Fill][] = [
  ...VIEWS.map(([View, type]): [string, Fill] => [
    View.name,
    (length) => {
      const bytes = whole(length, View.BYTES_PER_ELEMENT)
      const Back = View === Uint8ClampedArray ? Uint8Array : View
      return { value: new View(bytes.buffer), wire: array(bytes, type), back: new Back(bytes.buffer) }
    },
  ]),
  ...VIEWS.map(([View, type]): [string, Fill] => [
    `part of a ${View.name}`,
    (length) => {
      const size = View.BYTES_PER_ELEMENT
      const bytes = whole(length, size)
      const around = Buffer.alloc(length + 4 * size, SECRET)
      around.set(bytes, 2 * size)
      const value = new View(new Uint8Array(around).buffer, 2 * size, bytes.length / size)
      const Back = View === Uint8ClampedArray ? Uint8Array : View
      return { value, wire: array(bytes, type), back: new Back(bytes.buffer) }
    },
  ]),
  [
    'an NdArray',
    (length) => {
      const bytes = whole(length, 8)
      const value = new NdArray(new Float32Array(bytes.buffer), [bytes.length / 8, 2])
      return { value, wire: array(bytes, '<f4', value.shape), back: value }
    },
  ],
  [
    'DataView',
    (length) => {
      const value = new DataView(pattern(length).buffer)
      return { value, wire: array(pattern(length), '|u1'), back: pattern(length) }
    },
  ],
  [
    'part of a DataView',
    (length) => {
      const around = new Uint8Array(Buffer.alloc(length + 9, SECRET))
      around.set(pattern(length), 5)
      const value = new DataView(around.buffer, 5, length)
      return { value, wire: array(pattern(length), '|u1'), back: pattern(length) }
    },
  ],
  [
    'ArrayBuffer',
    (length) => ({ value: pattern(length).buffer, wire: bin(pattern(length)), back: Buffer.from(pattern(length)) }),
  ],
  [
    'SharedArrayBuffer',
    (length) => {
      const value = new SharedArrayBuffer(length)
      new Uint8Array(value).set(pattern(length))
      return { value, wire: bin(pattern(length)), back: Buffer.from(pattern(length)) }
    },
  ],
  [
    'an array in a SharedArrayBuffer',
    (length) => {
      const value = new Uint16Array(new SharedArrayBuffer(length - (length % 2)))
      const bytes = whole(length, 2)
      new Uint8Array(value.buffer).set(bytes)
      return { value, wire: array(bytes, '<u2'), back: new Uint16Array(bytes.buffer) }
    },
  ],
  [
    'Buffer',
    (length) => ({
      value: Buffer.from(pattern(length)),
      wire: bin(pattern(length)),
      back: Buffer.from(pattern(length)),
    }),
  ],
  [
    'part of a Buffer',
    (length) => {
      const value = Buffer.concat([Buffer.from(SECRET), pattern(length), Buffer.from(SECRET)]).subarray(
        SECRET.length,
        -SECRET.length,
      )
      return { value, wire: bin(pattern(length)), back: Buffer.from(pattern(length)) }
    },
  ],
  [
    'an array that lies about its length',
    (length) => {
      const value = Object.defineProperty(pattern(length), 'length', { value: length + 4096 })
      return { value, wire: array(pattern(length), '|u1'), back: pattern(length) }
    },
  ],
  [
    'an array that lies about its memory',
    (length) => {
      const value = Object.defineProperty(pattern(length), 'buffer', { value: new ArrayBuffer(length + 4096) })
      return { value, wire: array(pattern(length), '|u1'), back: pattern(length) }
    },
  ],
  [
    'an instance of a subclass of Float64Array',
    (length) => {
      const bytes = whole(length, 8)
      const value = new (class Samples extends Float64Array {})(bytes.buffer)
      return { value, wire: array(bytes, '<f8'), back: new Float64Array(bytes.buffer) }
    },
  ],
]

const SIZES = [0, 1, 2, 8, 24, 31, 32, 239, 240, 255, 256, 264, 65_519, 65_520, 65_535, 65_536, 65_544, 307_200]

test.each(fills)('B1: %s travels as exactly what it shows, in every place and of every size', (_, fill) => {
  for (const size of SIZES) {
    // The memory that is written over holds what another call had sent.
    encode({ secret: SECRET.repeat(20_000) })
    Buffer.allocUnsafe(8192).fill(SECRET)
    const { value, wire, back } = fill(size)
    const within = (head: number[], tail: number[] = []): Buffer =>
      Buffer.concat([Buffer.from(head), wire, Buffer.from(tail)])
    const frames: [Buffer, Buffer][] = [
      [encode(value), wire],
      [encode({ x: value }), within([0x81, 0xa1, 0x78])],
      [encode([1, value, null]), within([0x93, 1], [0xc0])],
      [encode(new Map([[1, value]])), within([0x81, 1])],
    ]
    for (const [frame, wanted] of frames) {
      expect(frame.length).toBe(wanted.length)
      expect(frame.equals(wanted)).toBe(true)
      expect(frame.includes(SECRET.slice(0, 8))).toBe(false)
    }
    const arrived = decode(Buffer.concat([Buffer.from([0x92, 0xc0]), wire])) as [null, typeof back]
    expect(arrived[1]).toStrictEqual(back)
  }
})

test('bytes can be keys and elements of Sets, arrays cannot', () => {
  for (const value of [Buffer.from('ab'), Uint8Array.of(97, 98).buffer]) {
    expect(encode(new Map([[value, 1]])).toString('hex')).toBe('81c402616201')
    expect(encode(new Set([value])).toString('hex')).toBe('c7050291c4026162')
  }
  for (const value of [new Uint8Array(2), new DataView(new ArrayBuffer(2)), new NdArray(new Int8Array(2))]) {
    expect(() => encode(new Map([[value, 1]]))).toThrow('cannot be sent as a key of a Map')
    expect(() => encode(new Set([[value]]))).toThrow('cannot be sent as an element of a Set')
  }
})

test('a view whose memory was given away or made smaller is refused, not sent as empty', () => {
  const gone = new Float32Array(4)
  const buffer = new ArrayBuffer(8)
  const nd = new NdArray(new Int8Array(4), [2, 2])
  const memory = [gone.buffer, buffer, nd.data.buffer]
  structuredClone(memory, { transfer: memory })
  for (const value of [gone, buffer, nd]) {
    expect(() => encode({ a: [value] })).toThrow(/^the value: an? \w+ without its memory cannot be sent at a\[0\]$/)
  }
})

test('B1: a view beyond the end of a shrunk buffer is refused, a view that tracks its length is not', () => {
  type Resizable = ArrayBuffer & { resize: (length: number) => void }
  const make = ArrayBuffer as unknown as new (length: number, options: object) => Resizable
  const buffer = new make(8, { maxByteLength: 8 })
  const fixed = new Uint8Array(buffer, 4, 4)
  const following = new Uint8Array(buffer)
  buffer.resize(6)
  expect(() => encode({ a: fixed })).toThrow('the value: a Uint8Array without its memory cannot be sent at a')
  expect(decode(encode(following))).toHaveLength(6)
  buffer.resize(0)
  expect(decode(encode(following))).toHaveLength(0)
})

test('the elements are aligned in the payload, as Python reads them in place', () => {
  for (const [View] of VIEWS) {
    const frame = encode(new View(1))
    expect((frame.length - 3 - View.BYTES_PER_ELEMENT) % 16).toBe(0)
  }
})

test('an NdArray is checked when it is made, with every mistake', () => {
  const array = new NdArray(new Float32Array(6), [2, 3])
  expect(array).toMatchObject({ shape: [2, 3], dtype: 'float32' })
  expect(Object.isFrozen(array)).toBe(true)
  expect(new NdArray(new Uint8Array(3)).shape).toEqual([3])
  expect(new NdArray(new BigInt64Array(1), [1], 'timedelta64[us]').dtype).toBe('timedelta64[us]')
  for (const [make, message] of [
    [() => new NdArray(new Float32Array(6), [2, 4]), '`shape` [2, 4] does not have 6 elements'],
    [() => new NdArray(new Float32Array(6), [2, 4], 'int8'), "`dtype` must be float32, not 'int8'; `shape` [2, 4]"],
    [() => new NdArray(new Float32Array(6), [-1, -6]), '`shape` must be at most 64 whole numbers, 0 or more'],
    [() => new NdArray(new Int8Array(1), '1' as never), '`shape` must be'],
    [() => new NdArray([1, 2] as never), '`data` must be a typed array'],
    [() => new NdArray(null as never), '`data` must be a typed array'],
    [() => new NdArray(new DataView(new ArrayBuffer(1)) as never), '`data` must be a typed array'],
  ] as const) {
    expect(make).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    )
  }
})
