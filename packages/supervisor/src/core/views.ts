// What a strategy of the user's is given: copies of the children, and what is known of the failure.
import type { ChildState } from '../spec/child-info.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { RestartType } from '../spec/spec.ts'
import type { ChildView, Proposal, RestartContext } from '../spec/strategy.ts'
import type { Death } from './event.ts'
import type { Child, CoreState } from './state.ts'

class View implements ChildView {
  readonly id: string
  readonly state: ChildState
  readonly restart: RestartType
  readonly type: 'worker' | 'supervisor'
  readonly incarnation: number
  readonly uptime: number
  readonly meta: unknown
  readonly input: unknown
  readonly dependsOn: readonly string[]

  constructor(child: Child, now: number) {
    this.id = child.id
    this.state = child.state
    this.restart = child.restart
    this.type = child.type
    this.incarnation = child.incarnation
    this.uptime = child.isAlive ? now - child.startedAt : 0
    this.meta = child.spec.meta
    this.input = child.input
    this.dependsOn = child.spec.dependsOn
  }
}

/** What there is to know of a failure when the strategy is asked. */
export interface Question {
  readonly failed: Child
  readonly death: Death
  readonly failure: FailureInfo
  readonly proposal: Proposal
  readonly now: number
}

/** The view of the failed child, and the views of all children, each made when it is iterated over. */
export function viewsOf(
  { children }: CoreState,
  { failed, now }: Question,
): { readonly view: ChildView; readonly views: Iterable<ChildView> } {
  const view = new View(failed, now)
  const views = {
    *[Symbol.iterator]() {
      for (const child of children.values()) yield child === failed ? view : new View(child, now)
    },
  }
  return { view, views }
}

/** What a strategy is told of a failure. */
export function contextOf({ settings, strategyMemory }: CoreState, question: Question): RestartContext {
  const { failed, death, failure, proposal, now } = question
  const { error, class: kind, phase, attempts, at } = failure
  const { reason, time = 0 } = death
  return {
    supervisor: settings.id,
    phase,
    failure: {
      error,
      class: kind,
      // Computed when it is read, because reading an error's stack costs more than a restart.
      get fingerprint() {
        return failure.fingerprint
      },
      phase,
      attempts,
      at,
      reason,
      uptime: at - failed.startedAt,
    },
    proposal,
    memory: strategyMemory === undefined ? undefined : JSON.parse(strategyMemory),
    now,
    time,
  }
}
