// Asks the restart strategy what happens to which children, and checks its answer.
import { messageOf, TerrariumError } from '../base/errors.ts'
import { plainJson } from '../base/plain-json.ts'
import { show } from '../base/show.ts'
import { ignoreFailure } from '../base/user-code.ts'
import type { PlanAction } from '../spec/strategy.ts'
import { readActions } from './actions.ts'
import type { CoreState } from './state.ts'
import { contextOf, viewsOf, type Question } from './views.ts'

/** The number of ids that an error names at most. */
const MOST_NAMED = 10

/** The answer of a strategy: the children to restart with the failed one, or an action for each child that is named. */
export type Plan =
  | { readonly restart: readonly string[]; readonly actions?: undefined }
  | { readonly restart?: undefined; readonly actions: readonly PlanAction[] }

/**
 * Asks the strategy of the user's what to do about a failure, and keeps its memory. Throws INVALID_ARGUMENT for an
 * answer that is no plan, with every mistake in it; also throws what the strategy throws.
 */
export function planOf(state: CoreState, question: Question): Plan {
  const { strategy } = state.settings
  const { view, views } = viewsOf(state, question)
  const plan: unknown = strategy.plan(view, views, contextOf(state, question))
  ignoreFailure(plan)
  const { restart, actions, memory } = (plan ?? {}) as Readonly<Record<'restart' | 'actions' | 'memory', unknown>>
  const faults: string[] = []
  const kept = memory === undefined ? state.strategyMemory : memoryText(memory, faults)
  const answer =
    actions === undefined
      ? { restart: idsOf(state, question, restart, faults, plan) }
      : { actions: actionsOf(state, question, actions, restart, faults) }
  state.strategyMemory = kept
  return answer
}

function memoryText(memory: unknown, faults: string[]): string | undefined {
  try {
    return plainJson(memory)
  } catch (error) {
    faults.push(`answered with a memory that cannot be kept: ${messageOf(error)}`)
    return undefined
  }
}

/** The ids of the form `{ restart: ids }`. */
function idsOf(
  { children, settings }: CoreState,
  { failed }: Question,
  restart: unknown,
  faults: string[],
  plan: unknown,
): readonly string[] {
  const { strategy, id: supervisor } = settings
  const ids: unknown[] = Array.isArray(restart) ? Array.from(restart) : []
  if (!Array.isArray(restart) || !ids.every((id) => typeof id === 'string')) {
    const message = `strategy ${strategy.name} answered ${show(plan)} without a list of ids`
    throw new TerrariumError('INVALID_ARGUMENT', message, {
      hint: 'Let plan() answer at once with { restart: ids }, an array of strings, or with { actions: [...] }.',
      details: { strategy: strategy.name, plan },
    })
  }
  if (ids.length === 1 && ids[0] === failed.id && faults.length === 0) return ids
  const seen = new Set<string>()
  const unknown = new Set<string>()
  const repeated = new Set<string>()
  for (const id of ids) {
    if (!children.has(id)) unknown.add(id)
    else if (seen.has(id)) repeated.add(id)
    seen.add(id)
  }
  if (unknown.size > 0) faults.push(`named ${list(unknown)}, no child of supervisor ${supervisor}`)
  if (repeated.size > 0) faults.push(`named ${list(repeated)} more than once`)
  if (faults.length === 0) return ids
  const named = unknown.size > 0 || repeated.size > 0
  throw new TerrariumError('INVALID_ARGUMENT', `strategy ${strategy.name} ${faults.join(' and ')}`, {
    hint: named ? `Let plan() name children that it was given, each once: ${list(children.keys())}.` : KEEP_SMALL,
    details: { strategy: strategy.name, unknown: [...unknown], repeated: [...repeated] },
  })
}

const KEEP_SMALL = 'Let the memory of a strategy be plain JSON, and small.'

/** The actions of the form `{ actions }`. */
function actionsOf(
  { children, settings }: CoreState,
  { failed }: Question,
  given: unknown,
  restart: unknown,
  faults: string[],
): readonly PlanAction[] {
  const { strategy, id: supervisor, mode } = settings
  const mistakes: string[] = []
  const actions = readActions(given, { failed: failed.id, children, supervisor, mode }, mistakes)
  if (restart !== undefined) mistakes.push('the plan has both `restart` and `actions`')
  if (mistakes.length > 0) faults.push(`answered with a wrong plan: ${mistakes.join('; ')}`)
  if (faults.length === 0) return actions
  const hint =
    mode === 'otp'
      ? 'In mode `otp` a plan can only restart. Use mode `default` for other actions.'
      : 'Let each action be { action, child }, with one action for each child that the plan names.'
  throw new TerrariumError('INVALID_ARGUMENT', `strategy ${strategy.name} ${faults.join(' and ')}`, {
    hint: mistakes.length > 0 ? hint : KEEP_SMALL,
    details: { strategy: strategy.name, mistakes },
  })
}

function list(ids: Iterable<string>): string {
  const all = Array.from(ids, show)
  return all.length > MOST_NAMED ? `${all.slice(0, MOST_NAMED).join(', ')}, …` : all.join(', ')
}
