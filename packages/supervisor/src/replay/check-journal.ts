// Checks a journal before it is replayed: it comes from a file, and may be of another version, cut or damaged.
import { isFields, isList, isName, isNumber, type Fields } from '../base/checker.ts'
import { TerrariumError } from '../base/errors.ts'
import { show } from '../base/show.ts'
import { HOOKS } from './hooks.ts'
import { JOURNAL_VERSION, type JournalJson } from './journal-json.ts'

/** The number of mistakes that an error names at most. */
const MOST_MISTAKES = 10

type Kind = 'string' | 'number' | 'object' | 'list' | 'boolean'

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: isNumber,
  object: isFields,
  list: isList,
  boolean: (value) => typeof value === 'boolean',
}

const ABOUT = { id: 'string', startNumber: 'number' } as const

/** The fields that each input has. */
const EVENTS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  'supervisor.boot': {},
  'supervisor.go_on': {},
  'supervisor.retry': { id: 'string' },
  'supervisor.death': ABOUT,
  'supervisor.shutdown': {},
  'supervisor.halt': {},
  'supervisor.call': { call: 'object' },
  'supervisor.timer': { id: 'string', timer: 'number' },
  'supervisor.child.spawned': { ...ABOUT, ref: 'object', ready: 'boolean' },
  'supervisor.child.ignored': ABOUT,
  'supervisor.child.ready': ABOUT,
  'supervisor.child.making': ABOUT,
  'supervisor.child.asked': ABOUT,
  'supervisor.child.exited': { ...ABOUT, reason: 'object' },
}

const JOURNAL: Readonly<Record<Exclude<keyof JournalJson, 'version'>, Kind>> = {
  supervisor: 'string',
  errors: 'string',
  dropped: 'number',
  from: 'number',
  options: 'object',
  checkpoint: 'object',
  failures: 'list',
  inputs: 'list',
  answers: 'list',
}

const CHECKPOINT: Readonly<Record<string, Kind>> = {
  phase: 'string',
  lastTimer: 'number',
  lastStartNumber: 'number',
  lastInstance: 'number',
  stamps: 'list',
  granted: 'list',
  children: 'list',
}

const CHILD: Readonly<Record<string, Kind>> = {
  id: 'string',
  state: 'string',
  startNumber: 'number',
  incarnation: 'number',
  isHeld: 'boolean',
  spec: 'object',
}

/** Throws INVALID_ARGUMENT if a value is no journal that this version can replay, with the mistakes. */
export function checkJournal(journal: unknown): asserts journal is JournalJson {
  if (!isFields(journal) || !('version' in journal)) {
    throw noJournal(`${show(journal)} is no journal`, 'Pass what journal() of a supervisor has returned.')
  }
  const { version } = journal
  if (version !== JOURNAL_VERSION) {
    throw noJournal(
      `this package reads journals of version ${JOURNAL_VERSION}, and this one has version ${show(version)}`,
      'Replay it with the version of the package that has made it.',
    )
  }
  const mistakes = mistakesOf(journal)
  if (mistakes.length === 0) return
  const more = mistakes.length > MOST_MISTAKES ? `; and ${mistakes.length - MOST_MISTAKES} more` : ''
  throw noJournal(
    `the journal is damaged: ${mistakes.slice(0, MOST_MISTAKES).join('; ')}${more}`,
    'Take the journal again, and keep it as it is.',
    mistakes,
  )
}

/** The error for a journal whose parts do not fit together. */
export function unfit(cause?: unknown): TerrariumError {
  const message = 'the journal is damaged: its parts do not fit together'
  return noJournal(message, 'Take the journal again, and keep it as it is.', [message], cause)
}

function noJournal(
  message: string,
  hint: string,
  mistakes: readonly string[] = [message],
  cause?: unknown,
): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', message, {
    hint,
    cause,
    details: { reason: 'invalid_journal', mistakes: mistakes.slice(0, MOST_MISTAKES) },
  })
}

function mistakesOf(journal: Fields): readonly string[] {
  const mistakes = missing('', journal, JOURNAL)
  if (mistakes.length > 0) return mistakes
  const { options, checkpoint, inputs, answers, failures, errors, supervisor } = journal as unknown as JournalJson
  if (!['message', 'none'].includes(errors)) mistakes.push(`errors must be message or none, not ${show(errors)}`)
  if (!isName(options.id) || options.id !== supervisor) mistakes.push(`options.id must be ${show(supervisor)}`)
  mistakes.push(...missing('checkpoint.', checkpoint, CHECKPOINT))
  const { children } = checkpoint
  if (isList(children))
    children.forEach((child, at) => mistakes.push(...missing(`checkpoint.children[${at}].`, child, CHILD)))
  failures.forEach((error: unknown, at) => {
    mistakes.push(...missing(`failures[${at}].`, error, { class: 'string', fingerprints: 'object' }))
  })
  inputs.forEach((input: unknown, at) => mistakes.push(...mistakesOfInput(`inputs[${at}]`, input)))
  answers.forEach((answer: unknown, at) => {
    const hook: unknown = isFields(answer) ? answer.hook : undefined
    if (!HOOKS.some((name) => name === hook)) mistakes.push(`answers[${at}].hook is unknown: ${show(hook)}`)
  })
  mistakes.push(...dangling(journal, failures.length))
  return mistakes
}

function mistakesOfInput(at: string, input: unknown): readonly string[] {
  if (!isList(input) || input.length !== 2 || !isNumber(input[0])) return [`${at} must be a time and an event`]
  const event: unknown = input[1]
  const type = isFields(event) ? event.type : undefined
  const fields = typeof type === 'string' && Object.hasOwn(EVENTS, type) ? EVENTS[type] : undefined
  if (fields === undefined) return [`${at} is no event of a supervisor: ${show(type)}`]
  return missing(`${at}.`, event, fields)
}

function missing(prefix: string, owner: unknown, fields: Readonly<Record<string, Kind>>): string[] {
  if (!isFields(owner)) return [`${prefix.slice(0, -1)} must be an object, not ${show(owner)}`]
  return Object.entries(fields)
    .filter(([name, kind]) => !IS[kind](owner[name]))
    .map(([name, kind]) => `${prefix}${name} must be a ${kind}, not ${show(owner[name])}`)
}

/** Mentions of errors that the journal does not hold. */
function dangling(value: unknown, count: number): readonly string[] {
  if (isList(value)) return value.flatMap((each) => dangling(each, count))
  if (!isFields(value)) return []
  const { $error: number } = value
  if (number === undefined) return Object.values(value).flatMap((each) => dangling(each, count))
  const isKnown = typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < count
  return isKnown ? [] : [`error ${show(number)} is missing in failures`]
}
