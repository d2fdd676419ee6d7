// Checks the options of a supervisor and the specifications of its children. One error names every mistake.
import { shortestTime } from '../policy/backoff.ts'
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
  type Fields,
  type Mistake,
} from '../base/checker.ts'
import type { CrashLoopOptions } from '../policy/crash-loop.ts'
import type { TerrariumError } from '../base/errors.ts'
import { resolveOptions, type Settings, type SupervisorOptions } from './options.ts'
import { fieldsOf, listOf, ownOptions } from '../base/own-options.ts'
import { show } from '../base/show.ts'
import { dependenciesOf, mistakesOfDependencies, mistakesOfOwn, type Linked } from './dependencies.ts'
import { IGNORE, type ChildSpec } from './spec.ts'
import { STRATEGIES } from './strategy.ts'
import { checkPolicies, POLICIES } from './validate-policies.ts'

const RESTART_STRATEGIES = Object.keys(STRATEGIES)
const OBJECT = ' or an object with name and plan()'
const STRATEGY_NAMES = `${[...RESTART_STRATEGIES, 'simple_one_for_one', 'dynamic'].join(', ')}${OBJECT}`

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
  | 'invalid_depends_on'
  | 'unreachable_intensity'

// The type makes the compiler refuse a missing option.
const OPTIONS: Readonly<Record<keyof SupervisorOptions, true>> = {
  id: true,
  strategy: true,
  restartStrategy: true,
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
  journal: true,
}

const SPEC: Readonly<Record<keyof ChildSpec, true>> = {
  id: true,
  logic: true,
  input: true,
  systemId: true,
  restart: true,
  dependsOn: true,
  meta: true,
  shutdown: true,
  type: true,
  significant: true,
  ready: true,
  startTimeout: true,
  awaitReady: true,
  backoff: true,
  breaker: true,
  onExhausted: true,
}

const CRASH_LOOP: Readonly<Record<keyof CrashLoopOptions, true>> = { failures: true, window: true }

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

/** As {@link validateOptions}, for one specification of a supervisor that has these children. */
export function faultOfSpec(
  spec: unknown,
  supervisor: SpecOwner,
  children: ReadonlyMap<string, Linked>,
): TerrariumError | undefined {
  const mistakes = mistakesOfSpec(spec, 'child', supervisor)
  const dependsOn = isFields(spec) ? dependenciesOf(spec) : []
  if (isFields(spec) && isName(spec.id) && dependsOn.length > 0) {
    const own = { id: spec.id, dependsOn }
    const all = [...new Map<string, Linked>(children).set(own.id, own).values()]
    mistakes.push(...mistakesOfDependencies([own], all, () => 'child'))
  }
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
  check.field(
    options,
    'restartStrategy',
    isRestartStrategy,
    `${RESTART_STRATEGIES.join(', ')}${OBJECT}`,
    'invalid_strategy',
  )
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
  check.field(options, 'journal', hasFunctions('open'), 'what keepJournal() has returned')
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
    if (options.restartStrategy !== undefined) {
      check.say('invalid_option', 'restartStrategy is for dynamic children: give the strategy as `strategy`')
    }
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
  return [...mistakes, ...duplicates(children, 'id'), ...duplicates(children, 'systemId'), ...mistakesOfLinks(children)]
}

function mistakesOfLinks(children: readonly unknown[]): Mistake[] {
  const paths: string[] = []
  const linked = children.flatMap((spec, index): Linked[] => {
    if (!isFields(spec) || !isName(spec.id)) return []
    paths.push(`children[${index}]`)
    return [{ id: spec.id, dependsOn: dependenciesOf(spec) }]
  })
  return mistakesOfDependencies(linked, linked, (index) => paths[index] ?? '')
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
  check.field(
    spec,
    'dependsOn',
    (value) => isList(value) && value.every(isName),
    'an array of ids',
    'invalid_depends_on',
  )
  for (const text of mistakesOfOwn(spec.id, dependenciesOf(spec))) check.say('invalid_depends_on', text)
  if (kind === 'simple_one_for_one' && spec.dependsOn !== undefined) {
    check.say('bad_combination', 'dependsOn is not for strategy simple_one_for_one, whose children are all alike')
  }
  if (kind === 'simple_one_for_one' && spec.systemId !== undefined) {
    check.say(
      'bad_combination',
      'systemId is not for strategy simple_one_for_one, whose children would all have the same',
    )
  }
  checkPolicies(check, spec)
  if (mode === 'otp') check.absent(spec, ['backoff', 'breaker'])
  return check.mistakes
}

function isStrategy(value: unknown): boolean {
  return value === 'simple_one_for_one' || value === 'dynamic' || isRestartStrategy(value)
}

function isRestartStrategy(value: unknown): boolean {
  if (typeof value === 'string') return Object.hasOwn(STRATEGIES, value)
  return isFields(value) && isName(value.name) && isFunction(value.plan)
}

function isLogic(value: unknown): boolean {
  return isFunction(value) || hasFunctions('transition', 'getInitialSnapshot')(value)
}
