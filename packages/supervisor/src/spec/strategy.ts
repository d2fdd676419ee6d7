// Restart strategies: what a strategy is asked and what it may answer, and the built-in strategies.
import type { InputFrom } from 'xstate'
import type { ExitReason } from '../base/exit-reason.ts'
import type { ParkCause } from '../policy/breaker.ts'
import type { FailureInfo, FailurePhase } from '../policy/failure.ts'
import type { ChildState } from './child-info.ts'
import type { LogicOf, RestartType, TemplateSpec } from './spec.ts'

/** What a strategy sees of a child: a copy, made when the strategy iterates over the children. */
export interface ChildView<TId extends string = string, TMeta = unknown, TInput = unknown> {
  readonly id: TId
  readonly state: ChildState
  readonly restart: RestartType
  readonly type: 'worker' | 'supervisor'
  /** Starts at 1, grows with each start. */
  readonly incarnation: number
  /** Since the child's current start, in ms; 0 while it is down. */
  readonly uptime: number
  /** From the child's specification. */
  readonly meta: TMeta
  /** The input of the child's logic. */
  readonly input: TInput
  /** From the child's specification: the ids of the children that it needs. */
  readonly dependsOn: readonly string[]
}

/** What a strategy is told of the failure. */
export interface PlanFailure extends FailureInfo {
  readonly reason: ExitReason
  /** From the child's start to its end, in ms. */
  readonly uptime: number
}

/** What backoff and breaker would do with the failed child. `delay` in ms. In mode `otp` always a restart at once. */
export type Proposal =
  | { readonly action: 'restart'; readonly delay: number }
  | { readonly action: 'park'; readonly cause: ParkCause }
  | { readonly action: 'escalate'; readonly cause: ParkCause }

export interface RestartContext<TMemory = unknown> {
  readonly supervisor: string
  readonly phase: FailurePhase
  readonly failure: PlanFailure
  readonly proposal: Proposal
  /** What the strategy has answered as its `memory` last: a copy, as plain JSON. `undefined` at first. */
  readonly memory: TMemory | undefined
  /** The supervisor's clock when the strategy is asked, in ms. */
  readonly now: number
  /** The wall clock at the exit of the failed child, in ms since the epoch. */
  readonly time: number
}

/**
 * One step of a plan. `because` says why, in the events that follow from it.
 *
 * - `restart`: the child is stopped if it runs, and started. The failed child is started after the delay that backoff
 *   proposes, and the others with it; if it is parked or stopped, the others are started at once.
 * - `delay`: as `restart`, `by` ms after the failure instead. Children with the same `by` form one group.
 * - `stop`: the child stays down until an operation starts it.
 * - `park`: the child stays down, and is probed after `for` ms; without `for`, only `unpark()` starts it.
 * - `escalate`: the supervisor gives up. Only for the failed child, and as the only action.
 */
export type PlanAction<TId extends string = string> =
  | { readonly action: 'restart' | 'stop' | 'escalate'; readonly child: TId; readonly because?: string }
  | { readonly action: 'park'; readonly child: TId; readonly for?: number; readonly because?: string }
  | { readonly action: 'delay'; readonly child: TId; readonly by: number; readonly because?: string }

/** The answer of a strategy. A wrong answer ends the supervisor with an error that names each mistake (E6). */
export type RestartPlan<TId extends string = string, TMemory = unknown> =
  | PlannedRestart<TId, TMemory>
  | PlannedActions<TId, TMemory>

interface PlannedRestart<TId extends string, TMemory> {
  /**
   * The ids of the children to restart, each named once. The failed child is restarted whether or not it is listed.
   * Children are stopped in reverse start order and started in start order, whatever the order here.
   */
  readonly restart: readonly TId[]
  readonly actions?: undefined
  /** Replaces the strategy's memory: plain JSON of at most 65,536 characters. Left out: the memory stays as it is. */
  readonly memory?: TMemory
}

