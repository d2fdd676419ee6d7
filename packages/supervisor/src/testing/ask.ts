// Asks a restart strategy one question, as a supervisor does.
import type { ChildView, RestartStrategy } from '../spec/strategy.ts'
import { tell, type Situation } from './situations.ts'
import { broken, ensure, show } from './suite.ts'

/** Asks a strategy as a supervisor does: the children are an iterable, and nothing else. */
export function ask(
  strategy: RestartStrategy,
  situation: Situation,
  children: Iterable<ChildView> = { [Symbol.iterator]: () => situation.children[Symbol.iterator]() },
): readonly string[] {
  let plan: unknown
  try {
    plan = strategy.plan(situation.failed, children, situation.context)
  } catch (error) {
    broken('plan() must not throw', `it threw ${show(error)} ${tell(situation)}`, error)
  }
  const restart: unknown = (plan as { restart?: unknown } | null | undefined)?.restart
  ensure(
    Array.isArray(restart) && restart.every((id) => typeof id === 'string'),
    'plan() must return { restart: string[] }',
    () => `it returned ${show(plan)} ${tell(situation)}`,
  )
  return restart
}
