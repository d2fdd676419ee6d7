// Reads a value of the protocol as plain data, for programs that print it as JSON.
import type { Value } from './protocol.ts'

/** What was left out is not in it: of lists and objects the rest, of a long text what follows its beginning. */
export function plainOf(value: Value): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('o' in value) return Object.fromEntries(value.o.map(([key, each]) => [key, plainOf(each)]))
  if ('a' in value) return value.a.map(plainOf)
  return 's' in value ? `${value.s}…` : value.x
}
