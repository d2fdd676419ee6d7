// The options of a supervisor, their defaults, and the settings that the core gets from them.
import type { ActorOptions, AnyActorLogic, Snapshot } from 'xstate'
import type { BackoffOptions } from '../policy/backoff.ts'
import type { BreakerOptions } from '../policy/breaker.ts'
import type { SupervisorClock } from '../base/clock.ts'
import { DEFAULT_CRASH_LOOP, type CrashLoop, type CrashLoopOptions } from '../policy/crash-loop.ts'
import type { FailureClassifier } from '../policy/failure.ts'
import type { OnFault } from '../base/platform.ts'
import { resolveSpec, type ChildSpec, type ResolvedSpec } from './spec.ts'
import { inDependencyOrder } from './dependencies.ts'
import { builtIn, STRATEGIES, type DynamicStrategyName, type RestartStrategy, type StrategyName } from './strategy.ts'
import type { WindowClock } from '../policy/intensity.ts'

export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

export interface SupervisorOptions {
  readonly id: string
  /**
   * Which children are restarted together with a failed one. Default `one_for_one`. Two strategies are for dynamic
   * children, which are addressed by their refs and stopped all at once: with `simple_one_for_one` all are made from
   * the one template in `children`; with `dynamic` (Elixir's DynamicSupervisor) each comes with its own specification.
   */
  readonly strategy?: StrategyName | DynamicStrategyName | RestartStrategy
  /**
   * Strategies `dynamic` and `simple_one_for_one`: what happens when a child fails. Default `one_for_one`.
   */
  readonly restartStrategy?: StrategyName | RestartStrategy
  /**
   * `otp`: as OTP does. No backoff, no breaker, a window of whole seconds, and giving up with `shutdown`. Default
   * `default`.
   */
  readonly mode?: 'default' | 'otp'
  /**
   * The number of restarts within `period` beyond which the supervisor gives up. Default 50 in 60,000 ms, where only
   * immediate restarts count: delayed ones are limited by the child's own backoff and breaker. In mode `otp` 1 in 5,000
   * ms, where every restart counts.
   */
  readonly intensity?: number
  /** In ms; whole seconds in mode `otp`. */
  readonly period?: number
  readonly backoff?: BackoffOptions | 'off'
  readonly breaker?: BreakerOptions | 'off'
  /**
   * Ends the supervisor, with `shutdown`, once a significant child has ended by itself and is not restarted:
   * `any_significant` or the last of them (`all_significant`). Default `never`. Not for dynamic children (I10).
   */
  readonly autoShutdown?: AutoShutdown
  /** The number of dynamic children at most, restarting ones included. Default: no limit. */
  readonly maxChildren?: number
  /** Strategy `dynamic`: defaults for the input of every child, field by field (K03). */
  readonly extraInput?: unknown
  /**
   * How the supervisor ends when it gives up. Default `error`; in mode `otp` `shutdown`, which counts as a clean end
   * for a transient supervisor in its parent (F03).
   */
  readonly giveUpWith?: 'error' | 'shutdown'
  /**
   * The resolution of the restart window. Default `ms`; in mode `otp` `otp-seconds`: whole seconds, so that a restart
   * may count for almost a second too long (E04).
   */
  readonly windowClock?: WindowClock
  /** True (default, as in OTP): a group restart also starts children that were stopped or had finished (D09, D10). */
  readonly reviveStopped?: boolean
  /**
   * What `stop()` does about a start that is under way: `preempt` (default) cuts it short, `wait` (default in mode
   * `otp`) waits for it (G15).
   */
  readonly stopDuringStart?: 'preempt' | 'wait'
  /**
   * Mode `default`: the number of restarts within any second, over all children; further ones wait (X23). Default 20.
   * `Infinity`: no limit.
   */
  readonly startRate?: number
  /** Mode `default`: when `child.crash_loop` is emitted. */
  readonly crashLoop?: CrashLoopOptions | 'off'
  /**
   * True: a nested supervisor that is started again continues with the history of its predecessor: which children have
   * failed how often, and which are parked (X22). Default `true`; in mode `otp` `false`, so that budgets multiply with
   * depth (F04).
   */
  readonly keepHistory?: boolean
  readonly classify?: FailureClassifier
  /** In start order, but each behind the children that it depends on. */
  readonly children?: readonly ChildSpec[]
  /** Default: the clock of the actor system if it can tell the time, else the real one. */
  readonly clock?: SupervisorClock
  /** From 0 inclusive to 1 exclusive, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /**
   * Called when other code of yours has failed: listeners, `inspect`, `classify`, `resume`, `backoff.delay`. Default:
   * `console.error`.
   */
  readonly onFault?: OnFault
  /**
   * XState's inspection of the whole system. Only for `createSupervisor()`: a nested supervisor is inspected with its
   * root.
   */
  readonly inspect?: ActorOptions<AnyActorLogic>['inspect']
  /**
   * The result of `app.ref.getPersistedSnapshot()` of an earlier life: which children have failed how often, and which
   * are parked. Only for `createSupervisor()`.
   */
  readonly snapshot?: Snapshot<unknown>
  /**
   * `keepJournal()` of `@terrarium/supervisor/replay`: keeps what the supervisor was told, for `journal()` and
   * `replay()`. Default: nothing is kept. A nested supervisor has a journal of its own.
   */
  readonly journal?: JournalKeeper
}

