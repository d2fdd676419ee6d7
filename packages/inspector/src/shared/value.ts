// Shortens any value of an application for the page: bounded in depth, breadth and length, without secrets. It runs no
// code of the application where it can avoid that: getters are named, not called, and proxies that throw are named too.
import type { ValueLimits } from './limits.ts'
import type { Dictionary, List, Value } from './protocol.ts'
import { REDACTED, isSecretKey, withoutSecrets, type Redact } from './redact.ts'

interface Writing {
  readonly limits: ValueLimits
  readonly redact: Redact | undefined
  /** Objects above the current one. */
  readonly above: Set<object>
  readonly path: string[]
  /** How many nodes may still be written. */
  budget: number
}

/** Never throws. */
export function shorten(value: unknown, limits: ValueLimits, redact?: Redact): Value {
  return write(value, { limits, redact, above: new Set(), path: [], budget: limits.nodes })
}

function write(value: unknown, writing: Writing): Value {
  writing.budget -= 1
  try {
    if (typeof value === 'object' && value !== null) return writeObject(value, writing)
    return writeScalar(value, writing.limits)
  } catch (error) {
    return { x: `unreadable: ${messageOf(error)}` }
  }
}

function writeScalar(value: unknown, limits: ValueLimits): Value {
  switch (typeof value) {
    case 'string':
      return cut(value, limits.text)
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { x: Object.is(value, -0) ? '-0' : String(value) }
    case 'bigint':
      // The text of a huge integer takes long to make.
      return { x: BigInt.asIntN(256, value) === value ? `${value}n` : 'bigint of more than 256 bits' }
    case 'boolean':
      return value
    case 'undefined':
      return { x: 'undefined' }
    case 'symbol':
      return { x: value.toString().slice(0, limits.text) }
    case 'function':
      return { x: `function ${nameOfFunction(value)}`.trimEnd() }
    default:
      return null
  }
}

/** Secrets are looked for in what is shown and a little more, since one may be cut in the middle. */
function cut(text: string, length: number): Value {
  const shown = withoutSecrets(text.slice(0, length + SECRET_MARGIN))
  if (text.length <= length + SECRET_MARGIN && shown.length <= length) return shown
  return { s: shown.slice(0, length), more: Math.max(1, text.length - length) }
}

const SECRET_MARGIN = 200
const KEY_LENGTH = 80

function nameOfFunction(value: object): string {
  const name: unknown = Object.getOwnPropertyDescriptor(value, 'name')?.value
  return typeof name === 'string' ? name.slice(0, 80) : ''
}

function writeObject(value: object, writing: Writing): Value {
  if (writing.above.has(value)) return { x: 'circular' }
  const short = opaque(value, writing.limits)
  if (short !== undefined) return short
  if (writing.path.length >= writing.limits.depth || writing.budget <= 0) return { x: nameOf(value) }
  writing.above.add(value)
  try {
    if (Array.isArray(value)) return writeItems(value, value.length, undefined, writing)
    if (value instanceof Map) return writeMap(value, writing)
    if (value instanceof Set) return writeItems(value, value.size, 'Set', writing)
    if (value instanceof Error) return writeError(value, writing)
    return writeEntries(value, writing)
  } finally {
    writing.above.delete(value)
  }
}

/** What is told in a few words. */
function opaque(value: object, { text }: ValueLimits): Value | undefined {
  if (value instanceof Date) return { x: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() }
  if (value instanceof RegExp) return { x: String(value).slice(0, text) }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) return { x: nameOf(value) }
  if (ArrayBuffer.isView(value)) return { x: `${nameOf(value)} of ${value.byteLength} bytes` }
  if (value instanceof ArrayBuffer) return { x: `ArrayBuffer of ${value.byteLength} bytes` }
  return actorOrNode(value)
}

