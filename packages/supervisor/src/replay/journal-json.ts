// A journal as JSON: what an export holds, and how it is written.
import type { SupervisorOptions } from '../spec/options.ts'
import type { CoreEvent } from '../core/event.ts'
import type { Operation } from '../core/operation.ts'
import { NO_TROUBLE, type Child, type CoreState } from '../core/state.ts'
import { Encoder, type ErrorJson, type ErrorTexts, type Json, type JsonObject } from './encoder.ts'
import type { Answer } from './hooks.ts'
import type { Journal } from './journal.ts'

/** Grows with each change after which older journals cannot be read. */
export const JOURNAL_VERSION = 1

/** A journal as plain JSON, for `replay()`. Inputs and outputs of children are not in it. */
export interface JournalJson {
  readonly version: typeof JOURNAL_VERSION
  /** The id of the supervisor. */
  readonly supervisor: string
  /** `none`: no name, message or code of an error is in the journal. */
  readonly errors: ErrorTexts
  /** How many inputs came before the checkpoint, and were dropped. */
  readonly dropped: number
  /** The time of the checkpoint, in ms of the supervisor's clock. */
  readonly from: number
  /** The options of the supervisor. */
  readonly options: JsonObject
  /** The state before the first input. */
  readonly checkpoint: JsonObject
  /** The errors, mentioned elsewhere by their place in this list. */
  readonly failures: readonly ErrorJson[]
  /** The inputs of the core: the time in ms, and the event. */
  readonly inputs: readonly (readonly [now: number, event: JsonObject])[]
  /** What functions of the user's have answered, in order. */
  readonly answers: readonly JsonObject[]
}

/** Options that say nothing of what the core decides. */
const OUTSIDE: ReadonlySet<string> = new Set(['clock', 'random', 'onFault', 'inspect', 'snapshot', 'journal'])

/** Fields of the state that have a form of their own in a checkpoint, or none. */
const SPECIAL: ReadonlySet<string> = new Set([
  'settings',
  'children',
  'listing',
  'window',
  'rate',
  'queue',
  'retries',
  'task',
])

const SPECIAL_OF_CHILD: ReadonlySet<string> = new Set(['spec', 'startedWith', 'trouble', 'stopper', 'startedAt'])

/** Writes a journal as JSON, with the options of its supervisor. */
export function writeJournal(
  journal: Journal,
  options: SupervisorOptions,
  encoder = new Encoder(journal.options.errors),
): JournalJson {
  const { segments, dropped } = journal
  const [first] = segments
  const checkpoint = first === undefined ? {} : writeState(first.checkpoint, encoder)
  const hasTemplate = options.strategy === 'simple_one_for_one'
  const inputs = segments.flatMap(({ events, times }) =>
    events.map((event, index) => [times[index] ?? 0, writeEvent(event, hasTemplate, encoder)] as const),
  )
  const answers = segments.flatMap((segment) => segment.answers.map((answer) => writeAnswer(answer, encoder)))
  return {
    version: JOURNAL_VERSION,
    supervisor: options.id,
    errors: encoder.texts,
    dropped,
    from: first?.at ?? 0,
    options: writeOptions(options, encoder),
    checkpoint,
    failures: encoder.errors,
    inputs,
    answers,
  }
}

function writeOptions(options: SupervisorOptions, encoder: Encoder): JsonObject {
  const written: Record<string, Json> = {}
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (OUTSIDE.has(name) || value === undefined) continue
    if (name === 'children') written.children = (value as readonly unknown[]).map((spec) => encoder.spec(spec))
    else if (isStrategy(name, value)) written[name] = { $strategy: value.name }
    else written[name] = encoder.value(value)
  }
  return written
}

function isStrategy(name: string, value: unknown): value is { readonly name: string } {
  return name.toLowerCase().endsWith('strategy') && typeof value === 'object'
}

function writeState(state: CoreState, encoder: Encoder): JsonObject {
  return {
    ...others(state, SPECIAL, encoder),
    stamps: [...state.window.stamps],
    granted: [...state.rate.granted],
    children: Array.from(state.children.values(), (child) => writeChild(child, encoder)),
  }
}

function writeChild(child: Child, encoder: Encoder): JsonObject {
  const { spec, startedWith, trouble, startedAt } = child
  return {
    ...others(child, SPECIAL_OF_CHILD, encoder),
    startedAt: encoder.value(startedAt),
    spec: encoder.spec(spec.source),
    ...(startedWith === spec ? {} : { startedWith: encoder.spec(startedWith.source) }),
    ...(trouble === NO_TROUBLE ? {} : { trouble: encoder.value({ ...trouble }) }),
  }
}

function others(owner: object, special: ReadonlySet<string>, encoder: Encoder): JsonObject {
  const written: Record<string, Json> = {}
  for (const [name, value] of Object.entries(owner)) {
    const json = special.has(name) ? undefined : encoder.field(name, value)
    if (json !== undefined) written[name] = json
  }
  return written
}

function writeEvent(event: CoreEvent, hasTemplate: boolean, encoder: Encoder): JsonObject {
  if (event.type === 'supervisor.call') return { type: event.type, call: writeCall(event.call, hasTemplate, encoder) }
  return encoder.value(event) as JsonObject
}

function writeCall(call: Operation, hasTemplate: boolean, encoder: Encoder): JsonObject {
  if (call.type === 'startChild') {
    const { type, specOrInput } = call
    if (!hasTemplate) return { type, spec: encoder.spec(specOrInput) }
    const input = encoder.field('input', specOrInput)
    return input === undefined ? { type } : { type, input }
  }
  if (call.type === 'reconfigure') return { type: call.type, spec: encoder.spec(call.spec) }
  // Whether an actor is over is an answer from outside, recorded with the other answers.
  const asks = 'isOver' in call && call.isOver !== undefined
  return { ...(encoder.value({ ...call }) as JsonObject), ...(asks ? { asks } : {}) }
}

function writeAnswer(answer: Answer, encoder: Encoder): JsonObject {
  const { hook } = answer
  if ('fault' in answer) return { hook, fault: encoder.error(answer.fault) }
  return answer.value === undefined ? { hook } : { hook, value: encoder.data(answer.value) }
}
