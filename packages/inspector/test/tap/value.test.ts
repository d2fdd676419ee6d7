// Values of an application, shortened for the page: whatever they are, nothing throws, nothing is long, and no secret
// is shown.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SNAPSHOT_LIMITS, type ValueLimits } from '../../src/shared/limits.ts'
import type { Value } from '../../src/shared/protocol.ts'
import { messageOf, shorten } from '../../src/shared/value.ts'

const LIMITS: ValueLimits = { depth: 3, entries: 4, text: 10, nodes: 30 }
const short = (value: unknown): Value => shorten(value, LIMITS)

class Cart {
  total = 1
  get next(): number {
    throw new Error('never called')
  }
}

test.each<[string, unknown, Value]>([
  ['a text', 'abc', 'abc'],
  ['a number', 1.5, 1.5],
  ['not a number', NaN, { x: 'NaN' }],
  ['minus zero', -0, { x: '-0' }],
  ['a big integer', 12n, { x: '12n' }],
  ['a huge integer', 2n ** 400n, { x: 'bigint of more than 256 bits' }],
  ['nothing', undefined, { x: 'undefined' }],
  ['null', null, null],
  ['a symbol', Symbol('s'), { x: 'Symbol(s)' }],
  [
    'a function',
    function named() {
      return 1
    },
    { x: 'function named' },
  ],
  ['a date', new Date(0), { x: '1970-01-01T00:00:00.000Z' }],
  ['a wrong date', new Date(NaN), { x: 'Invalid Date' }],
  ['a regular expression', /a+/g, { x: '/a+/g' }],
  ['bytes', new Uint8Array(9), { x: 'Uint8Array of 9 bytes' }],
  ['a promise', Promise.resolve(1), { x: 'Promise' }],
  ['an actor', { id: 'cart', sessionId: 'x:1', send: () => undefined }, { x: 'actor cart' }],
  ['a list', [1, 2, 3, 4, 5, 6], { a: [1, 2, 3, 4], more: 2 }],
  ['a list with holes', Array(3), { a: [{ x: 'undefined' }, { x: 'undefined' }, { x: 'undefined' }] }],
  ['a set', new Set([1]), { o: [['items', { a: [1] }]], n: 'Set' }],
  [
    'a map',
    new Map<unknown, unknown>([
      ['a', 1],
      [2, { b: 1 }],
    ]),
    {
      o: [
        ['a', 1],
        ['2', { o: [['b', 1]] }],
      ],
      n: 'Map',
    },
  ],
  ['an instance', new Cart(), { o: [['total', 1]], n: 'Cart' }],
  [
    'a getter',
    {
      get now(): number {
        throw new Error('never called')
      },
    },
    { o: [['now', { x: 'getter' }]] },
  ],
  ['no prototype', Object.assign(Object.create(null) as object, { a: 1 }), { o: [['a', 1]] }],
  [
    'an error',
    new RangeError('far'),
    {
      o: [
        ['name', 'RangeError'],
        ['message', 'far'],
      ],
      n: 'Error',
    },
  ],
  ['depth', { a: { b: { c: { d: 1 } } } }, { o: [['a', { o: [['b', { o: [['c', { x: 'Object' }]] }]] }]] }],
])('%s', (_, value, expected) => {
  expect(short(value)).toEqual(expected)
})

test('a long text is cut, and what is left out is counted', () => {
  expect(short('x'.repeat(1_000))).toEqual({ s: 'xxxxxxxxxx', more: 990 })
})

test('a circle ends', () => {
  const circle: Record<string, unknown> = { name: 'circle' }
  circle.self = circle
  circle.list = [circle]
  expect(short(circle)).toEqual({
    o: [
      ['name', 'circle'],
      ['self', { x: 'circular' }],
      ['list', { a: [{ x: 'circular' }] }],
    ],
  })
})

test('the same object twice is no circle', () => {
  const one = { a: 1 }
  expect(short([one, one])).toEqual({ a: [{ o: [['a', 1]] }, { o: [['a', 1]] }] })
})

test('proxies that throw are named', () => {
  const fail = (): never => {
    throw new Error('trap')
  }
  expect(short({ a: new Proxy({}, { getPrototypeOf: fail, ownKeys: fail }) })).toEqual({
    o: [['a', { x: 'unreadable: Error: trap' }]],
  })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(short([proxy])).toEqual({ a: [{ x: expect.stringMatching(/^unreadable: TypeError/) as unknown as Value }] })
})

