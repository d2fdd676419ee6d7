// Checks the options of a supervisor and the specifications of its children. One error names every mistake.
import { shortestTime, type BackoffOptions } from '../policy/backoff.ts'
import type { BreakerOptions } from '../policy/breaker.ts'
import {
  Checker,
  hasFunctions,
  invalid,
  isBoolean,
  isCount,
  isCountOrMore,
  isDuration,
  isFields,
  isList,
  isOptions,
  noOptions,
  isFunction,
  isName,
  isNumber,
  type Fields,
  type Mistake,
} from '../base/checker.ts'
import type { CrashLoopOptions } from '../policy/crash-loop.ts'
import type { TerrariumError } from '../base/errors.ts'
import { resolveOptions, type Settings, type SupervisorOptions } from './options.ts'
import { fieldsOf, listOf, ownOptions } from '../base/own-options.ts'
import { show } from '../base/show.ts'
import { isSupervisor } from '../base/brand.ts'
import { IGNORE, type ChildSpec } from './spec.ts'
import { STRATEGIES } from './strategy.ts'

const STRATEGY_NAMES = `${[...Object.keys(STRATEGIES), 'simple_one_for_one', 'dynamic'].join(', ')} or an object with name and plan()`

/** The kinds of mistakes, by OTP's names (group A). */
type OtpFault =
  | 'invalid_type'
  | 'invalid_strategy'
  | 'invalid_intensity'
  | 'invalid_period'
  | 'invalid_auto_shutdown'
  | 'bad_start_spec'
  | 'invalid_child_spec'
  | 'missing_id'
  | 'missing_logic'
  | 'invalid_logic'
  | 'invalid_restart_type'
  | 'invalid_significant'
  | 'bad_combination'
  | 'invalid_child_type'
  | 'invalid_shutdown'
  | 'duplicate'
  | 'unreachable_intensity'

// The type makes the compiler refuse a missing option.
const OPTIONS: Readonly<Record<keyof SupervisorOptions, true>> = {
  id: true,
  strategy: true,
  mode: true,
  intensity: true,
  period: true,
  backoff: true,
  breaker: true,
  autoShutdown: true,
  maxChildren: true,
  extraInput: true,
  giveUpWith: true,
  windowClock: true,
  reviveStopped: true,
  stopDuringStart: true,
  startRate: true,
  crashLoop: true,
  keepHistory: true,
  classify: true,
  children: true,
  clock: true,
  random: true,
  inspect: true,
  onFault: true,
  snapshot: true,
}

const SPEC: Readonly<Record<keyof ChildSpec, true>> = {
  id: true,
  logic: true,
  input: true,
  systemId: true,
  restart: true,
  shutdown: true,
  type: true,
  significant: true,
  ready: true,
  startTimeout: true,
  awaitReady: true,
  backoff: true,
  breaker: true,
  onExhausted: true,
  resume: true,
}

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

const CRASH_LOOP: Readonly<Record<keyof CrashLoopOptions, true>> = { failures: true, window: true }

/** The copiers for the options that other packages pass on to a supervisor. */
export const POLICIES = { backoff: fieldsOf(BACKOFF), breaker: fieldsOf(BREAKER) }

const OWN = fieldsOf(OPTIONS, {
  ...POLICIES,
  crashLoop: fieldsOf(CRASH_LOOP),
  // The fields of a specification are not copied: their identity says whether two specifications are the same.
  children: listOf(fieldsOf(SPEC)),
})

/** Reads each option once and checks it. */
export function checkedOptions(options: SupervisorOptions): SupervisorOptions {
  const own = ownOptions(options, OWN)
  validateOptions(own)
  return own
}

/**
 * Throws INVALID_ARGUMENT with every mistake in `details.mistakes`, and in `details.reason` OTP's name for the first
 * one, at which OTP would stop.
 */
function validateOptions(options: SupervisorOptions): void {
  const mistakes = mistakesOfOptions(options)
  if (mistakes.length === 0) mistakes.push(...endlessLoops(options))
  if (mistakes.length > 0) throw invalid('supervisor options', mistakes)
}

/**
 * The mistakes in options that a package passes on to a supervisor of its own, whose children use the supervisor's
 * defaults.
 */
export function mistakesOfSupervision(options: Fields): readonly Mistake[] {
  const whole = { ...options, id: 'id', children: [{ id: 'child', logic: () => IGNORE }] } as SupervisorOptions
  const mistakes = mistakesOfOptions(whole)
  return mistakes.length > 0 ? mistakes : endlessLoops(whole)
}

/**
 * Finds children that could fail for ever without an error: their delays are so long that the intensity is never
 * exceeded, and nothing else sets an end (X07).
 */
