// Finds out what a structured clone cannot copy, and says where it is and what to do instead.
import { classOf, TerrariumError } from '@terrarium/supervisor/base'

/** The number of values that are looked at, so that a large or circular value costs little. */
const MOST_VALUES = 10_000

const HINT =
  'Send plain data: no functions, no promises, no actor refs. Send the id of an actor instead of its ref, and the ' +
  'fields that are needed instead of an object with methods.'

/** The error for a value that cannot be cloned. `what`: the words for the value, `input` for instance. */
export function cannotClone(thread: string, what: string, value: unknown, cause: unknown): TerrariumError {
  const place = placeOf(value, what, { left: MOST_VALUES }) ?? `${what} cannot be cloned`
  return new TerrariumError('INVALID_ARGUMENT', `thread ${thread}: ${place}, which cannot cross to another thread`, {
    hint: HINT,
    cause,
    details: { thread, what },
  })
}

export function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

/** The first part of a value that cannot be cloned: `input.rows[3].save is a function`. */
function placeOf(value: unknown, at: string, budget: { left: number }): string | undefined {
  if (typeof value === 'function') return `${at} is a function`
  if (typeof value === 'symbol') return `${at} is a symbol`
  if (typeof value !== 'object' || value === null || budget.left <= 0 || isCloneable(value)) return undefined
  budget.left -= 1
  if ('sessionId' in value && 'send' in value) return `${at} is an actor ref`
  for (const [name, part] of partsOf(value)) {
    const found = placeOf(part, `${at}${name}`, budget)
    if (found !== undefined) return found
  }
  return `${at} is an instance of ${classOf(value)}`
}

function partsOf(value: object): [string, unknown][] {
  if (Array.isArray(value)) return value.map((part, index) => [`[${index}]`, part])
  if (value instanceof Map) return [...value].flatMap(([key, part], index) => both(`(entry ${index})`, key, part))
  if (value instanceof Set) return [...value].map((part, index) => [`(value ${index})`, part])
  return Object.entries(value).map(([name, part]) => [`.${name}`, part])
}

const both = (at: string, key: unknown, part: unknown): [string, unknown][] => [
  [`${at}.key`, key],
  [`${at}.value`, part],
]
