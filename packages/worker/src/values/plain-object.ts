/**
 * Whether an object is made by `{}`, JSON or `Object.create(null)`, and no instance of a class. Also one of another
 * realm (a Jest test, a vm context), whose `Object.prototype` is not the one of this file.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
