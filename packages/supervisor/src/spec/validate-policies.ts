// Checks the options of backoff and breaker, which a supervisor and each of its children can have.
import { isCountOrMore, isDuration, isFunction, isNumber, type Checker, type Fields } from '../base/checker.ts'
import { fieldsOf } from '../base/own-options.ts'
import type { BackoffOptions } from '../policy/backoff.ts'
import type { BreakerOptions } from '../policy/breaker.ts'

// The types make the compiler refuse a missing option.
const BACKOFF: Readonly<Record<keyof BackoffOptions, true>> = {
  first: true,
  base: true,
  factor: true,
  max: true,
  jitter: true,
  delay: true,
  stableAfter: true,
  maxAttempts: true,
  maxElapsed: true,
}

const BREAKER: Readonly<Record<keyof BreakerOptions, true>> = {
  identical: true,
  unstable: true,
  minUptime: true,
  openFor: true,
  maxOpenFor: true,
}

/** The copiers for the options that other packages pass on to a supervisor. */
export const POLICIES = { backoff: fieldsOf(BACKOFF), breaker: fieldsOf(BREAKER) }

export function checkPolicies<F extends string>(check: Checker<F>, owner: Fields): void {
  check.group(owner, 'backoff', BACKOFF, (backoff, inner) => {
    inner.field(backoff, 'first', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'base', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'factor', (value) => isNumber(value) && value >= 1, 'a number, 1 or more')
    inner.field(backoff, 'max', isDuration, 'ms, 0 or more')
    inner.oneOf(backoff, 'jitter', ['equal', 'full', 'decorrelated', 'none'])
    inner.field(backoff, 'delay', isFunction, 'a function')
    inner.field(backoff, 'stableAfter', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'maxAttempts', (value) => isCountOrMore(value, 0), 'a whole number, 0 or more')
    inner.field(backoff, 'maxElapsed', (value) => isDuration(value) || value === Infinity, 'ms, 0 or more')
  })
  check.group(owner, 'breaker', BREAKER, (breaker, inner) => {
    for (const name of ['identical', 'unstable']) {
      inner.field(breaker, name, (value) => isCountOrMore(value, 1), 'a whole number, 1 or more')
    }
    for (const name of ['minUptime', 'openFor', 'maxOpenFor']) inner.field(breaker, name, isDuration, 'ms, 0 or more')
  })
}
