// Lays the fields of one input over the fields of another, for templates and `extraInput`.

type Fields = Readonly<Record<string, unknown>>

/**
 * Lays the fields of `above` over the fields of `below`. If either has no fields: `above`, or `below` if `above` is
 * undefined.
 */
export function overlay(below: unknown, above: unknown): unknown {
  if (above === undefined) return below
  return isFields(below) && isFields(above) ? { ...below, ...above } : above
}

function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
