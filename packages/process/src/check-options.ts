// Checks of options that runtimes, programs and pools share. Each adds its mistakes to the supervisor's `Checker`,
// which throws all of them at once.
import {
  classOf,
  hasFunctions,
  isFields,
  isOptions,
  shown,
  type Checker,
  type Fields,
} from '@terrarium/supervisor/base'
import { CONTAINMENTS } from './shepherd/containment.ts'

/** The longest delay of setTimeout, in ms. */
export const LONGEST_MS = 2 ** 31 - 1

/** Checks an option in whole ms, from `least` to `most`. */
export function checkMs(check: Checker, options: Fields, name: string, least: 0 | 1, most = LONGEST_MS): void {
  check.field(options, name, isWhole(least, most), `whole ms from ${least} to ${most}`)
}

/** Makes a check for a whole number from `least` to `most`. */
export const isWhole =
  (least: number, most: number) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most

/** Checks an option that is a string without NUL. An empty string counts as not given. */
export function checkPath(check: Checker, options: Fields, name: string, what: string): void {
  check.field(options, name, (value) => typeof value === 'string' && !value.includes('\0'), what)
}

/** Checks the option `logger`. */
export function checkLogger(check: Checker, options: Fields): void {
  const isLogger = hasFunctions('child', 'debug', 'info', 'warn', 'error')
  check.field(options, 'logger', isLogger, 'a logger of pino, or an object with child, debug, info, warn and error')
}

/** Checks the option `containment`. An empty string counts as not given. */
export function checkContainment(check: Checker, options: Fields): void {
  if (options.containment !== '') check.oneOf(options, 'containment', ['auto', ...CONTAINMENTS])
}

/** Checks the option `env`. Each variable that the system could not take is a mistake of its own. */
export function checkEnv(check: Checker, options: Fields): void {
  const { env } = options
  if (env === undefined) return
  if (!isFields(env)) {
    check.field(options, 'env', isFields, 'an object of strings')
    return
  }
  if (!isOptions(env)) {
    const what = Symbol.iterator in env ? ': give Object.fromEntries(env)' : ''
    check.say('invalid_option', `env must be an object of strings, { … }, not an instance of ${classOf(env)}${what}`)
    return
  }
  for (const [name, value] of Object.entries(env)) {
    const path = `env[${JSON.stringify(name.slice(0, 100))}]`
    if (name === '') check.say('invalid_option', 'env must have no variable with an empty name')
    else if (/[=\0]/.test(name)) check.say('invalid_option', `${path} must have a name without = and without NUL`)
    if (typeof value !== 'string') check.say('invalid_option', `${path} must be a string, not ${shown(value)}`)
    else if (value.includes('\0')) check.say('invalid_option', `${path} must be a string without NUL`)
  }
}
