// Property tests of a restart strategy: random trees and failures in a real supervisor on a virtual clock.
import type { ChildSpec } from '../spec/spec.ts'
import type { RestartStrategy } from '../spec/strategy.ts'
import { failingMachine } from './failing-machine.ts'
import { forAll, shorter, type Draw, type Property, type PropertyOptions } from './generate.ts'
import type { KnownChild } from './situations.ts'
import { mustBeAsPlanned, StrategyTrial } from './strategy-trial.ts'

type Step =
  /** These children fail, one right after the other. */
  | { readonly fail: readonly string[] }
  /** The next starts of this child fail. */
  | { readonly broken: string; readonly times: number }
  /** In ms. */
  | { readonly wait: number }

interface Tree {
  readonly children: readonly KnownChild[]
  readonly steps: readonly Step[]
}

const USUAL_RUNS = 25
const MOST_STEPS = 8
const WAITS: readonly number[] = [0, 10, 1_000, 60_000, 3_600_000]

export interface RandomTrees extends PropertyOptions {
  readonly children: readonly KnownChild[]
  /** True: each tree has all children, as they are. Otherwise trees of the first ones, with restart types of their own. */
  readonly isFixed: boolean
}

/** Throws an error with the smallest tree and the seed if the strategy breaks a rule. */
export function checkRandomTrees(strategy: RestartStrategy, options: RandomTrees): Promise<void> {
  return forAll(propertyOf(strategy, options), options, USUAL_RUNS)
}

function propertyOf(strategy: RestartStrategy, { children: known, isFixed }: RandomTrees): Property<Tree> {
  return {
    make: (draw) => {
      const children = isFixed ? known : known.slice(0, draw.whole(1, known.length)).map((child) => varied(child, draw))
      const count = draw.whole(1, MOST_STEPS)
      return { children, steps: Array.from({ length: count }, () => stepOf(children, draw)) }
    },
    smaller: (tree) => smallerTrees(tree, isFixed),
    check: (tree) => live(strategy, tree),
    tell,
  }
}

function varied(child: KnownChild, draw: Draw): KnownChild {
  return draw.chance(0.3) ? { ...child, restart: draw.oneOf(['transient', 'temporary']) } : child
}

function stepOf(children: readonly KnownChild[], draw: Draw): Step {
  const ids = children.map(({ id }) => id)
  const kind = draw.fraction()
  if (kind < 0.6) return { fail: [draw.oneOf(ids), ...draw.some(ids, 0.15)] }
  if (kind < 0.75) return { broken: draw.oneOf(ids), times: draw.whole(1, 3) }
  return { wait: draw.oneOf(WAITS) }
}

function* smallerTrees({ children, steps }: Tree, isFixed: boolean): Generator<Tree> {
  for (const fewer of shorter(steps)) if (fewer.length > 0) yield { children, steps: fewer }
  for (const [index, step] of steps.entries()) {
    for (const smaller of smallerSteps(step, children)) yield { children, steps: steps.with(index, smaller) }
  }
  if (isFixed) return
  const last = children.at(-1)
  const isUsed = steps.some((step) => 'fail' in step && last !== undefined && step.fail.includes(last.id))
  if (children.length > 1 && !isUsed) yield { children: children.slice(0, -1), steps }
  for (const [index, { restart, ...child }] of children.entries()) {
    if (restart !== undefined) yield { children: children.with(index, child), steps }
  }
}

function* smallerSteps(step: Step, [first]: readonly KnownChild[]): Generator<Step> {
  if ('fail' in step) {
    for (const fail of shorter(step.fail)) if (fail.length > 0) yield { fail }
    if (first !== undefined && step.fail.length === 1 && step.fail[0] !== first.id) yield { fail: [first.id] }
  } else if ('wait' in step) {
    for (const wait of WAITS) if (wait < step.wait) yield { wait }
  } else if (step.times > 1) yield { ...step, times: 1 }
}

function tell({ children, steps }: Tree): string {
  const tree = children.map(({ id, restart = 'permanent', dependsOn = [] }) => {
    const needs = dependsOn.length === 0 ? '' : ` (needs ${dependsOn.join(', ')})`
    return `${id} ${restart}${needs}`
  })
  const story = steps.map((step) => {
    if ('fail' in step) return `${step.fail.join(' and ')} ${step.fail.length === 1 ? 'fails' : 'fail'}`
    return 'wait' in step ? `${step.wait} ms pass` : `${step.broken} does not start ${step.times} times`
  })
  return `${tree.join(', ')}; then ${story.join(', ')}`
}

async function live(strategy: RestartStrategy, { children, steps }: Tree): Promise<void> {
  const broken = new Map<string, number>()
  const specs = children.map((child): ChildSpec => {
    const logic = (): typeof failingMachine => {
      const left = broken.get(child.id) ?? 0
      broken.set(child.id, left - 1)
      if (left > 0) throw new Error('told not to start')
      return failingMachine
    }
    return { ...child, logic }
  })
  const trial = new StrategyTrial(strategy, specs, true)
  const when = 'after a random story'
  await trial.run(when, async () => {
    for (const step of steps) {
      if ('fail' in step) for (const id of step.fail) trial.child(id)?.ref?.send({ type: 'fail' })
      else if ('wait' in step) await trial.clock.advance(step.wait)
      else broken.set(step.broken, step.times)
    }
    await trial.settle()
    trial.recorder.mustAgree(when)
    mustBeAsPlanned(
      trial,
      children.map(({ id }) => id),
      when,
    )
  })
}