function endlessLoops(options: SupervisorOptions): Mistake[] {
  const { kind, template, children, intensity, period } = resolveOptions(options)
  const specs = template === undefined ? children : [template]
  return specs.flatMap(({ id, backoff, breaker }) => {
    if (kind === 'dynamic' || backoff === 'off') return []
    if (backoff.maxAttempts !== Infinity || backoff.maxElapsed !== Infinity) return []
    const shortest = shortestTime(backoff, intensity)
    // Delayed restarts are not counted, so without a breaker any delay is too long.
    if (shortest <= (breaker === 'off' ? 0 : period)) return []
    const text = `child ${id} could fail for ever: ${intensity} restarts take at least ${shortest} ms, longer than the period of ${period} ms; set backoff.maxAttempts or backoff.maxElapsed`
    return [{ fault: 'unreachable_intensity', text }]
  })
}

/** As {@link validateOptions}, for one specification. */
export function faultOfSpec(spec: unknown, supervisor: SpecOwner): TerrariumError | undefined {
  const mistakes = mistakesOfSpec(spec, 'child', supervisor)
  return mistakes.length > 0 ? invalid('child specification', mistakes) : undefined
}

/** The settings of a supervisor that decide what its children may be. */
interface SpecOwner {
  readonly mode: unknown
  readonly kind: Settings['kind']
  readonly autoShutdown: unknown
}

function mistakesOfOptions(options: unknown): Mistake[] {
  if (!isOptions(options, OPTIONS)) {
    return [{ fault: 'invalid_type', text: noOptions('options', options, OPTIONS) }]
  }
  const check = new Checker<OtpFault>()
  const isOtp = options.mode === 'otp'
  if (!isOtp) check.known(options, OPTIONS) // OTP ignores unknown options (A14)
  check.field(options, 'strategy', isStrategy, STRATEGY_NAMES, 'invalid_strategy')
  check.field(options, 'intensity', isCount, 'a whole number, 0 or more', 'invalid_intensity')
  check.field(
    options,
    'period',
    (value) => isDuration(value) && value > 0 && (!isOtp || value % 1_000 === 0),
    isOtp ? 'whole seconds in ms, more than 0' : 'ms, more than 0',
    'invalid_period',
  )
  check.oneOf(options, 'autoShutdown', ['never', 'any_significant', 'all_significant'], 'invalid_auto_shutdown')
  check.required(options, 'id', isName, 'a non-empty string', 'invalid_option')
  check.oneOf(options, 'mode', ['default', 'otp'])
  check.oneOf(options, 'giveUpWith', ['error', 'shutdown'])
  check.oneOf(options, 'windowClock', ['ms', 'otp-seconds'])
  check.oneOf(options, 'stopDuringStart', ['preempt', 'wait'])
  check.field(options, 'reviveStopped', isBoolean, 'true or false')
  check.field(options, 'keepHistory', isBoolean, 'true or false')
  check.field(options, 'startRate', (value) => isCountOrMore(value, 1), 'a whole number, 1 or more')
  check.group(options, 'crashLoop', CRASH_LOOP, (crashLoop, inner) => {
    inner.field(crashLoop, 'failures', (value) => isCountOrMore(value, 1), 'a whole number, 1 or more')
    inner.field(crashLoop, 'window', isDuration, 'ms, 0 or more')
  })
  check.field(options, 'classify', isFunction, 'a function')
  check.field(options, 'random', isFunction, 'a function')
  check.field(options, 'onFault', isFunction, 'a function')
  check.field(
    options,
    'clock',
    hasFunctions('now', 'setTimeout', 'clearTimeout'),
    'an object with now, setTimeout, clearTimeout',
  )
  check.field(options, 'inspect', (value) => isFunction(value) || isFields(value), 'a function or an observer')
  check.field(options, 'snapshot', isFields, 'what getPersistedSnapshot() gave')
  checkPolicies(check, options)
  if (isOtp) check.absent(options, ['backoff', 'breaker', 'crashLoop', 'startRate', 'classify'])
  checkKind(check, options)
  return [...check.mistakes, ...mistakesOfChildren(options)]
}

function kindOf({ strategy }: Fields): Settings['kind'] {
  return strategy === 'simple_one_for_one' || strategy === 'dynamic' ? strategy : 'static'
}

/** Checks options that are for dynamic children only, or for other children only. */
function checkKind(check: Checker<OtpFault>, options: Fields): void {
  const { children = [], autoShutdown = 'never' } = options
  const kind = kindOf(options)
  const count = isList(children) ? children.length : 0
  check.field(options, 'maxChildren', (value) => isCountOrMore(value, 0), 'a whole number, 0 or more')
  if (kind === 'static') {
    if (options.maxChildren !== undefined) check.say('invalid_option', 'maxChildren is for dynamic children')
  }
  if (kind !== 'dynamic' && options.extraInput !== undefined) {
    check.say('invalid_option', 'extraInput is for strategy dynamic')
  }
  if (kind === 'static') return
  if (autoShutdown !== 'never') {
    const fault = kind === 'dynamic' ? 'invalid_auto_shutdown' : 'bad_combination'
    check.say(fault, `autoShutdown must be never with strategy ${kind}`)
  }
  if (kind === 'simple_one_for_one' && count !== 1) {
    check.say('bad_start_spec', `children must be the one template of strategy simple_one_for_one, not ${count}`)
  }
  if (kind === 'dynamic' && count > 0) {
    check.say('bad_start_spec', 'children must be left out with strategy dynamic: start them with startChild()')
  }
}

