import { expect, test } from '@jest/globals'
import { fieldsOf, listOf, ownOptions } from '../src/base/own-options.ts'

// How options are copied: each field is read once, and the copy has what the object had.

const NAMES = { size: true, tools: true, limits: true } as const
const COPY = fieldsOf(NAMES, { tools: listOf(), limits: fieldsOf() })

test('own fields are copied, and inherited ones if they are options', () => {
  class Base {
    size = 1
  }
  const inherited = Object.assign(Object.create({ size: 2, other: 3 }) as object, { tools: ['a'] })
  expect(ownOptions(inherited, COPY)).toEqual({ tools: ['a'], size: 2 })
  expect(ownOptions({ unknown: 1, limits: { most: 2 } }, COPY)).toEqual({ unknown: 1, limits: { most: 2 } })
  const other = new Base()
  expect(ownOptions(other, fieldsOf(NAMES))).toEqual({ size: 1 })
})

test('each field is read once', () => {
  let readings = 0
  const options = {
    get size() {
      readings += 1
      return readings
    },
  }
  const own = ownOptions(options, COPY)
  expect([own.size, own.size, readings]).toEqual([1, 1, 1])
})

test('a field named __proto__ is copied as any other, and sets no prototype', () => {
  const own = ownOptions(JSON.parse('{ "__proto__": { "size": 7 } }') as object, COPY)
  expect(Object.keys(own)).toEqual(['__proto__'])
  expect((own as { size?: number }).size).toBe(undefined)
})

test('a field that throws is refused with its path', () => {
  const limits = {
    get most() {
      throw new Error('no')
    },
  }
  expect(() => ownOptions({ limits }, COPY, 'options')).toThrow(
    'invalid options: options.limits.most cannot be read: no',
  )
})
