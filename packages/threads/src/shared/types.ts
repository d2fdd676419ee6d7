// The types of an actor that runs in a thread, made from the type of what its module exposes.
import type {
  ActorLogic,
  ActorSystem,
  ActorSystemInfo,
  AnyActorLogic,
  EmittedFrom,
  EventFromLogic,
  EventObject,
  InputFrom,
  OutputFrom,
  PromiseActorLogic,
  Snapshot,
  SnapshotFrom,
} from 'xstate'

/** A function that runs in a thread: what XState's `fromPromise` takes. */
export type ThreadWork<TOutput = unknown, TInput = never> = (context: {
  readonly input: TInput
  /** Aborted when the thread is asked to end. */
  readonly signal: AbortSignal
  readonly emit: (event: EventObject) => void
}) => PromiseLike<TOutput> | TOutput

/** What a module may expose: any actor logic, or a function. */
export type Exposed = AnyActorLogic | ThreadWork

/** The logic that runs in the thread. */
export type LogicOfExposed<TExposed extends Exposed> = TExposed extends AnyActorLogic
  ? TExposed
  : TExposed extends (context: infer TContext) => infer TResult
    ? PromiseActorLogic<Awaited<TResult>, TContext extends { readonly input: infer TInput } ? TInput : undefined>
    : never

/** The parts of a machine's snapshot that are functions, or hold parts of the machine. */
type Unsendable = 'machine' | '_nodes' | 'children' | 'can' | 'hasTag' | 'matches' | 'getMeta' | 'toJSON' | 'tags'

type Mirrored<TLogic extends AnyActorLogic> = Partial<Omit<SnapshotFrom<TLogic>, Unsendable | keyof Snapshot<unknown>>>

/**
 * The snapshot of an actor that runs in a thread: the last one from inside, for instance with the `value` and the
 * `context` of a machine. They are missing while `phase` is `starting`.
 */
export type ThreadSnapshot<TLogic extends AnyActorLogic = AnyActorLogic> = Snapshot<OutputFrom<TLogic>> &
  Mirrored<TLogic> & {
    /** `running` once the first snapshot has come from inside, which is when a supervised thread counts as ready. */
    readonly phase: 'starting' | 'running' | 'stopping'
    /** The tags of a machine's state. */
    readonly tags: readonly string[]
    /** True if a machine is in this state, as in XState. */
    matches(state: unknown): boolean
    hasTag(tag: string): boolean
    /**
     * Tells a supervisor that the thread can be asked to end. False for any event but `supervisor.shutdown`: what the
     * actor in the thread can do is known there only.
     */
    can(event: EventObject): boolean
  }

/** An actor logic whose actors run in threads. */
export type ThreadLogic<TLogic extends AnyActorLogic = AnyActorLogic> = ActorLogic<
  ThreadSnapshot<TLogic>,
  EventFromLogic<TLogic>,
  InputFrom<TLogic>,
  ActorSystem<ActorSystemInfo>,
  EmittedFrom<TLogic>
>