test.each([
  'password',
  'newPassword',
  'passwd',
  'passphrase',
  'clientSecret',
  'access_token',
  'Authorization',
  'set-cookie',
  'apiKey',
  'api-key',
  'API_KEY',
  'privateKey',
  'credentials',
  'cardNumber',
  'cvv',
  'pin',
  'otp',
  'ssn',
  'iban',
  'refreshToken',
])('the value under %s is not shown', (key) => {
  expect(short({ [key]: 'hunter2' })).toEqual({ o: [[key, { x: 'redacted' }]] })
  expect(JSON.stringify(short(new Map([[key, 'hunter2']])))).not.toContain('hunter2')
  expect(short({ [key]: true })).toEqual({ o: [[key, true]] })
})

test.each(['name', 'compass', 'spinner', 'pinned', 'author', 'keyboard', 'monkey', 'discard', 'description'])(
  'the value under %s is shown',
  (key) => {
    expect(short({ [key]: 'plain' })).toEqual({ o: [[key, 'plain']] })
  },
)

test.each([
  ['a token of three parts', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk'],
  ['a bearer', 'Authorization: Bearer abcdefgh1234'],
  ['basic credentials', 'Basic YWxhZGRpbjpvcGVuc2VzYW1l'],
  ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----'],
  ['a key of a service', 'sk-ant-abcdefghij1234567890'],
  ['a token of a forge', 'ghp_abcdefghij1234567890'],
  ['a password in an address', 'postgres://app:hunter2hunter2@db/shop'],
])('%s in a text is not shown', (_, text) => {
  const shown = JSON.stringify(shorten({ note: `it said ${text}, then` }, SNAPSHOT_LIMITS))
  expect(shown).toContain('[redacted]')
  for (const part of ['eyJzdWI', 'abcdefgh1234', 'YWxhZGRp', 'MIIabc', 'abcdefghij1234567890', 'hunter2'])
    expect(shown).not.toContain(part)
})

test('a secret that the limit cuts is not shown in part', () => {
  const limits = { ...SNAPSHOT_LIMITS, text: 30 }
  expect(JSON.stringify(shorten(`some words before ghp_${'a1b2'.repeat(10)}`, limits))).not.toContain('a1b2')
})

test('a rule of the user redacts more, has the keys above, and redacts where it throws', () => {
  const paths: string[] = []
  const redact = (key: string, path: readonly string[]): boolean => {
    paths.push([...path, key].join('.'))
    if (key === 'odd') throw new Error('rule')
    return key === 'email'
  }
  expect(shorten({ user: { email: 'a@b', odd: 1, name: 'Ada' } }, LIMITS, redact)).toEqual({
    o: [
      [
        'user',
        {
          o: [
            ['email', { x: 'redacted' }],
            ['odd', { x: 'redacted' }],
            ['name', 'Ada'],
          ],
        },
      ],
    ],
  })
  expect(paths).toEqual(['user', 'user.email', 'user.odd', 'user.name'])
})

test('10 MB of context become a few kB', () => {
  const big = {
    lines: Array.from({ length: 200_000 }, (_, i) => ({ sku: `sku-${i}`, text: 'x'.repeat(40) })),
    text: 'y'.repeat(10_000_000),
    index: new Map(Array.from({ length: 100_000 }, (_, i) => [i, i])),
  }
  expect(JSON.stringify(shorten(big, SNAPSHOT_LIMITS)).length).toBeLessThan(20_000)
})

test('whatever the value is, the result is JSON, bounded, and nothing throws', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    maxDepth: 6,
  })
  fc.assert(
    fc.property(anything, (value) => {
      const text = JSON.stringify(shorten(value, LIMITS))
      expect(JSON.parse(text)).toBeDefined()
      expect(text.length).toBeLessThan(8_000)
    }),
    { numRuns: 500 },
  )
})

test('whatever is thrown has a message', () => {
  expect(messageOf(new TypeError('bad'))).toBe('TypeError: bad')
  expect(messageOf('text')).toBe('text')
  expect(messageOf({ code: 1 })).toBe('{"o":[["code",1]]}')
  const hostile = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('trap')
    },
  })
  expect(messageOf(hostile)).toBe('an error that cannot be read')
})
