// Refuses an expectation that any value meets. `toMatchObject` compares the enumerable properties of what is expected:
// a RegExp, a Promise and `{}` have none. Loaded before each test file.
import { expect } from '@jest/globals'

/** Where jest keeps its matchers, for packages that build on them. */
const { toMatchObject } = globalThis[Symbol.for('$$jest-matchers-object')].matchers

/** What is expected in vain, and what to write instead; undefined where each part can fail. */
function vain(expected) {
  if (expected instanceof RegExp) return 'a RegExp: use expect.stringMatching()'
  if (expected instanceof Promise) return 'a Promise: use what it resolves to'
  if (Array.isArray(expected)) return expected.map(vain).find((found) => found !== undefined)
  if (typeof expected !== 'object' || expected === null) return undefined
  if (Object.getPrototypeOf(expected) !== Object.prototype) return undefined
  const values = Reflect.ownKeys(expected).map((key) => expected[key])
  if (values.length === 0) return '{}: use expect.any(Object), or the properties'
  return values.map(vain).find((found) => found !== undefined)
}

expect.extend({
  toMatchObject(received, expected) {
    const found = vain(expected)
    if (found !== undefined) throw new TypeError(`In toMatchObject() every value matches ${found}.`)
    return toMatchObject.call(this, received, expected)
  },
})
