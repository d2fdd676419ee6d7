// Checks the options of a supervisor and the specifications of its children. One error names every mistake.
import { shortestTime } from '../policy/backoff.ts'
import {
  Checker,
  hasFunctions,
  invalid,
  isBoolean,
  isCount,
  isDuration,
  isFields,
  isList,
  isOptions,
  noOptions,
  oneOf,
  isFunction,
  isName,
  type Expected,
  type Fields,
  type Mistake,
  type Rule,
  type Rules,
} from '../base/checker.ts'
import type { CrashLoopOptions } from '../policy/crash-loop.ts'
import type { TerrariumError } from '../base/errors.ts'
import { resolveOptions, type Settings, type SupervisorOptions } from './options.ts'
import { fieldsOf, listOf, ownOptions } from '../base/own-options.ts'
import { show } from '../base/show.ts'
import { isSupervisor } from '../base/brand.ts'
import { dependenciesOf, mistakesOfDependencies, mistakesOfOwn, type Linked } from './dependencies.ts'
import { IGNORE, type ChildSpec } from './spec.ts'
import { STRATEGIES } from './strategy.ts'
import { countFrom, FUNCTION, MS, POLICIES, POLICY_RULES } from './validate-policies.ts'

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

type RuleOf = Rule<OtpFault> | true | Rules<OtpFault>

const FLAG: Expected = [isBoolean, 'true or false']
const NAME: Expected = [isName, 'a non-empty string']
const MS_ABOVE_0: Expected = [(value) => isDuration(value) && value > 0, 'ms, more than 0']

// The compiler refuses a missing option. Options are checked in this order, which is OTP's as far as OTP checks.
const CRASH_LOOP = { failures: countFrom(1), window: MS } satisfies Readonly<Record<keyof CrashLoopOptions, Expected>>

const OPTIONS = {
  strategy: [isStrategy, STRATEGY_NAMES, 'invalid_strategy'],
  restartStrategy: [isRestartStrategy, `${RESTART_STRATEGIES.join(', ')}${OBJECT}`, 'invalid_strategy'],
  intensity: [isCount, 'a whole number, 0 or more', 'invalid_intensity'],
  period: [...MS_ABOVE_0, 'invalid_period'],
  autoShutdown: [...oneOf('never', 'any_significant', 'all_significant'), 'invalid_auto_shutdown'],
  id: [...NAME, 'invalid_option', 'invalid_option'],
  mode: oneOf('default', 'otp'),
  giveUpWith: oneOf('error', 'shutdown'),
  windowClock: oneOf('ms', 'otp-seconds'),
  stopDuringStart: oneOf('preempt', 'wait'),
  reviveStopped: FLAG,
  keepHistory: FLAG,
  startRate: countFrom(1),
  crashLoop: CRASH_LOOP,
  classify: FUNCTION,
  random: FUNCTION,
  onFault: FUNCTION,
  clock: [hasFunctions('now', 'setTimeout', 'clearTimeout'), 'an object with now, setTimeout, clearTimeout'],
  inspect: [(value) => isFunction(value) || isFields(value), 'a function or an observer'],
  snapshot: [isFields, 'what getPersistedSnapshot() gave'],
  journal: [hasFunctions('open'), 'what keepJournal() has returned'],
  ...POLICY_RULES,
  maxChildren: countFrom(0),
  extraInput: true,
  children: true,
} satisfies Readonly<Record<keyof SupervisorOptions, RuleOf>>

const OTP_OPTIONS: Rules<OtpFault> = {
  ...OPTIONS,
  period: [
    (value) => isDuration(value) && value > 0 && value % 1_000 === 0,
    'whole seconds in ms, more than 0',
    'invalid_period',
  ],
}

/** What is checked of a specification before it is known whether `significant` makes sense. */
const SPEC_FIRST = {
  id: [...NAME, 'missing_id', 'missing_id'],
  logic: [isLogic, 'an actor logic or a function that makes one', 'invalid_logic', 'missing_logic'],
  restart: [...oneOf('permanent', 'transient', 'temporary'), 'invalid_restart_type'],
  significant: [...FLAG, 'invalid_significant'],
} satisfies Readonly<Record<string, RuleOf>>

const SPEC_REST = {
  type: [...oneOf('worker', 'supervisor'), 'invalid_child_type'],
  shutdown: [
    (value) => isCount(value) || value === 'infinity' || value === 'brutal_kill',
    "whole ms, 'infinity' or 'brutal_kill'",
    'invalid_shutdown',
  ],
  ready: FUNCTION,
  startTimeout: MS_ABOVE_0,
  awaitReady: FLAG,
  onExhausted: oneOf('park', 'escalate'),
  resume: [(value) => value === 'last-stable' || isFunction(value), "'last-stable' or a function"],
  systemId: NAME,
  dependsOn: [(value) => isList(value) && value.every(isName), 'an array of ids', 'invalid_depends_on'],
  meta: true,
  input: true,
} satisfies Readonly<Record<string, RuleOf>>

const SPEC: Readonly<Record<keyof ChildSpec, RuleOf>> = { ...SPEC_FIRST, ...SPEC_REST, ...POLICY_RULES }

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
  check.fields(options, isOtp ? OTP_OPTIONS : OPTIONS)
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
  check.fields(spec, SPEC_FIRST)
  if (significant === true && kind === 'dynamic') {
    check.say('invalid_significant', 'significant is not for strategy dynamic')
  } else if (significant === true && autoShutdown === 'never') {
    check.say('bad_combination', 'significant means nothing while the supervisor has autoShutdown never')
  } else if (significant === true && restart === 'permanent') {
    check.say('bad_combination', 'significant is not for a permanent child, which is always restarted')
  }
  check.fields(spec, SPEC_REST)
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
  if (spec.resume !== undefined && isSupervisor(spec.logic))
    check.say('bad_combination', 'resume is not for a supervisor, see keepHistory')
  if (spec.resume !== undefined && restart === 'temporary')
    check.say('bad_combination', 'resume is not for a temporary child, which is never restarted')
  check.fields(spec, POLICY_RULES)
  if (mode === 'otp') check.absent(spec, ['backoff', 'breaker', 'resume'])
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