/** Actors and DOM nodes lead to the whole application. */
function actorOrNode(value: object): Value | undefined {
  const own = (key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value
  if (typeof own('sessionId') === 'string' && typeof own('send') === 'function')
    return { x: `actor ${String(own('id'))}` }
  const { Node } = globalThis as { Node?: unknown }
  if (typeof Node !== 'function' || !(value instanceof Node)) return undefined
  const { nodeName, id } = value as unknown as { readonly nodeName: string; readonly id?: unknown }
  return { x: `<${nodeName.toLowerCase()}${typeof id === 'string' && id !== '' ? `#${id}` : ''}>` }
}

/** Items are visited up to the limit only: a list may have millions. */
function writeItems(items: Iterable<unknown>, size: number, name: string | undefined, writing: Writing): Value {
  const shown: Value[] = []
  for (const item of items) {
    if (shown.length === writing.limits.entries || writing.budget <= 0) break
    shown.push(under('', item, writing))
  }
  const list: List = { a: shown, ...(size > shown.length && { more: size - shown.length }) }
  return name === undefined ? list : { o: [['items', list]], n: name }
}

function writeMap(map: Map<unknown, unknown>, writing: Writing): Value {
  const shown: (readonly [string, Value])[] = []
  for (const [key, item] of map) {
    if (shown.length === writing.limits.entries || writing.budget <= 0) break
    const name = typeof key === 'string' ? key : keyText(write(key, { ...writing, budget: 1 }))
    shown.push(entry(name, item, writing))
  }
  return { o: shown, n: 'Map', ...(map.size > shown.length && { more: map.size - shown.length }) }
}

const keyText = (key: Value): string =>
  typeof key === 'object' && key !== null && 'x' in key ? key.x : JSON.stringify(key)

function writeError(error: Error, writing: Writing): Value {
  const own = writeEntries(error, writing)
  const text = (key: string): Value => cut(String(Reflect.get(error, key)), writing.limits.text)
  const shown = own.o.filter(([key]) => key !== 'stack' && key !== 'message' && key !== 'name')
  return { ...own, o: [['name', text('name')], ['message', text('message')], ...shown], n: 'Error' }
}

function writeEntries(value: object, writing: Writing): Dictionary {
  const shown: (readonly [string, Value])[] = []
  const keys = Object.keys(value)
  for (const key of keys) {
    if (shown.length === writing.limits.entries || writing.budget <= 0) break
    const property = Object.getOwnPropertyDescriptor(value, key)
    if (property === undefined) continue
    shown.push(property.get === undefined ? entry(key, property.value, writing) : [key, { x: 'getter' }])
  }
  const name = nameOf(value)
  const more = keys.length - shown.length
  return { o: shown, ...(name !== 'Object' && { n: name }), ...(more > 0 && { more }) }
}

function entry(key: string, item: unknown, writing: Writing): readonly [string, Value] {
  const name = withoutSecrets(key.slice(0, KEY_LENGTH))
  // Whether there is one is no secret.
  const isHarmless = typeof item === 'boolean' || item === null || item === undefined
  if (!isHarmless && isSecretKey(key, writing.path, writing.redact)) return [name, { x: REDACTED }]
  return [name, under(key, item, writing)]
}

function under(key: string, item: unknown, writing: Writing): Value {
  writing.path.push(key)
  try {
    return write(item, writing)
  } finally {
    writing.path.pop()
  }
}

/** The class of an object, without a call of its code. */
function nameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'Object'
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  return typeof maker === 'function' ? nameOfFunction(maker) || 'Object' : 'Object'
}

/** The name and message of anything thrown, short and without secrets. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return withoutSecrets(`${error.name}: ${error.message}`.slice(0, 400)).slice(0, 300)
    const text =
      typeof error === 'string' ? error : JSON.stringify(shorten(error, { depth: 2, entries: 5, text: 80, nodes: 10 }))
    return withoutSecrets(text.slice(0, 400)).slice(0, 300)
  } catch {
    return 'an error that cannot be read'
  }
}
