// Asks the restart strategy which children are restarted together, and checks its answer.
import { TerrariumError } from '../base/errors.ts'
import { show } from '../base/show.ts'
import { ignoreFailure } from '../base/user-code.ts'
import type { Child, CoreState } from './state.ts'

/** The number of ids that an error names at most. */
const MOST_NAMED = 10

/**
 * Asks the strategy which children are restarted with a failed one. Throws INVALID_ARGUMENT for an answer that is no
 * plan, with every unknown or repeated id in `details`; also throws what the strategy throws.
 */
export function planOf({ children, listing, settings }: CoreState, failed: Child): readonly string[] {
  const { strategy, id: supervisor } = settings
  const phase = failed.readyAt === undefined ? 'start' : 'run'
  const plan: unknown = strategy.plan(failed, listing, { supervisor, phase })
  ignoreFailure(plan)
  const { restart } = (plan ?? {}) as { readonly restart?: unknown }
  const ids: unknown[] = Array.isArray(restart) ? Array.from(restart) : []
  if (!Array.isArray(restart) || !ids.every((id) => typeof id === 'string')) {
    const message = `strategy ${strategy.name} answered ${show(plan)} without a list of ids`
    throw new TerrariumError('INVALID_ARGUMENT', message, {
      hint: 'Let plan() answer at once with { restart: ids }, an array of strings.',
      details: { strategy: strategy.name, plan },
    })
  }
  if (ids.length === 1 && ids[0] === failed.id) return ids
  const seen = new Set<string>()
  const unknown = new Set<string>()
  const repeated = new Set<string>()
  for (const id of ids) {
    if (!children.has(id)) unknown.add(id)
    else if (seen.has(id)) repeated.add(id)
    seen.add(id)
  }
  if (unknown.size === 0 && repeated.size === 0) return ids
  const faults = [
    ...(unknown.size === 0 ? [] : [`named ${list(unknown)}, no child of supervisor ${supervisor}`]),
    ...(repeated.size === 0 ? [] : [`named ${list(repeated)} more than once`]),
  ]
  throw new TerrariumError('INVALID_ARGUMENT', `strategy ${strategy.name} ${faults.join(' and ')}`, {
    hint: `Let plan() name children that it was given, each once: ${list(children.keys())}.`,
    details: { strategy: strategy.name, unknown: [...unknown], repeated: [...repeated] },
  })
}

function list(ids: Iterable<string>): string {
  const all = Array.from(ids, show)
  return all.length > MOST_NAMED ? `${all.slice(0, MOST_NAMED).join(', ')}, …` : all.join(', ')
}
