import { MARKER } from '../table/identity.ts'
import { TerrariumError } from '@terrarium/supervisor'
import type { ProgramOptions } from './program.ts'

const MAX_MS = 2 ** 31 - 1

type Fields = { readonly [K in keyof ProgramOptions]?: unknown }

/** Throws INVALID_ARGUMENT, naming every mistake at once. */
export function checkProgram(command: unknown, args: unknown, options: unknown, needsRuntime = false): void {
  const mistakes: string[] = []
  const expect = (name: string, value: unknown, isRight: boolean, what: string): void => {
    if (value !== undefined && !isRight) mistakes.push(`\`${name}\` must be ${what}, not ${show(value)}`)
  }
  if (!isFields(options)) throw invalid([`the options must be an object, not ${show(options)}`])
  const { runtime, name, cwd, env, ready, startTimeout, grace, lines }: Fields = options
  if (!isText(command)) mistakes.push(`\`command\` must be the name or path of a program, not ${show(command)}`)
  if (!(Array.isArray(args) && args.every((each) => typeof each === 'string'))) {
    mistakes.push(`\`args\` must be an array of strings, one for each argument, not ${show(args)}`)
  } else if (args.filter((each) => each === MARKER).length > 1) {
    mistakes.push('`args` may have MARKER once')
  }
  const isOpen = isFields(runtime) && 'spawn' in runtime && typeof runtime.spawn === 'function'
  expect('runtime', needsRuntime ? (runtime ?? null) : runtime, isOpen, 'what openRuntime() resolves to')
  expect('name', name, typeof name === 'string', 'a string')
  expect('cwd', cwd, typeof cwd === 'string', 'the path of a folder')
  expect(
    'env',
    env,
    isFields(env) && Object.values(env).every((each) => typeof each === 'string'),
    'an object of strings',
  )
  expect('ready', ready, ready instanceof RegExp || typeof ready === 'function', 'a RegExp or a function of a line')
  expect('startTimeout', startTimeout, isCount(startTimeout, 1), `whole ms from 1 to ${MAX_MS}`)
  expect('grace', grace, isCount(grace, 0), `whole ms from 0 to ${MAX_MS}`)
  expect('lines', lines, typeof lines === 'boolean', 'true or false')
  if (mistakes.length > 0) throw invalid(mistakes)
}

const invalid = (mistakes: readonly string[]): TerrariumError =>
  new TerrariumError('INVALID_ARGUMENT', `invalid program: ${mistakes.join('; ')}`, { details: { mistakes } })

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isFields = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown, least: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_MS

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'an array' : 'an object') : String(value)
}
