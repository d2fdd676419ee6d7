// The rules for the options of backoff and breaker, which a supervisor and each of its children can have.
import { isCountOrMore, isDuration, isFunction, isNumber, oneOf, type Expected } from '../base/checker.ts'
import { fieldsOf } from '../base/own-options.ts'
import type { BackoffOptions } from '../policy/backoff.ts'
import type { BreakerOptions } from '../policy/breaker.ts'

export const FUNCTION: Expected = [isFunction, 'a function']
export const MS: Expected = [isDuration, 'ms, 0 or more']

/** The rule for a whole number of at least `least`, or Infinity. */
export const countFrom = (least: number): Expected => [
  (value) => isCountOrMore(value, least),
  `a whole number, ${least} or more`,
]

// The types make the compiler refuse a missing option.
const BACKOFF = {
  first: MS,
  base: MS,
  factor: [(value) => isNumber(value) && value >= 1, 'a number, 1 or more'],
  max: MS,
  jitter: oneOf('equal', 'full', 'decorrelated', 'none'),
  delay: FUNCTION,
  stableAfter: MS,
  maxAttempts: countFrom(0),
  maxElapsed: [(value) => isDuration(value) || value === Infinity, 'ms, 0 or more'],
} satisfies Readonly<Record<keyof BackoffOptions, Expected>>

const BREAKER = {
  identical: countFrom(1),
  unstable: countFrom(1),
  minUptime: MS,
  openFor: MS,
  maxOpenFor: MS,
} satisfies Readonly<Record<keyof BreakerOptions, Expected>>

export const POLICY_RULES = { backoff: BACKOFF, breaker: BREAKER }

/** The copiers for the options that other packages pass on to a supervisor. */
export const POLICIES = { backoff: fieldsOf(BACKOFF), breaker: fieldsOf(BREAKER) }