interface PlannedActions<TId extends string, TMemory> {
  /**
   * What happens to which child, each named once, the failed child among them; other children stay as they are.
   * Children are started in this order and stopped in its reverse. The breaker outranks the plan: a child that the
   * breaker parks is not restarted. A temporary child that is named is stopped and does not come back. Mode `otp`
   * knows `restart` only.
   */
  readonly actions: readonly PlanAction<TId>[]
  readonly restart?: undefined
  /** As for the other form of a plan. */
  readonly memory?: TMemory
}

/**
 * Decides what happens to which children when one has failed. Must be pure: no clock, no state but its `memory`, no
 * side effects. It is not asked about a temporary child, nor about a transient child that ended cleanly.
 */
export interface RestartStrategy<TChild extends ChildView = ChildView, TMemory = unknown> {
  readonly name: string
  /**
   * Called once for each failure.
   *
   * @param children - all children of the supervisor, in start order, the failed one included
   */
  plan(failed: TChild, children: Iterable<TChild>, context: RestartContext<TMemory>): RestartPlan<TChild['id'], TMemory>
}

/** What a strategy sees of the children of these specifications: their ids, and for each its `meta` and `input`. */
export type ChildOf<TSpecs extends readonly TemplateSpec[]> = ViewOf<TSpecs[number]>

/** Distributes over unions, so that the id of a view tells its `meta` and `input`. */
type ViewOf<TSpec> = TSpec extends TemplateSpec
  ? ChildView<TSpec['id'], MetaOf<TSpec>, InputFrom<LogicOf<TSpec>>>
  : never

type MetaOf<TSpec> = TSpec extends { readonly meta: infer TMeta }
  ? TMeta
  : TSpec extends { readonly meta?: infer TMeta }
    ? 'meta' extends keyof TSpec
      ? TMeta
      : undefined
    : undefined

/**
 * Returns the strategy, typed for the children of these specifications: `plan()` knows their ids, with `meta` and
 * `input` of each, and may name no other child. `TMemory`: what the strategy remembers.
 *
 * ```ts
 * const specs = [{ id: 'db', logic, meta: { tier: 1 } }, { id: 'web', logic }] as const
 * const strategy = restartStrategy<typeof specs>({
 *   name: 'tiers',
 *   plan: (failed) => ({ restart: failed.id === 'db' && failed.meta.tier === 1 ? ['db', 'web'] : [failed.id] }),
 * })
 * createSupervisor({ id: 'app', children: specs, strategy })
 * ```
 */
export function restartStrategy<TSpecs extends readonly TemplateSpec[], TMemory = unknown>(
  strategy: RestartStrategy<ChildOf<TSpecs>, TMemory>,
): RestartStrategy<ChildOf<TSpecs>, TMemory> {
  return strategy
}

/** Strategies for children that come and go. */
export type DynamicStrategyName = 'simple_one_for_one' | 'dynamic'

export type StrategyName = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'dependents'

/** What the built-in strategies look at, so that they need no copies. */
type Linked = Pick<ChildView, 'id' | 'dependsOn'>

interface BuiltInStrategy {
  readonly name: StrategyName
  plan(failed: Linked, children: Iterable<Linked>): { readonly restart: readonly string[] }
}

export const STRATEGIES: Readonly<Record<StrategyName, BuiltInStrategy>> = {
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
  /** Each child depends on the children that its `dependsOn` names. */
  dependents: {
    name: 'dependents',
    plan: (failed, children) => ({ restart: dependentsOf(failed, children) }),
  },
}

/** The built-in strategy that a strategy is; `undefined` for a strategy of the user's. */
export function builtIn(strategy: { readonly name: string }): BuiltInStrategy | undefined {
  return Object.values(STRATEGIES).find((each) => each === strategy)
}

/** The ids of a child and of all that depend on it, directly or through others. */
function dependentsOf({ id: failed }: Linked, children: Iterable<Linked>): string[] {
  const users = new Map<string, string[]>()
  for (const { id, dependsOn } of children) {
    for (const used of dependsOn) {
      const known = users.get(used)
      if (known === undefined) users.set(used, [id])
      else known.push(id)
    }
  }
  const found = new Set([failed])
  // A set is iterated over with all that is added on the way.
  for (const id of found) for (const user of users.get(id) ?? []) found.add(user)
  return [...found]
}
