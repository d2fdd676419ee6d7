type Fields = Readonly<Record<string, unknown>>

/** `above` laid over `below`, field by field if both have fields; otherwise what is given of the two, `above` first. */
export function overlay(below: unknown, above: unknown): unknown {
  if (above === undefined) return below
  return isFields(below) && isFields(above) ? { ...below, ...above } : above
}

function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
