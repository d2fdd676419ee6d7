// The types that check the options of createSupervisor() and supervisor(): each specification against its own `logic`,
// the number of children against the strategy, and ids against each other. There is one signature and no overload, so
// that the compiler's error stands at the field that is wrong, in few lines.
import type { ActorRefFrom, AnyActorLogic, SnapshotFrom } from 'xstate'
import type { SupervisorOptions } from './options.ts'
import type { ChildOf, DynamicStrategyName, RestartContext, RestartPlan, StrategyName } from './strategy.ts'
import type { ChildSpec, LogicOf, SpecOf, StartContext, TemplateSpec } from './spec.ts'

export type Specs = readonly TemplateSpec[]
export type Strategy = StrategyName | DynamicStrategyName | undefined

/**
 * Options whose children are checked. `TSpecs` and `TLogics` are both inferred from `children`: `TLogics` types the
 * parameters of functions within them, `TSpecs` is what is checked. `TId` is inferred from what a strategy answers.
 */
export interface CheckedOptions<
  TSpecs extends Specs,
  TLogics extends readonly unknown[],
  TStrategy extends Strategy,
  TId extends string,
> extends Omit<SupervisorOptions, 'strategy' | 'children'> {
  /**
   * Which children are restarted together with a failed one. Default `one_for_one`. Two strategies are for dynamic
   * children, which are addressed by their refs and stopped all at once: with `simple_one_for_one` all are made from
   * the one template in `children`; with `dynamic` (Elixir's DynamicSupervisor) each comes with its own specification.
   */
  readonly strategy?: TStrategy | StrategyFor<TSpecs, TId>
  /** In start order. */
  readonly children?: Inferred<TSpecs, TLogics, Checked<TSpecs, TStrategy>>
}

/**
 * A strategy of the user's that is written among the options: `plan()` knows the ids, `meta` and `input` of the
 * children, if they stand before it, and names no other child. `TId`: the ids in its answer.
 */
interface StrategyFor<TSpecs extends Specs, TId extends string> {
  readonly name: string
  plan(
    failed: ChildOf<TSpecs>,
    children: Iterable<ChildOf<TSpecs>>,
    context: RestartContext,
  ): RestartPlan<KnownId<TId, TSpecs[number]['id']>>
}

/** The ids in an answer that children have; any id if it is only known to be a string. */
type KnownId<TId extends string, TKnown> = TId extends TKnown ? TId : string extends TId ? TId : TKnown & string

/**
 * `TChecked`, in a form from which the compiler infers `TSpecs` and `TLogics`. While `TSpecs` is not known yet, the
 * compiler types the parameters of functions with the drafts.
 */
type Inferred<TSpecs extends Specs, TLogics extends readonly unknown[], TChecked> = [TSpecs] extends [never]
  ? TSpecs
  : Specs extends TSpecs
    ? Drafts<TLogics>
    : TChecked

type Drafts<TLogics extends readonly unknown[]> = { readonly [I in keyof TLogics]: SpecDraft<TLogics[I]> }

/** A specification of which at most the logic is known, or the function that makes it. */
interface SpecDraft<TSource> extends Omit<TemplateSpec, 'logic' | 'ready'> {
  readonly logic: (unknown extends TSource ? never : TSource) | ((context: StartContext) => unknown)
  readonly ready?: (
    snapshot: SnapshotFrom<unknown extends TSource ? AnyActorLogic : LogicOf<{ readonly logic: TSource }>>,
  ) => boolean
}

type Checked<TSpecs extends Specs, TStrategy> = number extends TSpecs['length']
  ? CheckedSpecs<TSpecs, never>
  : [TStrategy] extends ['simple_one_for_one']
    ? readonly [CheckedTemplate<TSpecs[0]>, ...'strategy simple_one_for_one has one template in children'[]]
    : [TStrategy] extends ['dynamic']
      ? readonly 'strategy dynamic has no children in its options: start them with startChild()'[]
      : CheckedSpecs<TSpecs, Repeated<TSpecs>>

type CheckedSpecs<TSpecs extends Specs, TRepeated> = {
  readonly [I in keyof TSpecs]: CheckedSpec<TSpecs[I], TRepeated>
}

/** Distributes over unions: each member is checked by itself. */
type CheckedSpec<TSpec, TRepeated> = TSpec extends { readonly id: infer TId extends TRepeated }
  ? WithMistake<'id', `another child has the id ${TId & string}`>
  : HasForeignReady<TSpec> extends true
    ? WithMistake<'ready', 'ready() takes the snapshot of another logic'>
    : ChildSpec<LogicOf<TSpec>>

type CheckedTemplate<TSpec> =
  HasForeignReady<TSpec> extends true
    ? WithMistake<'ready', 'ready() takes the snapshot of another logic'>
    : TemplateSpec<LogicOf<TSpec>>

/** A specification whose `TField` is refused, with this text in the compiler's error. */
type WithMistake<TField extends keyof TemplateSpec, TText> = Omit<TemplateSpec, TField> & {
  readonly [F in TField]: TText
}

type HasForeignReady<TSpec> = TSpec extends { readonly ready: (snapshot: infer TSnapshot) => unknown }
  ? SnapshotFrom<LogicOf<TSpec>> extends TSnapshot
    ? false
    : true
  : false

/** The ids that stand twice in a list, as far as they are known to the compiler. */
type Repeated<TSpecs extends Specs, TSeen = never, TFound = never> = TSpecs extends readonly [
  { readonly id: infer TId },
  ...infer TRest extends Specs,
]
  ? Repeated<TRest, string extends TId ? TSeen : TSeen | TId, TFound | (TId & TSeen)>
  : TFound

/** `TSpecs`, or specifications of any id if there are none: children can still be added. */
export type OrAny<TSpecs extends Specs> = TSpecs extends readonly [] ? readonly ChildSpec[] : TSpecs

/** The actor of the child with this id. */
export type RefOf<TSpecs extends Specs, TId extends string> = ActorRefFrom<LogicOf<SpecOf<TSpecs[number], TId>>>
