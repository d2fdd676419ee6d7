import { messageOf, TerrariumError } from './errors.ts'
import { nearest } from './nearest.ts'
import { kindOf, show } from './show.ts'

export type Fields = Readonly<Record<string, unknown>>

/** Every option that there is. */
export type Names = Readonly<Record<string, true>>

/** What is wrong, for programs. */
export type Fault = 'invalid_option' | 'unknown_option'

export interface Mistake {
  /** For programs: a {@link Fault}, or one of the checker's own. */
  readonly fault: string
  /** For people: which field, what it must be, what it is. */
  readonly text: string
  /** What was thrown by the value that cannot be read. */
  readonly cause?: unknown
}

/** So many options are named where an unknown one is told of. */
const MOST_NAMES = 12

/** Values that are named in mistakes are cut after so many characters. */
const LONGEST_VALUE = 100

/**
 * Checks the options of one function, and collects every mistake, each with the path of the field that it is in. `F`:
 * faults that have names of their own.
 */
export class Checker<F extends string = never> {
  readonly mistakes: Mistake[] = []
  readonly #prefix: string

  /** `prefix`: the path to the options, with its dot at the end: `children[0].`. */
  constructor(prefix = '') {
    this.#prefix = prefix
  }

  say(fault: F | Fault, text: string, cause?: unknown): void {
    this.mistakes.push({ fault, text: `${this.#prefix}${text}`, cause })
  }

  /** Whether a value is an object with options, see {@link isOptions}. It is a mistake if not. */
  object(name: string, value: unknown, names: Names): value is Fields {
    if (isOptions(value, names)) return true
    this.say('invalid_option', noOptions(name, value, names))
    return false
  }

  /**
   * An option that may be left out; `null` is a value like any other. One that throws while it is looked at is a
   * mistake.
   */
  field(
    owner: Fields,
    name: string,
    isValid: (value: unknown) => boolean,
    expected: string,
    fault: F | Fault = 'invalid_option',
  ): void {
    const value = owner[name]
    if (value === undefined) return
    try {
      if (!isValid(value)) this.say(fault, `${name} must be ${expected}, not ${shown(value)}`)
    } catch (error) {
      this.say(fault, `${name} cannot be read: ${messageOf(error)}`, error)
    }
  }

  required(
    owner: Fields,
    name: string,
    isValid: (value: unknown) => boolean,
    expected: string,
    missing: F | Fault = 'invalid_option',
    fault = missing,
  ): void {
    if (owner[name] === undefined) this.say(missing, `${name} is missing: ${expected}`)
    else this.field(owner, name, isValid, expected, fault)
  }

  oneOf(owner: Fields, name: string, values: readonly string[], fault?: F | Fault): void {
    const expected = `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`
    this.field(owner, name, (value) => values.includes(value as string), expected, fault)
  }

  /** What mode `otp` does without. */
  absent(owner: Fields, names: readonly string[]): void {
    for (const name of names) {
      if (owner[name] !== undefined && owner[name] !== 'off')
        this.say('invalid_option', `${name} does not exist in mode otp`)
    }
  }

  /** A group of options, of these names, that can be switched off as a whole. */
  group(owner: Fields, name: string, names: Names, check: (group: Fields, inner: Checker<F>) => void): void {
    const group = owner[name]
    if (group === undefined || group === 'off') return
    if (!isOptions(group, names)) {
      this.say('invalid_option', noOptions(name, group, names, " or 'off'"))
      return
    }
    const inner = new Checker<F>(`${this.#prefix}${name}.`)
    try {
      inner.known(group, names)
      check(group, inner)
    } catch (error) {
      this.say('invalid_option', `${name} cannot be read: ${messageOf(error)}`, error)
    }
    this.mistakes.push(...inner.mistakes)
  }

  /** An option of another name is a slip, or of another version. */
  known(owner: Fields, names: Names): void {
    for (const name of Object.keys(owner)) {
      if (Object.hasOwn(names, name)) continue
      const meant = nearest(name, Object.keys(names))
      const what = meant === undefined ? (thereAre(names) ?? 'there is no such option') : `did you mean ${meant}?`
      this.say('unknown_option', `${cut(name)} is unknown: ${what}`)
    }
  }

  /**
   * Throws INVALID_ARGUMENT with every mistake in `details.mistakes`, if there is any. `what`: of what, `pool options`.
   */
  finish(what: string): void {
    if (this.mistakes.length > 0) throw invalid(what, this.mistakes)
  }
}

function thereAre(names: Names): string | undefined {
  const all = Object.keys(names)
  return all.length > MOST_NAMES ? undefined : `there are ${all.join(', ')}`
}

/** What is wrong with a value that has no options. */
export function noOptions(name: string, value: unknown, names: Names, or = ''): string {
  if (!isFields(value)) return `${name} must be an object${or}, not ${shown(value)}`
  const what = thereAre(names)
  const offered = what === undefined ? '' : `: ${what}`
  return `${name} must be an object with options, { … }${or}, not an instance of ${classOf(value)}${offered}`
}

/** The name of an object's class, for people. */
export function classOf(value: object): string {
  try {
    const { name } = value.constructor
    return isName(name) ? cut(name) : 'a class'
  } catch {
    return 'a class'
  }
}

/** INVALID_ARGUMENT. In `details`: `mistakes`, and as `reason` the fault of the first one. */
export function invalid(what: string, mistakes: readonly Mistake[]): TerrariumError {
  const texts = mistakes.map(({ text }) => text)
  return new TerrariumError('INVALID_ARGUMENT', `invalid ${what}: ${texts.join('; ')}`, {
    details: { reason: mistakes[0]?.fault, mistakes: texts },
    cause: mistakes.find(({ cause }) => cause !== undefined)?.cause,
  })
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && kindOf(value) === 'an object'
}

export function isList(value: unknown): value is readonly unknown[] {
  return typeof value === 'object' && value !== null && kindOf(value) === 'an array'
}

/**
 * Whether a value is an object that was made to hold options of these names, or of any: a plain one, or an instance of
 * a class of the user's that has one of them. A Date or a Map holds none.
 */
export function isOptions(value: unknown, names?: Names): value is Fields {
  if (!isFields(value)) return false
  try {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === null) return true
    // Also of another realm, such as a vm context.
    if (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')) return true
    if (Object.prototype.toString.call(value) !== '[object Object]') return false
    return names === undefined || Object.keys(names).some((name) => name in value)
  } catch {
    return true // a proxy that throws, which is told when its options are read
  }
}

/** A string that is not empty. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

export function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

export function isDuration(value: unknown): value is number {
  return isNumber(value) && value >= 0
}

export function isCount(value: unknown): value is number {
  return isDuration(value) && Number.isInteger(value)
}

/** `Infinity` counts as a whole number. */
export function isCountOrMore(value: unknown, least: number): boolean {
  return value === Infinity || (isCount(value) && value >= least)
}

export function hasFunctions(...names: readonly string[]): (value: unknown) => boolean {
  return (value) => isFields(value) && names.every((name) => isFunction(value[name]))
}

/** A value for people: strings of a length that can be read, and no source text. */
export const shown = (value: unknown): string => (typeof value === 'function' ? 'a function' : cut(show(value)))

const cut = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text)
