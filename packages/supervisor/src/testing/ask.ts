// Asks a restart strategy one question, as a supervisor does, and checks its answer.
import { messageOf } from '../base/errors.ts'
import { plainJson } from '../base/plain-json.ts'
import { readActions } from '../core/actions.ts'
import type { ChildView, PlanAction, RestartContext, RestartStrategy } from '../spec/strategy.ts'
import { tell, type Situation } from './situations.ts'
import { broken, ensure, show } from './suite.ts'

/** A plan in either form. */
export interface Answer {
  /** The ids of the form `{ restart }`; of the form `{ actions }` the children that it starts again. */
  readonly ids: readonly string[]
  readonly actions: readonly PlanAction[] | undefined
  readonly memory: unknown
}

/** Asks a strategy as a supervisor does: the children are an iterable, and nothing else. */
export function ask(
  strategy: RestartStrategy,
  situation: Situation,
  children: Iterable<ChildView> = { [Symbol.iterator]: () => situation.children[Symbol.iterator]() },
): Answer {
  let plan: unknown
  try {
    plan = strategy.plan(situation.failed, children, situation.context)
  } catch (error) {
    broken('plan() must not throw', `it threw ${show(error)} ${tell(situation)}`, error)
  }
  return answerOf(plan, situation)
}

/** Reads a plan. Wrong ids of the form `{ restart }` are left to the caller. */
export function answerOf(plan: unknown, situation: Situation): Answer {
  const { restart, actions, memory } = (plan ?? {}) as Readonly<Record<'restart' | 'actions' | 'memory', unknown>>
  mustBeKept(memory, situation)
  if (actions !== undefined) {
    const steps = checked(actions, restart, situation)
    const ids = steps.filter(({ action }) => action === 'restart' || action === 'delay').map(({ child }) => child)
    return { ids, actions: steps, memory }
  }
  ensure(
    Array.isArray(restart) && restart.every((id) => typeof id === 'string'),
    'plan() must return { restart: string[] }',
    () => `it returned ${show(plan)} ${tell(situation)}`,
  )
  return { ids: restart, actions: undefined, memory }
}

function checked(actions: unknown, restart: unknown, situation: Situation): readonly PlanAction[] {
  const { failed, children, context } = situation
  const mistakes: string[] = restart === undefined ? [] : ['the plan has both `restart` and `actions`']
  const known = new Set(children.map(({ id }) => id))
  const { supervisor } = context
  const steps = readActions(actions, { failed: failed.id, children: known, supervisor, mode: 'default' }, mistakes)
  const rule = 'plan() must return one right action for each child that it names'
  ensure(mistakes.length === 0, rule, () => `${mistakes.join('; ')} ${tell(situation)}`)
  return steps
}

function mustBeKept(memory: unknown, situation: Situation): void {
  if (memory === undefined) return
  try {
    plainJson(memory)
  } catch (error) {
    broken('the memory of a strategy must be plain JSON, and small', `${messageOf(error)} ${tell(situation)}`, error)
  }
}

/** The same question, when the strategy remembers what it has answered. */
export function withMemory(situation: Situation, memory: unknown): Situation {
  const context: RestartContext = Object.freeze({ ...situation.context, memory })
  return { ...situation, context }
}
