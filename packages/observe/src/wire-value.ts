// Facts of events on the wire: an object as a list of its entries, which is how the page reads values.
import type { Value } from '@terrarium/inspector/protocol'

/** Plain data without lists. */
export function toWire(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value !== 'object' || value === null) return null
  return { o: Object.entries(value).map(([name, each]) => [name, toWire(each)] as const) }
}
