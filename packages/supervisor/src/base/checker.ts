// Checks options that users give, and collects every mistake, so that one error names all of them.
import { messageOf, TerrariumError } from './errors.ts'
import { nearest } from './nearest.ts'
import { kindOf, show } from './show.ts'

export type Fields = Readonly<Record<string, unknown>>

/** The names of all options, as the keys. */
export type Names = Readonly<Record<string, unknown>>

/** What an option must be: the test, and the words for it. */
export type Expected = readonly [isValid: (value: unknown) => boolean, expected: string]

/**
 * The rule for one option. `fault`: the kind of a wrong value; `missing`: the kind of mistake when the option must be
 * given and is not.
 */
export type Rule<F extends string = Fault> = readonly [
  ...Expected,
  fault?: F | Fault | undefined,
  missing?: F | Fault | undefined,
]

/**
 * Rules by the names of all options, in the order in which they are checked. `true`: anything; an object: a group of
 * options, or `'off'`.
 */
export interface Rules<F extends string = Fault> {
  readonly [name: string]: Rule<F> | true | Rules<F>
}

/** The rule for an option that must be one of these strings. */
export const oneOf = (...values: readonly string[]): Expected => [
  (value) => values.includes(value as string),
  `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`,
]

/** The kinds of mistakes, for programs. */
export type Fault = 'invalid_option' | 'unknown_option'

export interface Mistake {
  /** For programs: a {@link Fault}, or one of the checker's own. */
  readonly fault: string
  /** For people: the field, what it must be, and what it is. */
  readonly text: string
  /** The error with which reading the value failed. */
  readonly cause?: unknown
}

/** An error for an unknown option lists the known ones if there are no more than this. */
const MOST_NAMES = 12

/** The length at which values in messages are cut, in characters. */
const LONGEST_VALUE = 100

/**
 * Checks the options of one function and collects every mistake, each with the path of its field. `F`: kinds of
 * mistakes beside those of {@link Fault}.
 */
export class Checker<F extends string = never> {
  readonly mistakes: Mistake[] = []
  readonly #prefix: string

  /** `prefix`: the path to the options, with its dot at the end: `children[0].`. */
  constructor(prefix = '') {
    this.#prefix = prefix
  }

  /** Adds a mistake. */
  say(fault: F | Fault, text: string, cause?: unknown): void {
    this.mistakes.push({ fault, text: `${this.#prefix}${text}`, cause })
  }

  /** True if a value is an object with options, see {@link isOptions}. If not, adds a mistake. */
  object(name: string, value: unknown, names: Names): value is Fields {
    if (isOptions(value, names)) return true
    this.say('invalid_option', noOptions(name, value, names))
    return false
  }

  /**
   * Checks an option that may be left out. `null` is a value like any other. A value that throws when it is read is a
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

  /** Checks an option that must be given. */
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

  /** Checks an option that must be one of these strings. */
  oneOf(owner: Fields, name: string, values: readonly string[]): void {
    this.field(owner, name, ...oneOf(...values))
  }

  /** Checks options by their rules. */
  fields(owner: Fields, rules: Rules<F>): void {
    for (const [name, rule] of Object.entries(rules)) {
      if (rule === true) continue
      if (!isRule(rule)) {
        this.group(owner, name, rule, (group, inner) => {
          inner.fields(group, rule)
        })
      } else {
        const [isValid, expected, fault, missing] = rule
        if (missing === undefined) this.field(owner, name, isValid, expected, fault)
        else this.required(owner, name, isValid, expected, missing, fault)
      }
    }
  }

  /** Refuses options that mode `otp` does not have. */
  absent(owner: Fields, names: readonly string[]): void {
    for (const name of names) {
      if (owner[name] !== undefined && owner[name] !== 'off')
        this.say('invalid_option', `${name} does not exist in mode otp`)
    }
  }

  /** Checks a group of options that can be switched off with `'off'`. */
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

  /** Refuses options of other names. */
  known(owner: Fields, names: Names): void {
    for (const name of Object.keys(owner)) {
      if (Object.hasOwn(names, name)) continue
      const meant = nearest(name, Object.keys(names))
      const what = meant === undefined ? (thereAre(names) ?? 'there is no such option') : `did you mean ${meant}?`
      this.say('unknown_option', `${cut(name)} is unknown: ${what}`)
    }
  }

  /**
   * Throws INVALID_ARGUMENT if there are mistakes, with all of them in `details.mistakes`. `what`: the words for the
   * options, for instance `pool options`.
   */
  finish(what: string): void {
    if (this.mistakes.length > 0) throw invalid(what, this.mistakes)
  }
}

function isRule<F extends string>(rule: Rule<F> | Rules<F>): rule is Rule<F> {
  return Array.isArray(rule)
}

function thereAre(names: Names): string | undefined {
  const all = Object.keys(names)
  return all.length > MOST_NAMES ? undefined : `there are ${all.join(', ')}`
}

/** The text for a value that is no object with options. */
export function noOptions(name: string, value: unknown, names: Names, or = ''): string {
  if (!isFields(value)) return `${name} must be an object${or}, not ${shown(value)}`
  const what = thereAre(names)
  const offered = what === undefined ? '' : `: ${what}`
  return `${name} must be an object with options, { … }${or}, not an instance of ${classOf(value)}${offered}`
}

/** The name of an object's class, for messages. */
export function classOf(value: object): string {
  try {
    const { name } = value.constructor
    return isName(name) ? cut(name) : 'a class'
  } catch {
    return 'a class'
  }
}

/** Makes an INVALID_ARGUMENT error. `details`: the `mistakes`, and as `reason` the kind of the first. */
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
 * True if a value is an object that was made to hold options: a plain object, or an instance of a class of the user's
 * that has one of these names. A Date or a Map is not.
 */
export function isOptions(value: unknown, names?: Names): value is Fields {
  if (!isFields(value)) return false
  try {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === null) return true
    // The Object.prototype of another realm, such as a vm context.
    if (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')) return true
    if (Object.prototype.toString.call(value) !== '[object Object]') return false
    return names === undefined || Object.keys(names).some((name) => name in value)
  } catch {
    return true // a proxy that throws; reported when its options are read
  }
}

/** True for a string that is not empty. */
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

/** True for a whole number of at least `least`, or `Infinity`. */
export function isCountOrMore(value: unknown, least: number): boolean {
  return value === Infinity || (isCount(value) && value >= least)
}

/** Returns a test for objects that have all these methods. */
export function hasFunctions(...names: readonly string[]): (value: unknown) => boolean {
  return (value) => isFields(value) && names.every((name) => isFunction(value[name]))
}

/** A value for messages: strings are cut, functions are not printed. */
export const shown = (value: unknown): string => (typeof value === 'function' ? 'a function' : cut(show(value)))

const cut = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text)
