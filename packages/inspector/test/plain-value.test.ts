// Tests how values of the protocol are read as plain data.
import { expect, test } from '@jest/globals'
import { plainOf } from '../src/protocol.ts'
import { SNAPSHOT_LIMITS } from '../src/shared/limits.ts'
import { shorten } from '../src/shared/value.ts'

test('a value of the protocol is read as plain data', () => {
  const value = { text: 'a', list: [1, [true]], none: null, set: new Set(['b']), map: new Map([['k', { n: 1 }]]) }
  expect(plainOf(shorten(value, SNAPSHOT_LIMITS))).toEqual({ ...value, set: { items: ['b'] }, map: { k: { n: 1 } } })
})

test('what has no plain form is read as its text, and a long text is marked as cut', () => {
  const value = { date: new Date(0), none: undefined, big: 1n, password: 'x', long: 'y'.repeat(300) }
  expect(plainOf(shorten(value, SNAPSHOT_LIMITS))).toEqual({
    date: '1970-01-01T00:00:00.000Z',
    none: 'undefined',
    big: '1n',
    password: 'redacted',
    long: `${'y'.repeat(200)}…`,
  })
})
