import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { decode, encode, NdArray } from '@terrarium/worker'

// An independent codec for what msgpack has a form for. Its `encodeUndefinedAsNil` and records are off.
const packr = new Packr({ useRecords: false, useBigIntExtension: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'auto' } as object)

/** What the independent codec reads. It reads maps as Maps: in objects it gives the key `__proto__` another name. */
const unpack = (bytes: Buffer): unknown => withObjects(unpackr.unpack(bytes))

/** The value with objects in place of Maps. */
function withObjects(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, part]) => [key, withObjects(part)]))
  return Array.isArray(value) ? value.map(withObjects) : value
}

/** What `encode` throws. */
function refusalOf(value: unknown): unknown {
  try {
    encode(value)
  } catch (error) {
    return error
  }
  throw new Error('it was not refused')
}

/** An integer in its shortest form, written from msgpack's specification. */
function integer(value: bigint): string {
  const hex = (tag: string, bytes: number): string =>
    tag +
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0')
  if (value >= -32n && value <= 127n) return hex('', 1)
  if (value >= 0n) {
    const [tag, bytes] =
      value < 2n ** 8n ? ['cc', 1] : value < 2n ** 16n ? ['cd', 2] : value < 2n ** 32n ? ['ce', 4] : ['cf', 8]
    return hex(tag, bytes)
  }
  const [tag, bytes] =
    value >= -(2n ** 7n) ? ['d0', 1] : value >= -(2n ** 15n) ? ['d1', 2] : value >= -(2n ** 31n) ? ['d2', 4] : ['d3', 8]
  return hex(tag, bytes)
}

const EDGES = [5n, 7n, 8n, 15n, 16n, 31n, 32n, 33n, 39n, 40n, 47n, 52n, 53n].flatMap((bits) =>
  [2n ** bits, -(2n ** bits)].flatMap((edge) => [edge - 1n, edge, edge + 1n]),
)

test('whole numbers are integers on the wire at every edge of every width, and come back', () => {
  for (const edge of [...EDGES, 0n, 1n, -1n]) {
    const value = Number(edge)
    if (!Number.isSafeInteger(value)) continue
    expect(encode(value).toString('hex')).toBe(integer(edge))
    expect(decode(encode(value))).toBe(value)
    expect(unpack(encode(value))).toBe(value)
  }
})

test('bigints are the same integers; what a number holds exactly comes back as one', () => {
  for (const edge of [...EDGES, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n]) {
    expect(encode(edge).toString('hex')).toBe(integer(edge))
    expect(decode(encode(edge))).toBe(Number.isSafeInteger(Number(edge)) ? Number(edge) : edge)
  }
})

test('integers of any size are exact', () => {
  for (const bits of [64n, 65n, 70n, 71n, 72n, 79n, 127n, 128n, 1000n, 4096n]) {
    for (const edge of [2n ** bits, -(2n ** bits)]) {
      for (const value of [edge - 1n, edge, edge + 1n]) {
        if (BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value) continue
        expect(decode(encode({ value }))).toEqual({ value })
      }
    }
  }
})

const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' })

test('an independent codec reads what is written, and what it writes is read', () => {
  fc.assert(
    fc.property(
      fc.record({ value: fc.oneof(json, fc.double(), fc.maxSafeInteger(), fc.string({ unit: 'binary' })) }),
      (value) => {
        expect(unpack(encode(value))).toEqual(value)
        expect(decode(encode(value))).toEqual(value)
        // msgpackr writes −0 as 0.
        expect(decode(packr.pack(value))).toEqual(unpack(packr.pack(value)))
      },
    ),
    { numRuns: 2_000, examples: [[{ value: JSON.parse('{"__proto__":[]}') as fc.JsonValue }]] },
  )
})

test('strings of every length and script come back, written as an independent codec does', () => {
  for (const unit of ['a', 'é', '€', '🐍', 'a€']) {
    for (const length of [
      0, 1, 2, 10, 15, 16, 21, 31, 32, 42, 63, 64, 85, 127, 128, 255, 256, 1365, 1366, 4095, 4096, 4097, 21_845, 65_535,
      65_536,
    ]) {
      const text = unit.repeat(length)
      const encoded = encode({ [text]: text })
      expect(encoded.equals(packr.pack(new Map([[text, text]])))).toBe(true)
      expect(decode(encoded)).toEqual({ [text]: text })
    }
  }
})

test('B4: a lone surrogate is refused with its place, in strings of every length and in names', () => {
  const refused = 'a string with a lone surrogate, which is no text, cannot be sent'
  for (const length of [0, 10, 40, 80, 5_000]) {
    for (const text of ['\ud800', '\udc00', '\udc00\ud800', '\ud800\ud800\udc00']) {
      const value = 'x'.repeat(length) + text
      expect(refusalOf({ rows: [{ value }] })).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: `the value: ${refused} at rows[0].value`,
        details: { place: 'rows[0].value' },
      })
    }
  }
  expect(refusalOf({ a: { 'b\ud800': 1 } })).toMatchObject({ message: `the value: ${refused} at a["b\\ud800"]` })
  expect(refusalOf(new Map([['\ud800', 1]]))).toMatchObject({ message: expect.stringContaining(refused) })
  expect(decode(encode('\ufffd \ud83d\udc0d'))).toBe('\ufffd \ud83d\udc0d')
})

