// What can be wrong with the arguments of `keep` and `fromProgram`. Both take a copy of them.
import { types } from 'node:util'
import {
  Checker,
  fieldsOf,
  hasFunctions,
  isBoolean,
  isFunction,
  isList,
  isName,
  listOf,
  mistakesOfSupervision,
  ownOptions,
  POLICIES,
  type Fields,
} from '@terrarium/supervisor/base'
import { checkContainment, checkEnv, checkLogger, checkMs, checkPath } from '../check-options.ts'
import { SPAWN_ARGUMENTS } from '../table/identity.ts'
import type { KeepOptions } from './keep.ts'
import type { ProgramInput, ProgramOptions } from './program.ts'

// Does not compile when an option is missing here.
const PROGRAM: Readonly<Record<keyof ProgramOptions, true>> = {
  runtime: true,
  name: true,
  env: true,
  cwd: true,
  ready: true,
  startTimeout: true,
  grace: true,
  lines: true,
}

const INPUT: Readonly<Record<keyof ProgramInput, true>> = { args: true, name: true, env: true, cwd: true }

const SUPERVISION: Readonly<
  Record<'intensity' | 'period' | 'backoff' | 'breaker' | 'classify' | 'clock' | 'inspect', true>
> = { intensity: true, period: true, backoff: true, breaker: true, classify: true, clock: true, inspect: true }

const KEEP: Readonly<Record<keyof KeepOptions, true>> = {
  ...PROGRAM,
  ...SUPERVISION,
  python: true,
  stateDir: true,
  logger: true,
  containment: true,
  restart: true,
  onExhausted: true,
}

const ownArgs = (args: readonly string[]): readonly string[] => ownOptions(args, listOf(), 'args')

export const ownProgram = (args: readonly string[], options: ProgramOptions): [readonly string[], ProgramOptions] => [
  ownArgs(args),
  ownOptions(options, fieldsOf(PROGRAM, { env: fieldsOf() })),
]

export const ownInput = (input: ProgramInput | undefined): ProgramInput | undefined =>
  ownOptions(input, fieldsOf(INPUT, { args: listOf(), env: fieldsOf() }), 'input')

export const ownKeep = (args: readonly string[], options: KeepOptions): [readonly string[], KeepOptions] => [
  ownArgs(args),
  ownOptions(options, fieldsOf(KEEP, { ...POLICIES, env: fieldsOf() })),
]

/** Throws INVALID_ARGUMENT, naming every mistake at once. */
export function checkProgram(command: unknown, args: unknown, options: unknown, input: unknown = {}): void {
  const check = new Checker()
  checkCommand(check, command, args)
  if (check.object('options', options, PROGRAM)) {
    check.known(options, PROGRAM)
    check.required(options, 'runtime', isRuntime, 'what openRuntime() resolves to')
    checkFields(check, options)
  }
  if (check.object('input', input, INPUT)) {
    const inner = new Checker('input.')
    inner.known(input, INPUT)
    if (input.args !== undefined) checkArgs(inner, input)
    checkFields(inner, input)
    check.mistakes.push(...inner.mistakes)
  }
  check.finish('program')
}

/** As {@link checkProgram}, for the arguments of `keep`. */
export function checkKeep(command: unknown, args: unknown, options: unknown): void {
  const check = new Checker()
  checkCommand(check, command, args)
  if (check.object('options', options, KEEP)) {
    check.known(options, KEEP)
    check.field(options, 'runtime', isRuntime, 'what openRuntime() resolves to')
    checkFields(check, options)
    checkPath(check, options, 'python', 'the path of an interpreter, or of the folder of a virtual environment')
    checkPath(check, options, 'stateDir', 'the path of a folder')
    checkContainment(check, options)
    checkLogger(check, options)
    check.oneOf(options, 'restart', ['permanent', 'transient', 'temporary'])
    check.oneOf(options, 'onExhausted', ['park', 'escalate'])
    const supervision = Object.entries(options).filter(([name]) => Object.hasOwn(SUPERVISION, name))
    check.mistakes.push(...mistakesOfSupervision(Object.fromEntries(supervision)))
    if (options.breaker === 'off') {
      check.say('invalid_option', "breaker must not be 'off': a program that can never start would be tried for ever")
    }
    if (options.runtime !== undefined) checkUnused(check, options)
  }
  check.finish('program')
}

function checkCommand(check: Checker, command: unknown, args: unknown): void {
  check.required({ command }, 'command', isName, 'the name or path of a program')
  checkArgs(check, { args: args ?? null })
}

function checkArgs(check: Checker, options: Fields): void {
  const { args } = options
  const areStrings = isList(args) && args.every((each) => typeof each === 'string')
  check.field(options, 'args', () => areStrings, 'an array of strings, one for each argument')
  if (areStrings && args.filter((each) => each === SPAWN_ARGUMENTS).length > 1) {
    check.say('invalid_option', 'args must have SPAWN_ARGUMENTS no more than once')
  }
}

/** The options that `fromProgram` and `keep` share. */
function checkFields(check: Checker, options: Fields): void {
  checkPath(check, options, 'name', 'a string')
  checkPath(check, options, 'cwd', 'the path of a folder')
  checkEnv(check, options)
  check.field(
    options,
    'ready',
    (ready) => types.isRegExp(ready) || isFunction(ready),
    'a RegExp or a function of a line',
  )
  checkMs(check, options, 'startTimeout', 1)
  checkMs(check, options, 'grace', 0)
  check.field(options, 'lines', isBoolean, 'true or false')
}

/** Refuses options for an own runtime beside a runtime that is given. */
function checkUnused(check: Checker, options: Fields): void {
  for (const name of ['python', 'stateDir', 'containment']) {
    const value = options[name]
    if (value !== undefined && value !== '') {
      check.say('invalid_option', `${name} means nothing to the runtime that is given: give it to openRuntime()`)
    }
  }
}

const isRuntime = hasFunctions('spawn')
