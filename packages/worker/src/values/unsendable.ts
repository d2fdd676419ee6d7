// The words for values that cannot be sent: what each is called, and what to send instead.
import { types } from 'node:util'
import { article, classNameOf, Refusal, tagOf } from './refusal.ts'

const NO_CLASS = 'Send a plain object with what it holds, or register its class in `types`.'

/**
 * The refusal of a value that cannot be sent. `as`: its role, when the value can be sent in other roles:
 * `a key of a Map`.
 */
export function refuse(value: unknown, as?: string): Refusal {
  const { type, hint } = describe(value)
  const where = as === undefined ? '' : ` as ${as}`
  const isName = value === undefined || (typeof value === 'object' && value !== null && isNamespace(value))
  const named = isName ? type : article(type)
  return new Refusal(`${named} cannot be sent${where}`, { hint: as === undefined ? hint : KEYS, type })
}

/** The refusal of a stream that is no argument of its own. `isWithin`: it is within one. */
export function refuseStream(value: object, isWithin: boolean): Refusal {
  const type = classNameOf(value)
  const hint = isWithin
    ? 'Make it an argument of its own: a stream cannot be inside another value.'
    : 'Send its items, one by one or in an array.'
  return new Refusal(`${article(type)} cannot be sent${isWithin ? ' there' : ''}`, { hint, type })
}

const KEYS = 'Use strings, numbers, booleans, null, Dates or Buffers, which Python can find by their value.'

/** Whether an object is a namespace of functions, as Math, JSON and Reflect are. */
export function isNamespace(value: object): boolean {
  return (
    Object.hasOwn(value, Symbol.toStringTag) && !Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag)
  )
}

function describe(value: unknown): { readonly type: string; readonly hint: string } {
  if (typeof value === 'function') return { type: 'function', hint: 'Call it and send its result, or send its name.' }
  if (typeof value === 'symbol') return { type: 'symbol', hint: 'Send its description.' }
  if (typeof value !== 'object' || value === null) return { type: typeof value, hint: 'Send null, or leave it out.' }
  if (types.isArgumentsObject(value)) return { type: 'Arguments', hint: 'Send an array of them: [...arguments].' }
  if (isNamespace(value)) return { type: tagOf(value), hint: 'Send the values of it that are needed, in an object.' }
  return { type: classNameOf(value), hint: hintFor(value) }
}

function hintFor(value: object): string {
  if (types.isPromise(value)) return 'Await it, and send its result.'
  if (types.isNativeError(value)) return 'Send its message.'
  if (types.isRegExp(value)) return 'Send its source.'
  if (types.isBoxedPrimitive(value)) return 'Send its valueOf().'
  if (types.isWeakMap(value) || types.isWeakSet(value)) return 'Send a Map or a Set.'
  if (types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value)) {
    return 'Send an array of what it yields: [...values].'
  }
  return NO_CLASS
}
