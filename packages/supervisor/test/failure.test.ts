import { expect, test } from '@jest/globals'
import { classify } from '../src/policy/classify.ts'
import { fingerprint, normalise } from '../src/policy/fingerprint.ts'
import { TerrariumError } from '@terrarium/supervisor'

const context = { id: 'a', phase: 'start', attempts: 1, uptime: 0 } as const
const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })
const classOf = (error: unknown, attempts = 1): string => classify(error, { ...context, attempts }, undefined)

test.each([
  [new TerrariumError('CONFIGURATION', 'no module'), 'configuration'],
  [coded('ERR_MODULE_NOT_FOUND'), 'configuration'],
  [coded('EACCES'), 'configuration'],
  [coded('ENOENT'), 'configuration'],
  [coded('ENOENT', { syscall: 'connect' }), 'transient'],
  [coded('ERR_INVALID_ARG_TYPE'), 'configuration'],
  [Object.assign(new Error('unauthorized'), { status: 401 }), 'configuration'],
  [Object.assign(new Error('unavailable'), { statusCode: 503 }), 'transient'],
  [Object.assign(new Error('slow down'), { status: 429 }), 'overload'],
  [coded('ECONNREFUSED'), 'transient'],
  [coded('EMFILE'), 'overload'],
  [new TypeError('x is not a function'), 'bug'],
  [Object.assign(new Error('stop'), { name: 'AbortError' }), 'cancelled'],
  [new Error('anything'), 'unknown'],
  ['a string', 'unknown'],
  [undefined, 'unknown'],
  [Object.assign(new TypeError('x'), { supervision: { class: 'transient' } }), 'transient'],
  [new TerrariumError('START_FAILED', 'nested', { cause: coded('CONFIGURATION') }), 'configuration'],
])('%p is of class %s', (error, expected) => {
  expect(classOf(error)).toBe(expected)
})

test('a port in use is transient for three attempts', () => {
  expect([1, 3, 4].map((attempt) => classOf(coded('EADDRINUSE'), attempt))).toEqual([
    'transient',
    'transient',
    'configuration',
  ])
})

test('an error whose properties throw is of class unknown, and has a fingerprint', () => {
  const hostile = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('do not touch')
    },
  })
  expect(classOf(hostile)).toBe('unknown')
  expect(fingerprint(hostile, 'start')).toMatch(/^[0-9a-f]{16}$/)
  const circular = new Error('x')
  circular.cause = circular
  expect(classOf(circular)).toBe('unknown')
  expect(fingerprint(circular, 'start')).toMatch(/^[0-9a-f]{16}$/)
})

test.each([
  ['port 4001 busy', 'port <n> busy'],
  ['no file /tmp/run-1/host.sock here', 'no file <path> here'],
  ['no file C:\\temp\\x here', 'no file <path> here'],
  ["no module named 'grpc'", 'no module named <text>'],
  ['request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed', 'request <id> failed'],
  ['at 0x7ffe01 since 2026-01-02T03:04:05.678Z', 'at <n> since <time>'],
  ['GET https://example.org/a?token=abc failed', 'GET https://example.org/a?<query> failed'],
])('X13 %p is normalised to %p', (message, expected) => {
  expect(normalise(message)).toBe(expected)
})

test('X13 failures differ by phase, kind, code, message, place and cause', () => {
  const here = (message: string): Error => new Error(message)
  const there = (message: string): Error => new Error(message)
  const different = [
    fingerprint(here('boom'), 'start'),
    fingerprint(here('boom'), 'run'),
    fingerprint(here('bang'), 'start'),
    fingerprint(there('boom'), 'start'),
    fingerprint(Object.assign(here('boom'), { code: 'E1' }), 'start'),
    fingerprint(Object.assign(here('boom'), { cause: 'x' }), 'start'),
    fingerprint('boom', 'start'),
  ]
  expect(new Set(different).size).toBe(different.length)
  expect(fingerprint(here('line 1'), 'start')).toBe(fingerprint(here('line 2'), 'start'))
})
