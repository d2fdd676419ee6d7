import type { ActorOptions, AnyActorLogic } from 'xstate'
import type { BackoffOptions } from './backoff.ts'
import type { BreakerOptions } from './breaker.ts'
import type { SupervisorClock } from './clock.ts'
import type { FailureClassifier } from './failure.ts'
import { resolveSpec, type ChildSpec, type ResolvedSpec } from './spec.ts'
import { STRATEGIES, type RestartStrategy, type StrategyName } from './strategy.ts'

export interface SupervisorOptions {
  readonly id: string
  /** Who is restarted together with a failed child. Default `one_for_one`. */
  readonly strategy?: StrategyName | RestartStrategy
  /** `otp`: OTP to the letter. No backoff, no breaker, whole-second window, giving up with `shutdown`. Default `default`. */
  readonly mode?: 'default' | 'otp'
  /**
   * At most so many restarts within `period`, or the supervisor gives up. Default 50 in 60,000 ms, where only immediate
   * restarts count: delayed ones are held by the child's own backoff and breaker. In mode `otp` 1 in 5,000 ms, where every
   * restart counts.
   */
  readonly intensity?: number
  /** In ms; whole seconds in mode `otp`. */
  readonly period?: number
  readonly backoff?: BackoffOptions | 'off'
  readonly breaker?: BreakerOptions | 'off'
  readonly classify?: FailureClassifier
  /** In start order. */
  readonly children?: readonly ChildSpec[]
  /** Default: the clock of the actor system if it can tell the time, else the real one. */
  readonly clock?: SupervisorClock
  /** From 0 inclusive to 1 exclusive, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /** XState's inspection of the whole system, untouched. Only for `createSupervisor()`: a nested one is inspected with its root. */
  readonly inspect?: ActorOptions<AnyActorLogic>['inspect']
}

/** What the decision core needs of the options. */
export interface Settings {
  readonly id: string
  readonly mode: 'default' | 'otp'
  readonly strategy: RestartStrategy
  readonly intensity: number
  readonly period: number
  readonly classify: FailureClassifier | undefined
  readonly resolveSpec: (spec: ChildSpec) => ResolvedSpec
  readonly children: readonly ResolvedSpec[]
}

/** The options must be valid. */
export function resolveOptions(options: SupervisorOptions): Settings {
  const { id, mode = 'default', strategy = 'one_for_one', backoff = {}, breaker = {}, children = [] } = options
  const resolve = (spec: ChildSpec): ResolvedSpec => resolveSpec(spec, { mode, backoff, breaker })
  return {
    id,
    mode,
    strategy: typeof strategy === 'string' ? STRATEGIES[strategy] : strategy,
    intensity: options.intensity ?? (mode === 'otp' ? 1 : 50),
    period: options.period ?? (mode === 'otp' ? 5_000 : 60_000),
    classify: options.classify,
    resolveSpec: resolve,
    children: children.map(resolve),
  }
}
