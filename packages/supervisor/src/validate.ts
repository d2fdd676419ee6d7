import { TerrariumError } from './errors.ts'
import type { SupervisorOptions } from './options.ts'
import type { ChildSpec } from './spec.ts'
import { STRATEGIES } from './strategy.ts'

type Fields = Readonly<Record<string, unknown>>

/** Throws INVALID_ARGUMENT with every mistake in `details.mistakes`. */
export function validateOptions(options: SupervisorOptions): void {
  const mistakes = mistakesOfOptions(options)
  if (mistakes.length > 0) throw invalid('supervisor options', mistakes)
}

/** INVALID_ARGUMENT with every mistake in `details.mistakes`, if there is any. */
export function faultOfSpec(spec: ChildSpec): TerrariumError | undefined {
  const mistakes = mistakesOfSpec(spec, 'child', undefined)
  return mistakes.length > 0 ? invalid('child specification', mistakes) : undefined
}

function invalid(what: string, mistakes: readonly string[]): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `invalid ${what}: ${mistakes.join('; ')}`, { details: { mistakes } })
}

function mistakesOfOptions(options: unknown): string[] {
  if (!isFields(options)) return [`options must be an object, not ${show(options)}`]
  const check = new Checker('')
  check.field(options, 'id', isName, 'a non-empty string', 'required')
  check.field(options, 'mode', oneOf('default', 'otp'), "'default' or 'otp'")
  check.field(
    options,
    'strategy',
    isStrategy,
    `${Object.keys(STRATEGIES).join(', ')} or an object with name and plan()`,
  )
  check.field(options, 'intensity', isCount, 'a whole number, 0 or more')
  const wholeSeconds = options.mode === 'otp'
  check.field(
    options,
    'period',
    (value) => isDuration(value) && value > 0 && (!wholeSeconds || value % 1_000 === 0),
    wholeSeconds ? 'whole seconds in ms, more than 0' : 'ms, more than 0',
  )
  check.field(options, 'classify', isFunction, 'a function')
  check.field(options, 'random', isFunction, 'a function')
  check.field(
    options,
    'clock',
    hasFunctions('now', 'setTimeout', 'clearTimeout'),
    'an object with now, setTimeout, clearTimeout',
  )
  check.field(options, 'inspect', (value) => isFunction(value) || isFields(value), 'a function or an observer')
  checkPolicies(check, options)
  if (wholeSeconds) {
    for (const name of ['backoff', 'breaker']) {
      if (isFields(options[name])) check.mistakes.push(`${name} does not exist in mode otp`)
    }
  }
  return [...check.mistakes, ...mistakesOfChildren(options.children)]
}

function mistakesOfChildren(children: unknown): string[] {
  if (children === undefined) return []
  if (!Array.isArray(children)) return [`children must be an array, not ${show(children)}`]
  const seen = new Set<string>()
  return children.flatMap((spec: unknown, index) => mistakesOfSpec(spec, `children[${index}]`, seen))
}

function mistakesOfSpec(spec: unknown, at: string, seen: Set<string> | undefined): string[] {
  if (!isFields(spec)) return [`${at} must be an object, not ${show(spec)}`]
  const check = new Checker(`${at}.`)
  const { id } = spec
  check.field(spec, 'id', isName, 'a non-empty string', 'required')
  if (isName(id)) {
    if (seen?.has(id) === true) check.mistakes.push(`${at}.id ${show(id)} is taken by an earlier child`)
    seen?.add(id)
  }
  check.field(
    spec,
    'logic',
    (value) => isFunction(value) || hasFunctions('transition', 'getInitialSnapshot')(value),
    'an actor logic or a function that makes one',
    'required',
  )
  check.field(spec, 'restart', oneOf('permanent', 'transient', 'temporary'), 'permanent, transient or temporary')
  check.field(
    spec,
    'shutdown',
    (value) => isDuration(value) || value === 'infinity' || value === 'brutal_kill',
    "ms, 'infinity' or 'brutal_kill'",
  )
  check.field(spec, 'type', oneOf('worker', 'supervisor'), 'worker or supervisor')
  check.field(spec, 'ready', isFunction, 'a function')
  check.field(spec, 'startTimeout', (value) => isDuration(value) && value > 0, 'ms, more than 0')
  check.field(spec, 'awaitReady', (value) => typeof value === 'boolean', 'true or false')
  check.field(spec, 'onExhausted', oneOf('park', 'escalate'), 'park or escalate')
  checkPolicies(check, spec)
  return check.mistakes
}

function checkPolicies(check: Checker, owner: Fields): void {
  check.group(owner, 'backoff', (backoff, inner) => {
    inner.field(backoff, 'first', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'base', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'factor', (value) => isNumber(value) && value >= 1, 'a number, 1 or more')
    inner.field(backoff, 'max', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'jitter', oneOf('equal', 'full', 'decorrelated', 'none'), 'equal, full, decorrelated or none')
    inner.field(backoff, 'stableAfter', isDuration, 'ms, 0 or more')
    inner.field(backoff, 'maxAttempts', (value) => isCount(value) || value === Infinity, 'a whole number, 0 or more')
  })
  check.group(owner, 'breaker', (breaker, inner) => {
    for (const name of ['identical', 'unstable']) {
      inner.field(
        breaker,
        name,
        (value) => (isCount(value) && value > 0) || value === Infinity,
        'a whole number, 1 or more',
      )
    }
    for (const name of ['minUptime', 'openFor', 'maxOpenFor']) inner.field(breaker, name, isDuration, 'ms, 0 or more')
  })
}

/** Collects mistakes, each with the path of the field it is in. */
class Checker {
  readonly mistakes: string[] = []
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  field(
    owner: Fields,
    name: string,
    isValid: (value: unknown) => boolean,
    expected: string,
    presence: 'required' | 'optional' = 'optional',
  ): void {
    const value = owner[name]
    if (value === undefined && presence === 'optional') return
    if (value === undefined) this.mistakes.push(`${this.#prefix}${name} is missing: ${expected}`)
    else if (!isValid(value)) this.mistakes.push(`${this.#prefix}${name} must be ${expected}, not ${show(value)}`)
  }

  /** A group of options that can be switched off as a whole. */
  group(owner: Fields, name: string, check: (group: Fields, inner: Checker) => void): void {
    const group = owner[name]
    if (group === undefined || group === 'off') return
    if (!isFields(group)) {
      this.mistakes.push(`${this.#prefix}${name} must be an object or 'off', not ${show(group)}`)
      return
    }
    const inner = new Checker(`${this.#prefix}${name}.`)
    check(group, inner)
    this.mistakes.push(...inner.mistakes)
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isDuration(value: unknown): value is number {
  return isNumber(value) && value >= 0
}

function isCount(value: unknown): value is number {
  return isDuration(value) && Number.isInteger(value)
}

function isStrategy(value: unknown): boolean {
  if (typeof value === 'string') return Object.hasOwn(STRATEGIES, value)
  return isFields(value) && isName(value.name) && isFunction(value.plan)
}

function oneOf(...values: readonly string[]): (value: unknown) => boolean {
  return (value) => values.includes(value as string)
}

function hasFunctions(...names: readonly string[]): (value: unknown) => boolean {
  return (value) => isFields(value) && names.every((name) => isFunction(value[name]))
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'an array' : 'an object') : String(value)
}
