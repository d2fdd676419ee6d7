// Child specifications: their types, their defaults, and the specification with every default filled in.
import type { AnyActorLogic, InputFrom, Snapshot, SnapshotFrom } from 'xstate'
import { DEFAULT_BACKOFF, type Backoff, type BackoffOptions } from '../policy/backoff.ts'
import { DEFAULT_BREAKER, type Breaker, type BreakerOptions } from '../policy/breaker.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { isSupervisor } from '../base/brand.ts'

/**
 * `permanent`: always restarted. `transient`: restarted unless it ended cleanly. `temporary`: never restarted, and
 * forgotten once it has ended.
 */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/** A start function returns this to say that the child is not needed now, which is no failure. */
export const IGNORE: unique symbol = Symbol.for('terrarium.ignore') as never

export interface StartContext {
  readonly supervisor: string
  readonly id: string
  /** 1 for the first start. */
  readonly incarnation: number
}

export type StartResult<TLogic extends AnyActorLogic> = TLogic | typeof IGNORE

/**
 * A child specification that may leave out the `input` that its logic needs, because each `startChild(input)` gives it.
 */
export interface TemplateSpec<TLogic extends AnyActorLogic = AnyActorLogic> {
  /** Unique among its siblings. */
  readonly id: string
  /** Any XState actor logic, or a function that makes one for each start. Throwing or rejecting is a start error. */
  readonly logic: TLogic | ((context: StartContext) => StartResult<TLogic> | Promise<StartResult<TLogic>>)
  readonly input?: InputFrom<TLogic>
  /**
   * The name of the child in its actor system: `system.get(systemId)` returns its current actor. The name is free again
   * from each exit on, so that the next incarnation has it. A start while it belongs to another actor fails, with
   * INVALID_ARGUMENT as its cause, `details: { reason: 'already_started', systemId, ref }`. Not with strategy
   * `simple_one_for_one`. Default: none.
   */
  readonly systemId?: string
  /** Default `permanent`. */
  readonly restart?: RestartType
  /**
   * The ids of the children that this child needs. They are started before it, and the strategy `dependents` restarts
   * this child with them. Among dynamic children these are the ids of actors, `ref.id`. Not for the template of
   * `simple_one_for_one`. Unknown ids and circles are refused; an id may become unknown later. Default: none.
   */
  readonly dependsOn?: readonly string[]
  /** Anything that a restart strategy wants to know of the child. Default: none. */
  readonly meta?: unknown
  /**
   * How long the child may take to end after `{ type: 'supervisor.shutdown' }`, in ms, before it is stopped hard.
   * Default 5000 for a machine that handles this event in its current state, `infinity` for a supervisor. Other actors
   * do not handle it and are stopped at once, unless a time is given.
   */
  readonly shutdown?: number | 'infinity' | 'brutal_kill'
  /** Default `supervisor` for the logic that `supervisor()` returns, else `worker`. */
  readonly type?: 'worker' | 'supervisor'
  /**
   * True: the end of this child can end the supervisor, see `autoShutdown`. Not for a permanent child (A13). Default
   * `false`.
   */
  readonly significant?: boolean
  /**
   * The readiness test, called with every snapshot until it returns true. Default: an actor is ready as soon as it
   * runs; a supervisor when its children are.
   */
  readonly ready?: (snapshot: SnapshotFrom<TLogic>) => boolean
  /** How long the child may take to become ready, in ms. Default: no limit. */
  readonly startTimeout?: number
  /**
   * `false`: the supervisor does not wait until this child is ready, and a failure before that is no start error:
   * backoff and breaker treat it like any other. Default `true`.
   */
  readonly awaitReady?: boolean
  /** Overrides the supervisor's own options, field by field. */
  readonly backoff?: BackoffOptions | 'off'
  readonly breaker?: BreakerOptions | 'off'
  /**
   * What happens when the breaker or the backoff rules out another restart: `park` the child (default), or `escalate`:
   * the supervisor gives up.
   */
  readonly onExhausted?: 'park' | 'escalate'
  /**
   * From where the child is started again after a failure. `last-stable`: from its newest stable snapshot, which is one
   * after which it has lived `backoff.stableAfter` ms. A function is given the last snapshot before the failure, and
   * returns a snapshot to continue from, or `undefined`; `failure` is `undefined` if the supervisor itself continues
   * from a persisted snapshot. A snapshot from which the child fails again in the same way before it is stable is
   * dropped. Not in mode `otp`, and not for a supervisor. Default: from the beginning.
   */
  readonly resume?: ResumeOption<SnapshotFrom<TLogic>>
}

/** See `resume` of a child specification. Snapshots are as XState persists them. */
export type ResumeOption<TSnapshot> =
  | 'last-stable'
  | ((snapshot: PersistedFrom<TSnapshot>, failure: FailureInfo | undefined) => Snapshot<unknown> | undefined)

/** The persisted form of a snapshot, as far as its type is known: of a machine with its value and context. */
type PersistedFrom<TSnapshot> = Snapshot<unknown> & Pick<TSnapshot, keyof TSnapshot & ('value' | 'context')>

/** How a child is started, restarted and stopped. `input` must be given if its logic needs one. */
export type ChildSpec<TLogic extends AnyActorLogic = AnyActorLogic> = TemplateSpec<TLogic> & NeededInput<TLogic>

