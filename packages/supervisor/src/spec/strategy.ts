// Restart strategies: the interface for strategies of your own, and the three built-in ones.
import type { ChildState } from './child-info.ts'
import type { FailurePhase } from '../policy/failure.ts'
import type { RestartType } from './spec.ts'

/** What a strategy sees of a child. */
export interface ChildView {
  readonly id: string
  readonly state: ChildState
  readonly restart: RestartType
  readonly type: 'worker' | 'supervisor'
  /** Starts at 1, grows with each start. */
  readonly incarnation: number
}

export interface RestartContext {
  readonly supervisor: string
  readonly phase: FailurePhase
}

export interface RestartPlan {
  /**
   * The ids of the children to restart, each named once. The failed child is restarted whether or not it is listed.
   * Children are stopped in reverse start order and started in start order, whatever the order here. An unknown id, a
   * repeated id, or anything but a list of ids ends the supervisor with an error that says so, in every mode (E6).
   */
  readonly restart: readonly string[]
}

/** Decides which children are restarted when one has failed. Must be pure: no clock, no state, no side effects. */
export interface RestartStrategy {
  readonly name: string
  /** @param children - all children of the supervisor, in start order, the failed one included */
  plan(failed: ChildView, children: Iterable<ChildView>, context: RestartContext): RestartPlan
}

/** Strategies for children that come and go. */
export type DynamicStrategyName = 'simple_one_for_one' | 'dynamic'

export type StrategyName = 'one_for_one' | 'one_for_all' | 'rest_for_one'

export const STRATEGIES: Readonly<Record<StrategyName, RestartStrategy>> = {
  /** Children are independent. */
  one_for_one: {
    name: 'one_for_one',
    plan: (failed) => ({ restart: [failed.id] }),
  },
  /** Children live and die together. */
  one_for_all: {
    name: 'one_for_all',
    plan: (_failed, children) => ({ restart: Array.from(children, ({ id }) => id) }),
  },
  /** Each child depends on those before it. */
  rest_for_one: {
    name: 'rest_for_one',
    plan: (failed, children) => {
      const ids = Array.from(children, ({ id }) => id)
      return { restart: ids.slice(ids.indexOf(failed.id)) }
    },
  },
}
