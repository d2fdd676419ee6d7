// Records what a strategy answers in a real supervisor, and says what has to become of each child.
import type { ChildState } from '../spec/child-info.ts'
import type { ChildView, PlanAction, RestartContext, RestartPlan, RestartStrategy } from '../spec/strategy.ts'
import { answerOf, type Answer } from './ask.ts'
import { ensure, show } from './suite.ts'

/** A strategy with a record of its plans. */
export class Recorder implements RestartStrategy {
  readonly name: string
  /** The valid plans so far. A wrong plan ends the supervisor, which is found out anyway. */
  readonly answers: Answer[] = []
  /** What differed when the strategy was asked twice. */
  fickle: string | undefined
  readonly #strategy: RestartStrategy
  readonly #isAskedTwice: boolean
  /** The last action for each child. */
  readonly #last = new Map<string, PlanAction>()

  constructor(strategy: RestartStrategy, isAskedTwice = false) {
    this.name = strategy.name
    this.#strategy = strategy
    this.#isAskedTwice = isAskedTwice
  }

  plan(failed: ChildView, children: Iterable<ChildView>, context: RestartContext): RestartPlan {
    const plan = this.#strategy.plan(failed, children, context)
    if (this.#isAskedTwice) {
      const again = this.#strategy.plan(failed, children, context)
      if (JSON.stringify(plan) !== JSON.stringify(again)) this.fickle = `${show(plan)} and then ${show(again)}`
    }
    try {
      this.#record(failed, answerOf(plan, { failed, children: [...children], context }))
    } catch {
      // The supervisor refuses it too.
    }
    return plan
  }

  #record(failed: ChildView, answer: Answer): void {
    this.answers.push(answer)
    for (const step of answer.actions ?? []) this.#last.set(step.child, step)
    if (answer.actions !== undefined) return
    for (const child of new Set([failed.id, ...answer.ids])) {
      // A plan that only restarts leaves parked children as they are.
      const isParked = child !== failed.id && this.#last.get(child)?.action === 'park'
      if (!isParked) this.#last.set(child, { action: 'restart', child })
    }
  }

  /** True if a plan was more than a list of children to restart. */
  get hasActed(): boolean {
    return this.answers.some(({ actions }) => actions !== undefined)
  }

  get hasEscalated(): boolean {
    return this.answers.some(({ actions }) => actions?.some(({ action }) => action === 'escalate') === true)
  }

  /** The state that a child must have when nothing is due any more. */
  stateOf(id: string): ChildState {
    const step = this.#last.get(id)
    if (step?.action === 'stop') return 'stopped'
    return step?.action === 'park' && step.for === undefined ? 'parked' : 'running'
  }

  mustAgree(when: string): void {
    const { fickle } = this
    ensure(fickle === undefined, 'plan() must give the same answer twice', () => `it answered ${fickle ?? ''} ${when}`)
  }
}

/** The starts that a plan leads to, in order. Children that are due together start in the order of the plan. */
export function startsOf(actions: readonly PlanAction[]): string[] {
  const due = (step: PlanAction): number => {
    if (step.action === 'restart') return -1
    if (step.action === 'delay') return step.by
    return step.action === 'park' ? (step.for ?? Infinity) : Infinity
  }
  const coming = actions.filter((step) => due(step) < Infinity)
  // Of the children that are due at the same time, groups come before the probe of a parked child.
  const isProbe = ({ action }: PlanAction): number => (action === 'park' ? 1 : 0)
  return coming.sort((one, other) => due(one) - due(other) || isProbe(one) - isProbe(other)).map(({ child }) => child)
}
