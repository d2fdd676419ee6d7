// Reads a journal: settings, state, inputs and answers, with stand-ins for what cannot be written as JSON.
import { TerrariumError } from '../base/errors.ts'
import type { Fields } from '../base/checker.ts'
import type { CoreEvent } from '../core/event.ts'
import type { Operation } from '../core/operation.ts'
import { Child, createState, type CoreState } from '../core/state.ts'
import { RestartWindow } from '../policy/intensity.ts'
import { StartRate } from '../policy/start-rate.ts'
import type { Settings, SupervisorOptions } from '../spec/options.ts'
import type { RestartStrategy } from '../spec/strategy.ts'
import type { ChildSpec } from '../spec/spec.ts'
import { Decoder, type Functions } from './decoder.ts'
import { HOOKS, type HookName } from './hooks.ts'
import type { JournalJson } from './journal-json.ts'

/** Gives the recorded answers again, in the order in which they were given. */
export class Answers {
  readonly #left: Readonly<Record<HookName, Fields[]>>
  readonly #decoder: () => Decoder
  /** True if more was asked than had been recorded. */
  isShort = false

  constructor(journal: JournalJson, decoder: () => Decoder) {
    const left = Object.fromEntries(HOOKS.map((hook) => [hook, [] as Fields[]])) as Record<HookName, Fields[]>
    for (const answer of journal.answers) left[answer.hook as HookName].push(answer)
    this.#left = left
    this.#decoder = decoder
  }

  next(hook: HookName): unknown {
    const answer = this.#left[hook].shift()
    if (answer === undefined) {
      this.isShort = true
      throw new TerrariumError('INVALID_ARGUMENT', `the journal has no answer of ${hook} left`)
    }
    if ('fault' in answer) throw this.#decoder().value(answer.fault)
    return this.#decoder().value(answer.value)
  }
}

/** The options of the recorded supervisor. `strategy` stands for a strategy of the user's. */
export function readOptions(
  journal: JournalJson,
  decoder: Decoder,
  plan: RestartStrategy['plan'],
): SupervisorOptions & { readonly id: string } {
  const { children, ...rest } = journal.options as Fields & { readonly children?: readonly unknown[] }
  const options: Record<string, unknown> = {}
  for (const [name, json] of Object.entries(rest)) {
    const strategy = strategyName(json)
    options[name] = strategy === undefined ? decoder.value(json, name) : { name: strategy, plan }
  }
  if (children !== undefined) options.children = children.map((spec) => decoder.value(spec))
  return options as unknown as SupervisorOptions
}

/** The name of a strategy of the user's; `undefined` for any other option. */
export function strategyName(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('$strategy' in json)) return undefined
  return String(json.$strategy)
}

/** The state of the checkpoint. */
export function readState({ checkpoint }: JournalJson, settings: Settings, decoder: Decoder): CoreState {
  const { stamps, granted, children, ...rest } = checkpoint as Fields & {
    readonly stamps: readonly number[]
    readonly granted: readonly number[]
    readonly children: readonly Fields[]
  }
  const { intensity, period, windowClock, startRate } = settings
  const state: CoreState = {
    ...createState({ ...settings, children: [] }),
    ...decoder.fields(rest),
    settings,
    window: new RestartWindow(intensity, period, windowClock, stamps),
    rate: new StartRate(startRate, granted),
  }
  for (const each of children) {
    const child = readChild(each, settings, decoder)
    state.children.set(child.id, child)
  }
  return state
}

function readChild(json: Fields, settings: Settings, decoder: Decoder): Child {
  const { spec, startedWith, trouble, ...rest } = json
  const resolve = (given: unknown) => settings.resolveSpec(decoder.value(given) as ChildSpec)
  const resolved = resolve(spec)
  const child = new Child(resolved, String(json.id), undefined)
  Object.assign(child, decoder.fields(rest))
  if (startedWith !== undefined) child.startedWith = resolve(startedWith)
  if (trouble !== undefined) Object.assign(child.troubled, decoder.fields(trouble as Fields))
  return child
}

const noReply = (): undefined => undefined

/** An input of the core. */
export function readEvent(json: Fields, decoder: Decoder, answers: Answers): CoreEvent {
  if (json.type !== 'supervisor.call') return decoder.fields(json) as unknown as CoreEvent
  const { spec, input, asks, ...rest } = json.call as Fields
  const call = {
    ...decoder.fields(rest),
    ...(rest.type === 'startChild' ? { specOrInput: decoder.value(spec ?? input) } : {}),
    ...(rest.type === 'reconfigure' ? { spec: decoder.value(spec) } : {}),
    ...(asks === true ? { isOver: () => answers.next('isOver') } : {}),
  }
  return { type: 'supervisor.call', call: call as unknown as Operation, reply: noReply }
}

/** The decoder of a journal, and what answers for functions of the user's. */
export function openJournal(
  journal: JournalJson,
  functions: (answers: Answers) => Functions,
): { readonly decoder: Decoder; readonly answers: Answers } {
  const answers: Answers = new Answers(journal, () => decoder)
  const decoder = new Decoder(journal.failures, functions(answers))
  return { decoder, answers }
}
