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
  const text = write(value, '', DEEPEST, { left: LONGEST_TEXT })
  if (text.length > LONGEST_TEXT) throw tooLong()
  return text
}

function write(value: unknown, at: string, deepest: number, room: { left: number }): string {
  room.left -= 1 // each value takes a character at least, so that shared parts cannot multiply without end
  if (room.left < 0) throw tooLong()
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value !== 'object') throw new TypeError(`it is not plain JSON: ${place(at)} is ${show(value)}`)
  if (deepest === 0) throw new TypeError(`it is not plain JSON: it has more than ${DEEPEST} levels, or a circle`)
  if (Array.isArray(value)) {
    return `[${Array.from(value, (each: unknown, index) => write(each, `${at}[${index}]`, deepest - 1, room)).join()}]`
  }
  if (!isPlain(value)) throw new TypeError(`it is not plain JSON: ${place(at)} is an instance of a class`)
  const fields: string[] = []
  for (const [name, each] of Object.entries(value) as [string, unknown][]) {
    if (each === undefined) continue
    fields.push(`${JSON.stringify(name)}:${write(each, at === '' ? name : `${at}.${name}`, deepest - 1, room)}`)
  }
  return `{${fields.join()}}`
}

/** True for objects whose prototype is that of object literals, in whatever realm, or null. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'))
}

const place = (at: string): string => (at === '' ? 'the value' : at)

const tooLong = (): RangeError => new RangeError(`its JSON is longer than ${LONGEST_TEXT} characters`)