test('a string that is not UTF-8 is an error, not U+FFFD', () => {
  const long = Buffer.from(`d920${'61'.repeat(31)}ff`, 'hex')
  for (const bytes of [Buffer.from('a1ff', 'hex'), Buffer.from('a3eda080', 'hex'), long]) {
    expect(() => decode(bytes)).toThrow('a string in it is not UTF-8')
  }
})

test('B3: a property that is called __proto__ is a property like any other', () => {
  const arrived = decode(Buffer.from('81a95f5f70726f746f5f5f01', 'hex')) as object
  expect(Object.getOwnPropertyNames(arrived)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(arrived)).toBe(Object.prototype)
  expect(encode(arrived).toString('hex')).toBe('81a95f5f70726f746f5f5f01')
  const nested = decode(Buffer.from('81a95f5f70726f746f5f5f81a3616161c3', 'hex')) as Record<string, unknown>
  expect(nested.aaa).toBeUndefined()
  expect(({} as Record<string, unknown>).aaa).toBeUndefined()
})

test('B2: what would arrive as something else is refused', () => {
  for (const value of [new Error('boom'), /a/g, Promise.resolve(1), new (class extends Map {})().keys(), Object(1n)]) {
    expect(refusalOf({ a: [value] })).toMatchObject({ code: 'INVALID_ARGUMENT', details: { place: 'a[0]' } })
  }
})

test('B5: a circular value is refused with the place where it closes', () => {
  const list: unknown[] = []
  list.push([list])
  const node: Record<string, unknown> = { name: 'a', data: Buffer.alloc(1_000_000) }
  node.children = [{ parent: node }]
  const map = new Map<unknown, unknown>()
  map.set(1, { map })
  const set = new Set<unknown>()
  set.add([set])
  for (const [value, place] of [
    [list, '[0][0]'],
    [{ node }, 'node.children[0].parent'],
    [map, '.get(1).map'],
    [set, '[0][0]'],
  ] as const) {
    expect(refusalOf(value)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `the value: a circular value, which contains itself, cannot be sent at ${place.replace(/^\./, '')}`,
    })
  }
  // A value that is there twice is no circle.
  const twice = { a: 1 }
  expect(decode(encode([twice, { twice }, twice]))).toEqual([twice, { twice }, twice])
})

test('B5: nesting without end is refused, without a stack overflow', () => {
  for (const around of [
    (value: unknown) => [value],
    (value: unknown) => ({ a: value }),
    (value: unknown) => new Map([[1, value]]),
  ]) {
    let value: unknown = 1
    for (let depth = 0; depth < 500; depth++) value = around(value)
    expect(decode(encode(value))).toEqual(value)
    for (let depth = 0; depth < 99_500; depth++) value = around(value)
    expect(refusalOf(value)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^the value: a value that is nested more than 500 deep cannot be sent at .{100,320}$/,
      ),
    })
  }
  // What a worker never sends: 100,000 arrays in one another.
  expect(() => decode(Buffer.alloc(100_000, 0x91))).toThrow(expect.objectContaining({ code: 'RESULT_NOT_SENDABLE' }))
})

test('a getter or a proxy that throws is named with its place, and the cause', () => {
  const boom = new Error('boom')
  const explode = (): never => {
    throw boom
  }
  const trapped = (trap: string): object => new Proxy({ a: 1 }, { [trap]: explode })
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const getter = Object.defineProperty({}, 'price', { enumerable: true, get: explode })
  expect(refusalOf({ rows: [getter] })).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'the value: a getter or a proxy threw at rows[0].price: boom',
    cause: boom,
  })
  for (const [value, place] of [
    [trapped('get'), 'x.a'],
    [trapped('ownKeys'), 'x'],
    [trapped('getPrototypeOf'), 'x'],
    [trapped('getOwnPropertyDescriptor'), 'x'],
    [revoked.proxy, 'x'],
  ] as const) {
    expect(refusalOf({ x: value })).toMatchObject({ code: 'INVALID_ARGUMENT', details: { place } })
  }
  const odd = Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw Object.create(null) as Error
    },
  })
  expect(refusalOf(odd)).toMatchObject({ message: expect.stringContaining('what was thrown has no text') })
  expect(decode(encode({ a: 1 }))).toEqual({ a: 1 })
})

test('each property is read once, and a getter may encode a value of its own', () => {
  let reads = 0
  const value = {
    get a() {
      reads += 1
      return [reads, decode(encode({ inner: 'x'.repeat(20_000) }))]
    },
    b: 'after',
  }
  expect(decode(encode(value))).toEqual({ a: [1, { inner: 'x'.repeat(20_000) }], b: 'after' })
  expect(reads).toBe(1)
})