type NeededInput<TLogic extends AnyActorLogic> =
  undefined extends InputFrom<TLogic> ? unknown : { readonly input: InputFrom<TLogic> }

/** The logic of a specification, whether it is given or made by a function. */
export type LogicOf<TSpec> = TSpec extends { readonly logic: infer TSource }
  ? TSource extends AnyActorLogic
    ? TSource
    : TSource extends (...args: never[]) => infer TMade
      ? MadeLogic<Exclude<Awaited<TMade>, typeof IGNORE>>
      : never
  : never

/** The logic that a function makes; any logic for a function that only throws. */
type MadeLogic<TMade> = [TMade] extends [never] ? AnyActorLogic : TMade extends AnyActorLogic ? TMade : never

/** Of these specifications, the one with exactly this id. Otherwise all whose id is only known to be a string. */
export type SpecOf<TSpec extends ChildSpec, TId extends string> = TId extends unknown
  ? [Extract<TSpec, { readonly id: TId }>] extends [never]
    ? SpecThatMayHave<TSpec, TId>
    : Extract<TSpec, { readonly id: TId }>
  : never

type SpecThatMayHave<TSpec extends ChildSpec, TId extends string> = TSpec extends unknown
  ? TId extends TSpec['id']
    ? TSpec
    : never
  : never

/**
 * Returns the specification, with `input` and `ready` checked against its logic. A specification without the input that
 * its logic needs is a template.
 */
export function childSpec<
  const TId extends string,
  TLogic extends AnyActorLogic,
  TInput = undefined,
  const TMeta = undefined,
>(
  spec: TemplateSpec<TLogic> & {
    readonly id: TId
    readonly input?: InferredInput<TInput, TLogic>
    readonly meta?: TMeta
  },
): (undefined extends TInput ? TemplateSpec<TLogic> : ChildSpec<TLogic>) & { readonly id: TId } & WithMeta<TMeta> {
  return spec as never
}

type WithMeta<TMeta> = [TMeta] extends [undefined] ? unknown : { readonly meta: TMeta }

/** The input of the logic, in a form from which the compiler infers whether there is one. */
type InferredInput<TInput, TLogic extends AnyActorLogic> = [TInput] extends [never] ? TInput : InputFrom<TLogic>

/** A child specification with all defaults filled in. */
export interface ResolvedSpec {
  readonly source: ChildSpec
  readonly id: string
  readonly logic: ChildSpec['logic']
  readonly systemId: string | undefined
  readonly ready: ChildSpec['ready']
  readonly restart: RestartType
  readonly dependsOn: readonly string[]
  readonly meta: unknown
  readonly shutdown: number | 'infinity' | 'brutal_kill'
  /** True: the shutdown time applies even to an actor that does not seem to handle the shutdown event. */
  readonly patient: boolean
  readonly type: 'worker' | 'supervisor'
  readonly significant: boolean
  readonly startTimeout: number | undefined
  readonly awaitReady: boolean
  readonly backoff: Backoff | 'off'
  readonly breaker: Breaker | 'off'
  readonly onExhausted: 'park' | 'escalate'
  readonly resume: ChildSpec['resume']
}

export interface SpecDefaults {
  readonly mode: 'default' | 'otp'
  readonly backoff: BackoffOptions | 'off'
  readonly breaker: BreakerOptions | 'off'
}

/** Shared by all children that need no other. */
const NONE: readonly string[] = []

/** Fills in the defaults. The specification must be valid. */
export function resolveSpec(spec: ChildSpec, defaults: SpecDefaults): ResolvedSpec {
  const type = spec.type ?? (isSupervisor(spec.logic) ? 'supervisor' : 'worker')
  return {
    source: spec,
    id: spec.id,
    logic: spec.logic,
    systemId: spec.systemId,
    ready: spec.ready,
    restart: spec.restart ?? 'permanent',
    dependsOn: spec.dependsOn === undefined ? NONE : [...spec.dependsOn],
    meta: spec.meta,
    shutdown: spec.shutdown ?? (type === 'supervisor' ? 'infinity' : 5_000),
    patient: spec.shutdown !== undefined,
    type,
    significant: spec.significant ?? false,
    startTimeout: spec.startTimeout,
    awaitReady: spec.awaitReady ?? true,
    backoff: defaults.mode === 'otp' ? 'off' : resolve(DEFAULT_BACKOFF, defaults.backoff, spec.backoff),
    breaker: defaults.mode === 'otp' ? 'off' : resolve(DEFAULT_BREAKER, defaults.breaker, spec.breaker),
    onExhausted: spec.onExhausted ?? 'park',
    resume: spec.resume,
  }
}

function resolve<T extends object>(
  standard: T,
  supervisors: Partial<T> | 'off',
  childs: Partial<T> | 'off' | undefined,
): T | 'off' {
  const chosen = childs ?? supervisors
  if (chosen === 'off') return 'off'
  return { ...standard, ...(supervisors === 'off' ? {} : supervisors), ...chosen }
}

/** As given, with the defaults written out. */
export function describeSpec(spec: ResolvedSpec): ChildSpec {
  const { source, restart, shutdown, type, significant, awaitReady, backoff, breaker, onExhausted } = spec
  return { ...source, restart, shutdown, type, significant, awaitReady, backoff, breaker, onExhausted }
}
