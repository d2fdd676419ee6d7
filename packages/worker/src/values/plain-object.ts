// Distinguishes plain objects, which are sent with their properties, from instances of classes.
/**
 * Whether a value is an object made by `{}`, JSON or `Object.create(null)`, and not an instance of a class. Objects of
 * another realm (a vm context, a Jest test) count too, although they have another `Object.prototype`.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