function mistakesOfChildren(options: Fields): Mistake[] {
  const { children, autoShutdown = 'never' } = options
  if (children === undefined) return []
  if (!isList(children)) {
    return [{ fault: 'bad_start_spec', text: `children must be an array, not ${show(children)}` }]
  }
  const owner = { mode: options.mode, kind: kindOf(options), autoShutdown }
  const mistakes = children.flatMap((spec: unknown, index) => mistakesOfSpec(spec, `children[${index}]`, owner))
  return [...mistakes, ...duplicates(children, 'id'), ...duplicates(children, 'systemId')]
}

function duplicates(children: readonly unknown[], field: 'id' | 'systemId'): Mistake[] {
  const mistakes: Mistake[] = []
  const seen = new Set<string>()
  for (const [index, spec] of children.entries()) {
    const name = isFields(spec) ? spec[field] : undefined
    if (!isName(name)) continue
    if (seen.has(name)) {
      mistakes.push({
        fault: 'duplicate',
        text: `children[${index}].${field} ${show(name)} is taken by an earlier child`,
      })
    }
    seen.add(name)
  }
  return mistakes
}

/** In OTP's order. */
function mistakesOfSpec(spec: unknown, at: string, { mode, kind, autoShutdown }: SpecOwner): Mistake[] {
  if (!isOptions(spec, SPEC)) return [{ fault: 'invalid_child_spec', text: noOptions(at, spec, SPEC) }]
  const check = new Checker<OtpFault>(`${at}.`)
  const { restart = 'permanent', significant } = spec
  if (mode !== 'otp') check.known(spec, SPEC)
  check.required(spec, 'id', isName, 'a non-empty string', 'missing_id')
  check.required(
    spec,
    'logic',
    isLogic,
    'an actor logic or a function that makes one',
    'missing_logic',
    'invalid_logic',
  )
  check.oneOf(spec, 'restart', ['permanent', 'transient', 'temporary'], 'invalid_restart_type')
  check.field(spec, 'significant', isBoolean, 'true or false', 'invalid_significant')
  if (significant === true && kind === 'dynamic') {
    check.say('invalid_significant', 'significant is not for strategy dynamic')
  } else if (significant === true && autoShutdown === 'never') {
    check.say('bad_combination', 'significant means nothing while the supervisor has autoShutdown never')
  } else if (significant === true && restart === 'permanent') {
    check.say('bad_combination', 'significant is not for a permanent child, which is always restarted')
  }
  check.oneOf(spec, 'type', ['worker', 'supervisor'], 'invalid_child_type')
  check.field(
    spec,
    'shutdown',
    (value) => isCount(value) || value === 'infinity' || value === 'brutal_kill',
    "whole ms, 'infinity' or 'brutal_kill'",
    'invalid_shutdown',
  )
  check.field(spec, 'ready', isFunction, 'a function')
  check.field(spec, 'startTimeout', (value) => isDuration(value) && value > 0, 'ms, more than 0')
  check.field(spec, 'awaitReady', isBoolean, 'true or false')
  check.oneOf(spec, 'onExhausted', ['park', 'escalate'])
  check.field(spec, 'systemId', isName, 'a non-empty string')
  checkResume(check, spec)
  if (kind === 'simple_one_for_one' && spec.systemId !== undefined) {
    check.say(
      'bad_combination',
      'systemId is not for strategy simple_one_for_one, whose children would all have the same',
    )
  }
  checkPolicies(check, spec)
  if (mode === 'otp') check.absent(spec, ['backoff', 'breaker', 'resume'])
  return check.mistakes
}

function checkResume(check: Checker<OtpFault>, spec: Fields): void {
  const isHow = (value: unknown): boolean => value === 'last-stable' || isFunction(value)
  check.field(spec, 'resume', isHow, "'last-stable' or a function")
  if (spec.resume === undefined) return
  if (isSupervisor(spec.logic)) check.say('bad_combination', 'resume is not for a supervisor, see keepHistory')
  if (spec.restart === 'temporary')
    check.say('bad_combination', 'resume is not for a temporary child, which is never restarted')
}

function checkPolicies(check: Checker<OtpFault>, owner: Fields): void {
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

function isStrategy(value: unknown): boolean {
  if (typeof value === 'string')
    return value === 'simple_one_for_one' || value === 'dynamic' || Object.hasOwn(STRATEGIES, value)
  return isFields(value) && isName(value.name) && isFunction(value.plan)
}

function isLogic(value: unknown): boolean {
  return isFunction(value) || hasFunctions('transition', 'getInitialSnapshot')(value)
}