test('undefined as a property is not given, whatever the number of properties', () => {
  for (const count of [1, 15, 16, 17, 70_000]) {
    const given = Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, index]))
    expect(JSON.stringify(decode(encode({ x: undefined, ...given, y: undefined })))).toBe(JSON.stringify(given))
  }
})

test('values of another realm are the values that they are', () => {
  const foreign = runInNewContext(`({
    object: { a: [1, { b: null }] },
    date: new Date(1000),
    map: new Map([[1, new Set([2])]]),
    floats: new Float32Array([1.5]),
    view: new DataView(new ArrayBuffer(2)),
    buffer: new ArrayBuffer(1),
    bare: Object.create(null),
  })`) as object
  expect(decode(encode(foreign))).toEqual({
    object: { a: [1, { b: null }] },
    date: new Date(1000),
    map: new Map([[1, new Set([2])]]),
    floats: new Float32Array([1.5]),
    view: new Uint8Array(2),
    buffer: Buffer.alloc(1),
    bare: {},
  })
  for (const value of ['new Error("boom")', '/a/', '(class A {}, new (class A {})())', 'Promise.resolve()']) {
    expect(refusalOf([runInNewContext(value)])).toMatchObject({ code: 'INVALID_ARGUMENT', details: { place: '[0]' } })
  }
  // Two classes that look like a plain object of another realm.
  const OfNull = runInNewContext('class A extends null {}; A') as { prototype: object }
  for (const value of [Object.create(OfNull.prototype), Object.create(Object.create(null) as object)] as object[]) {
    expect(refusalOf([value])).toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})

test('names that are odd stay readable in places', () => {
  const hole = Symbol('x')
  expect(refusalOf({ 'a b': { ['x'.repeat(500)]: hole } })).toMatchObject({
    message: expect.stringMatching(/at \["a b"\]\["x{40}…x{40}"\]$/),
  })
  expect(refusalOf(new Map<unknown, unknown>([['a"b', hole]]))).toMatchObject({
    message: expect.stringContaining('get("a\\"b")'),
  })
  expect(refusalOf(new Map<unknown, unknown>([[2n, hole]]))).toMatchObject({
    message: expect.stringContaining('get(2n)'),
  })
})

test('a value of more bytes than a message may have is refused before it is copied', () => {
  const large = new Uint8Array(2 ** 28)
  for (const value of [large, { a: [large.buffer] }, 'x'.repeat(2 ** 28)]) {
    expect(refusalOf(value)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { most: 2 ** 28 - 64 } })
  }
  const half = new Uint8Array(2 ** 27 + 20_000)
  expect(refusalOf([half, half])).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { place: '[1]' } })
})

test('bytes and arrays that arrive have memory of their own', () => {
  const sent = {
    bytes: Buffer.from('secret'),
    empty: Buffer.alloc(0),
    doubles: new Float64Array([1.5, 2.5]),
    nd: new NdArray(new BigInt64Array([1n, 2n]), [2, 1]),
  }
  for (const shift of [0, 1, 3]) {
    const message = Buffer.concat([Buffer.alloc(shift, 'other'), encode({ ...sent, pad: 'x'.repeat(shift) })])
    const { bytes, empty, doubles, nd } = decode(message.subarray(shift)) as typeof sent
    for (const view of [bytes, empty, doubles, nd.data]) {
      expect(view.byteOffset).toBe(0)
      expect(view.buffer.byteLength).toBe(view.byteLength)
      expect(view.buffer).not.toBe(message.buffer)
    }
    message.fill(0)
    expect(bytes.toString()).toBe('secret')
    expect([...doubles]).toEqual([1.5, 2.5])
    expect(nd).toEqual(sent.nd)
  }
})

test('what a worker never sends ends in an error, never in anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decode(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'RESULT_NOT_SENDABLE', hint: expect.any(String) })
      }
    }),
    { numRuns: 2_000 },
  )
  const whole = encode({
    list: [1.5, 'text', new Map([[1, new Set([2])]])],
    nd: new NdArray(new Float32Array(4), [2, 2]),
  })
  for (let length = 0; length < whole.length; length++) {
    expect(() => decode(whole.subarray(0, length))).toThrow(expect.objectContaining({ code: 'RESULT_NOT_SENDABLE' }))
  }
  expect(() => decode(Buffer.concat([whole, whole]))).toThrow('it goes on after its end')
  expect(() => decode(Buffer.from('dd7fffffff', 'hex'))).toThrow('it ends too early')
})

test('an extension of a later release is named, with its place', () => {
  expect(() => decode(Buffer.from('81a16191d45001', 'hex'))).toThrow(
    expect.objectContaining({
      code: 'RESULT_NOT_SENDABLE',
      message: 'the value: a value of extension type 80, which this release does not know, cannot be read at a[0]',
      hint: 'Use the Node packages and the Python package of one release.',
    }),
  )
})
