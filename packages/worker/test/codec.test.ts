import { expect, test } from '@jest/globals'
import { decode, encode } from '../src/codec.ts'

test.each([
  ['text', { text: 'grüße 🐍' }],
  ['numbers', { zero: 0, negative: -1.5, tiny: 5e-324, nan: NaN, infinity: -Infinity }],
  ['wide integers', { a: 2 ** 32, b: -(2 ** 31) - 1, c: [Number.MAX_SAFE_INTEGER], d: { e: Number.MIN_SAFE_INTEGER } }],
  ['nothing', { nothing: null, truth: true, lie: false }],
  ['nested', { list: [[], {}, [{ deep: [1, 'two', null] }]] }],
  ['an instant', { at: new Date('2026-01-02T03:04:05.678Z') }],
])('%s arrive as they were sent', (_, value) => {
  expect(decode(encode(value))).toEqual(value)
})

test('bytes arrive as bytes', () => {
  const { bytes } = decode(encode({ bytes: Buffer.from([0, 255, 7]) })) as { bytes: Uint8Array }
  expect([...bytes]).toEqual([0, 255, 7])
})

test('whole numbers beyond 32 bits are integers on the wire, not floats', () => {
  const INT_MARKERS = [0xcf, 0xd3] // msgpack: uint 64, int 64
  expect(INT_MARKERS).toContain(encode(2 ** 40)[0])
  expect(INT_MARKERS).toContain(encode(-(2 ** 40))[0])
  expect(encode(0.5)[0]).toBe(0xcb) // float 64
})

test('integers that a JavaScript number cannot hold arrive as bigint', () => {
  expect(decode(encode(2n ** 60n))).toBe(2n ** 60n)
})

test('undefined travels as null', () => {
  expect(decode(encode({ a: undefined }))).toEqual({ a: null })
})

test.each([
  ['a function', { list: [1, { f: () => 1 }] }, 'a function cannot be sent (at list[1].f)'],
  ['a symbol', { wide: 2 ** 40, s: Symbol('x') }, 'a symbol cannot be sent (at s)'],
  ['a value that is a function itself', () => 1, 'a function cannot be sent'],
  ['an Error', { a: new Error('boom') }, 'an instance of Error cannot be sent'],
  ['a RegExp', { a: /a/g }, 'an instance of RegExp cannot be sent'],
  ['a Promise that nobody awaits', [Promise.resolve(1)], 'an instance of Promise cannot be sent'],
  ['an object with a class', { a: new URL('file:///a') }, 'an instance of URL cannot be sent'],
])('%s is refused, with its place', (_, value, message) => {
  expect(() => encode(value)).toThrow(message)
})