/** What `keepJournal()` of `@terrarium/supervisor/replay` returns. */
export interface JournalKeeper {
  /** Makes the journal of one supervisor. For the supervisor only. */
  open(): unknown
}

/** The options in the form that the core needs, with all defaults filled in. */
export interface Settings {
  readonly id: string
  readonly mode: 'default' | 'otp'
  readonly strategy: RestartStrategy
  /** The same strategy, if it is one of the built-in ones. */
  readonly builtIn: ReturnType<typeof builtIn>
  /** `static`: addressed by id, started and stopped one by one. */
  readonly kind: 'static' | DynamicStrategyName
  readonly template: ResolvedSpec | undefined
  readonly maxChildren: number
  readonly extraInput: unknown
  readonly autoShutdown: AutoShutdown
  readonly intensity: number
  readonly period: number
  readonly windowClock: WindowClock
  readonly giveUpWith: 'error' | 'shutdown'
  readonly reviveStopped: boolean
  readonly stopDuringStart: 'preempt' | 'wait'
  readonly startRate: number
  readonly crashLoop: CrashLoop | 'off'
  readonly keepHistory: boolean
  readonly classify: FailureClassifier | undefined
  readonly resolveSpec: (spec: ChildSpec) => ResolvedSpec
  /** To be started at boot. */
  readonly children: readonly ResolvedSpec[]
}

/** Fills in the defaults. The options must be valid. */
export function resolveOptions(options: SupervisorOptions): Settings {
  const { id, mode = 'default', strategy = 'one_for_one', backoff = {}, breaker = {}, crashLoop = {} } = options
  const isOtp = mode === 'otp'
  const kind = strategy === 'simple_one_for_one' || strategy === 'dynamic' ? strategy : 'static'
  const resolve = (spec: ChildSpec): ResolvedSpec => resolveSpec(spec, { mode, backoff, breaker })
  const children = inDependencyOrder((options.children ?? []).map(resolve)).order
  const restartStrategy = strategyOf(kind === 'static' ? strategy : options.restartStrategy)
  return {
    id,
    mode,
    strategy: restartStrategy,
    builtIn: builtIn(restartStrategy),
    kind,
    template: kind === 'simple_one_for_one' ? children[0] : undefined,
    maxChildren: options.maxChildren ?? Infinity,
    extraInput: options.extraInput,
    autoShutdown: options.autoShutdown ?? 'never',
    intensity: options.intensity ?? (isOtp ? 1 : 50),
    period: options.period ?? (isOtp ? 5_000 : 60_000),
    windowClock: options.windowClock ?? (isOtp ? 'otp-seconds' : 'ms'),
    giveUpWith: options.giveUpWith ?? (isOtp ? 'shutdown' : 'error'),
    reviveStopped: options.reviveStopped ?? true,
    stopDuringStart: options.stopDuringStart ?? (isOtp ? 'wait' : 'preempt'),
    startRate: isOtp ? Infinity : (options.startRate ?? 20),
    crashLoop: isOtp || crashLoop === 'off' ? 'off' : { ...DEFAULT_CRASH_LOOP, ...crashLoop },
    keepHistory: options.keepHistory ?? !isOtp,
    classify: options.classify,
    resolveSpec: resolve,
    children: kind === 'static' ? children : [],
  }
}

function strategyOf(strategy: SupervisorOptions['strategy'] = 'one_for_one'): RestartStrategy {
  if (typeof strategy !== 'string') return strategy
  return strategy === 'simple_one_for_one' || strategy === 'dynamic' ? STRATEGIES.one_for_one : STRATEGIES[strategy]
}
