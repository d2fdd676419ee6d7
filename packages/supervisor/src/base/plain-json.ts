// Checks that a value is plain JSON, and writes it as text.
import { show } from './show.ts'

/** In characters. */
const LONGEST_TEXT = 65_536
/** More levels are taken for a circle. */
const DEEPEST = 100

/**
 * The JSON text of a value of null, booleans, finite numbers, strings, arrays and plain objects. Fields that are
 * `undefined` are left out. Throws a TypeError that names the place of anything else, and a RangeError for a text of
 * more than 65,536 characters.
 */
export function plainJson(value: unknown): string {
  const text = write(value, { path: [], left: LONGEST_TEXT })
  if (text.length > LONGEST_TEXT) throw tooLong()
  return text
}

interface Progress {
  /** The place of the current value, for errors. */
  readonly path: (string | number)[]
  /** How many more values there may be: each takes a character at least, so that shared parts cannot multiply. */
  left: number
}

function write(value: unknown, progress: Progress): string {
  const { path } = progress
  progress.left -= 1
  if (progress.left < 0) throw tooLong()
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value !== 'object') throw new TypeError(`it is not plain JSON: ${place(path)} is ${show(value)}`)
  if (path.length > DEEPEST)
    throw new TypeError(`it is not plain JSON: it has more than ${DEEPEST} levels, or a circle`)
  if (Array.isArray(value)) {
    return `[${Array.from(value, (each: unknown, index) => writePart(index, each, progress)).join()}]`
  }
  if (!isPlain(value)) throw new TypeError(`it is not plain JSON: ${place(path)} is an instance of a class`)
  const fields: string[] = []
  for (const [name, each] of Object.entries(value) as [string, unknown][]) {
    if (each !== undefined) fields.push(`${JSON.stringify(name)}:${writePart(name, each, progress)}`)
  }
  return `{${fields.join()}}`
}

function writePart(name: string | number, value: unknown, progress: Progress): string {
  progress.path.push(name)
  const text = write(value, progress)
  progress.path.pop()
  return text
}

/** True for objects whose prototype is null, or the prototype of object literals in any realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'))
}

function place(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'the value'
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}

const tooLong = (): RangeError => new RangeError(`its JSON is longer than ${LONGEST_TEXT} characters`)
