// The conformance suite for restart strategies.
import type { ChildView, RestartContext, RestartStrategy } from '../spec/strategy.ts'
import { describeRunningStrategy } from './running-strategy.ts'
import { ask, withMemory, type Answer } from './ask.ts'
import type { PropertyOptions } from './generate.ts'
import { checkRandomTrees } from './random-trees.ts'
import { situations, tell, type KnownChild, type Situation } from './situations.ts'
import { ensure, show, type SuiteOptions } from './suite.ts'

export interface RestartStrategySuiteOptions extends SuiteOptions, PropertyOptions {
  /**
   * Children that the strategy knows, in start order, each an id or a specification without logic. With ids alone the
   * suite asks about the first, the first two, and so on, and varies their restart types; with a specification among
   * them every question is about all of them, as they are. Default: a, b, c, d, e.
   */
  readonly children?: readonly (string | KnownChild)[]
}

/**
 * Tests a strategy with every possible input, in a real supervisor on a virtual clock, and there with random trees and
 * failures: an error of these tells the smallest tree that breaks a rule, and the seed.
 */
export function describeRestartStrategy(
  strategy: RestartStrategy,
  { test, children: given = ['a', 'b', 'c', 'd', 'e'], seed, runs }: RestartStrategySuiteOptions,
): void {
  const isFixed = given.some((child) => typeof child !== 'string')
  const children = given.map((child) => (typeof child === 'string' ? { id: child } : child))
  const each = (check: (situation: Situation) => void) => (): void => {
    for (const situation of situations(children, isFixed)) check(situation)
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
  test('plan() bears what it has remembered, and its memory stays small', () => {
    remembers(strategy, [...situations(children, isFixed)])
  })
  describeRunningStrategy(strategy, { test, children })
  test('in a supervisor random trees and failures leave every child as planned', () =>
    checkRandomTrees(strategy, { children, isFixed, seed, runs }))
}

const namesKnownChildren = (strategy: RestartStrategy) => (situation: Situation) => {
  const known = new Set(situation.children.map(({ id }) => id))
  const { ids } = ask(strategy, situation)
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

/** Asks question after question, each with the memory that the one before has left, through JSON and back. */
function remembers(strategy: RestartStrategy, questions: readonly Situation[]): void {
  let memory: unknown
  for (let asked = 0; asked < MOST_REMEMBERED; asked += 1) {
    const question = questions[asked % questions.length]
    if (question === undefined) return
    const situation = withMemory(question, memory)
    const answer = ask(strategy, situation)
    if (asked % ASKED_TWICE === 0) {
      const again = ask(strategy, withMemory(question, copyOf(memory)))
      mustAgree('plan() must give the same answer for the same memory', situation, answer, again)
    }
    if (answer.memory !== undefined) memory = copyOf(answer.memory)
    else if (memory === undefined && asked === questions.length) return
  }
}

const MOST_REMEMBERED = 5_000
const ASKED_TWICE = 20

function copyOf(memory: unknown): unknown {
  return memory === undefined ? undefined : JSON.parse(JSON.stringify(memory))
}

function mustAgree(rule: string, situation: Situation, one: Answer, other: Answer): void {
  const found = (): string => `it answered ${shown(one)} and then ${shown(other)} ${tell(situation)}`
  ensure(isSame(one, other), rule, found)
}

function shown({ ids, actions, memory }: Answer): string {
  const plan = actions === undefined ? ids : { actions }
  return memory === undefined ? show(plan) : show({ ...(actions === undefined ? { restart: ids } : plan), memory })
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
