// The conformance suite for restart strategies.
import type { ChildView, RestartContext, RestartStrategy } from '../spec/strategy.ts'
import { describeRunningStrategy } from './running-strategy.ts'
import { ask } from './ask.ts'
import { situations, tell, type Situation } from './situations.ts'
import { ensure, show, type SuiteOptions } from './suite.ts'

export interface RestartStrategySuiteOptions extends SuiteOptions {
  /** Ids that the strategy knows, in start order. Default: a, b, c, d, e. */
  readonly children?: readonly string[]
}

/** Tests a strategy with every possible input, and in a real supervisor on a virtual clock. */
export function describeRestartStrategy(
  strategy: RestartStrategy,
  { test, children: ids = ['a', 'b', 'c', 'd', 'e'] }: RestartStrategySuiteOptions,
): void {
  const each = (check: (situation: Situation) => void) => (): void => {
    for (const situation of situations(ids)) check(situation)
  }
  test('a strategy has a name', () => {
    const name: unknown = strategy.name
    ensure(typeof name === 'string' && name !== '', 'name must be a non-empty string', () => `it is ${show(name)}`)
  })
  test('plan() names existing children, for each failed child in each state', each(namesKnownChildren(strategy)))
  test('plan() gives the same answer twice', each(answersAlike(strategy)))
  test('plan() changes nothing', each(changesNothing(strategy)))
  test('plan() reads the children only once', each(readsOnce(strategy)))
  test('plan() looks at no refs', each(looksAtNoRefs(strategy)))
  describeRunningStrategy(strategy, { test, ids })
}

const namesKnownChildren = (strategy: RestartStrategy) => (situation: Situation) => {
  const known = new Set(situation.children.map(({ id }) => id))
  const ids = ask(strategy, situation)
  const unknown = ids.find((id) => !known.has(id))
  ensure(
    unknown === undefined,
    'plan() must name children of the supervisor only',
    () => `it named ${show(unknown)} ${tell(situation)}`,
  )
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index)
  ensure(
    repeated === undefined,
    'plan() must name a child once',
    () => `it named ${show(repeated)} more than once ${tell(situation)}`,
  )
}

const answersAlike = (strategy: RestartStrategy) => (situation: Situation) => {
  mustAgree('plan() must give the same answer twice', situation, ask(strategy, situation), ask(strategy, situation))
}

const changesNothing = (strategy: RestartStrategy) => (situation: Situation) => {
  const children = situation.children.map((child) => ({ ...child }))
  const copy = {
    children,
    failed: children[situation.children.indexOf(situation.failed)] as ChildView,
    context: { ...situation.context } satisfies RestartContext,
  }
  ask(strategy, copy)
  const rule = 'plan() must change nothing'
  for (const [index, child] of situation.children.entries()) {
    const found = children[index]
    ensure(isSame(child, found), rule, () => `child ${child.id} became ${show(found)} ${tell(situation)}`)
  }
  ensure(
    isSame(situation.context, copy.context),
    rule,
    () => `the context became ${show(copy.context)} ${tell(situation)}`,
  )
}

const readsOnce = (strategy: RestartStrategy) => (situation: Situation) => {
  const once = situation.children.values()
  const rule = 'plan() must cope with children that can be iterated only once'
  mustAgree(rule, situation, ask(strategy, situation), ask(strategy, situation, once))
}

const looksAtNoRefs = (strategy: RestartStrategy) => (situation: Situation) => {
  const withRefs = (status: string): Situation => {
    const children = situation.children.map((child, index) =>
      Object.freeze({ ...child, ref: Object.freeze({ id: `${status}${index}`, getSnapshot: () => ({ status }) }) }),
    )
    return { ...situation, children, failed: children[situation.children.indexOf(situation.failed)] as ChildView }
  }
  const rule = 'plan() must not depend on the refs of the children'
  const answer = ask(strategy, situation)
  for (const status of ['active', 'error']) mustAgree(rule, situation, answer, ask(strategy, withRefs(status)))
}

function mustAgree(rule: string, situation: Situation, one: readonly string[], other: readonly string[]): void {
  ensure(isSame(one, other), rule, () => `it answered ${show(one)} and then ${show(other)} ${tell(situation)}`)
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
