import type { ActorOptions, AnyActorLogic, Snapshot } from 'xstate'
import type { BackoffOptions } from '../policy/backoff.ts'
import type { BreakerOptions } from '../policy/breaker.ts'
import type { SupervisorClock } from '../base/clock.ts'
import { DEFAULT_CRASH_LOOP, type CrashLoop, type CrashLoopOptions } from '../policy/crash-loop.ts'
import type { FailureClassifier } from '../policy/failure.ts'
import type { OnFault } from '../base/host.ts'
import { resolveSpec, type CheckedSpecs, type ChildSpec, type ResolvedSpec, type TemplateSpec } from './spec.ts'
import { STRATEGIES, type DynamicStrategyName, type RestartStrategy, type StrategyName } from './strategy.ts'
import type { WindowClock } from '../policy/intensity.ts'

export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

export interface SupervisorOptions {
  readonly id: string
  /**
   * Who is restarted together with a failed child. Default `one_for_one`. Two are for children that come and go, which
   * are addressed by their refs and stopped all at once: with `simple_one_for_one` all are made from the one template
   * in `children`; with `dynamic` (Elixir's DynamicSupervisor) each comes with its own specification.
   */
  readonly strategy?: StrategyName | DynamicStrategyName | RestartStrategy
  /**
   * `otp`: OTP to the letter. No backoff, no breaker, whole-second window, giving up with `shutdown`. Default
   * `default`.
   */
  readonly mode?: 'default' | 'otp'
  /**
   * At most so many restarts within `period`, or the supervisor gives up. Default 50 in 60,000 ms, where only immediate
   * restarts count: delayed ones are held by the child's own backoff and breaker. In mode `otp` 1 in 5,000 ms, where
   * every restart counts.
   */
  readonly intensity?: number
  /** In ms; whole seconds in mode `otp`. */
  readonly period?: number
  readonly backoff?: BackoffOptions | 'off'
  readonly breaker?: BreakerOptions | 'off'
  /**
   * Ends the supervisor, with `shutdown`, once a significant child has ended by itself and is not restarted: any of
   * them, or the last. Default `never`. Not for dynamic children (I10).
   */
  readonly autoShutdown?: AutoShutdown
  /** How many dynamic children there may be, restarting ones included. Default: no limit. */
  readonly maxChildren?: number
  /** Strategy `dynamic`: laid under the input of every child, field by field (K03). */
  readonly extraInput?: unknown
  /**
   * What giving up looks like. Default `error`; in mode `otp` `shutdown`, which a transient parent takes for a clean
   * end (F03).
   */
  readonly giveUpWith?: 'error' | 'shutdown'
  /**
   * Default `ms`; in mode `otp` `otp-seconds`: whole seconds, so a restart may count for almost a second too long
   * (E04).
   */
  readonly windowClock?: WindowClock
  /**
   * Whether a group restart also starts children that were stopped or had finished. Default `true`, as in OTP (D09,
   * D10).
   */
  readonly reviveStopped?: boolean
  /** Whether `stop()` waits for a start that hangs, as in mode `otp`, or cuts it short, the default (G15). */
  readonly stopDuringStart?: 'preempt' | 'wait'
  /**
   * Mode `default`: so many restarts within any second, over all children; the rest have to wait (X23). Default 20.
   * `Infinity`: no limit.
   */
  readonly startRate?: number
  /** Mode `default`: when `child.crash_loop` is emitted. */
  readonly crashLoop?: CrashLoopOptions | 'off'
  /**
   * Whether a nested supervisor that is started again goes on with what its predecessor knew: who has failed how often,
   * and who is parked (X22). Default `true`; in mode `otp` `false`, so that budgets multiply with depth (F04).
   */
  readonly keepHistory?: boolean
  readonly classify?: FailureClassifier
  /** In start order. */
  readonly children?: readonly ChildSpec[]
  /** Default: the clock of the actor system if it can tell the time, else the real one. */
  readonly clock?: SupervisorClock
  /** From 0 inclusive to 1 exclusive, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /**
   * Told what else of your own code has failed: listeners, `inspect`, `classify`, `backoff.delay`. Default:
   * `console.error`.
   */
  readonly onFault?: OnFault
  /**
   * XState's inspection of the whole system, untouched. Only for `createSupervisor()`: a nested one is inspected with
   * its root.
   */
  readonly inspect?: ActorOptions<AnyActorLogic>['inspect']
  /**
   * What `app.ref.getPersistedSnapshot()` of an earlier life has given: who has failed how often, and who is parked.
   * Only for `createSupervisor()`.
   */
  readonly snapshot?: Snapshot<unknown>
}

/** Options whose children are checked, each against its own `logic`. */
export type CheckedOptions<TSpecs extends readonly ChildSpec[]> = Omit<SupervisorOptions, 'children'> & {
  readonly children?: TSpecs & CheckedSpecs<TSpecs>
}

/** Options with a template, which is checked likewise. */
export type TemplateOptions<TLogic extends AnyActorLogic> = Omit<SupervisorOptions, 'strategy' | 'children'> & {
  readonly strategy: 'simple_one_for_one'
  readonly children: readonly [TemplateSpec<TLogic>]
}

/** What the decision core needs of the options. */
export interface Settings {
  readonly id: string
  readonly mode: 'default' | 'otp'
  readonly strategy: RestartStrategy
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

/** The options must be valid. */
export function resolveOptions(options: SupervisorOptions): Settings {
  const { id, mode = 'default', strategy = 'one_for_one', backoff = {}, breaker = {}, crashLoop = {} } = options
  const isOtp = mode === 'otp'
  const kind = strategy === 'simple_one_for_one' || strategy === 'dynamic' ? strategy : 'static'
  const resolve = (spec: ChildSpec): ResolvedSpec => resolveSpec(spec, { mode, backoff, breaker })
  const children = (options.children ?? []).map(resolve)
  return {
    id,
    mode,
    strategy: strategyOf(strategy),
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

function strategyOf(strategy: NonNullable<SupervisorOptions['strategy']>): RestartStrategy {
  if (typeof strategy !== 'string') return strategy
  return strategy === 'simple_one_for_one' || strategy === 'dynamic' ? STRATEGIES.one_for_one : STRATEGIES[strategy]
}
