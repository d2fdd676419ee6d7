// Makes the actor of a child, starts it, and finds out whether it is ready and whether it handles the shutdown
// event.
import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot } from 'xstate'
import { isSupervisor, READY } from '../base/brand.ts'
import type { Child } from '../core/state.ts'
import { TerrariumError } from '../base/errors.ts'
import type { ChildSpec, StartContext } from '../spec/spec.ts'
import { SupervisedActor } from './supervised-actor.ts'
import { show } from '../base/show.ts'
import { askUser } from '../base/user-code.ts'

/** The event that asks a child to end by itself. */
export const SHUTDOWN = { type: 'supervisor.shutdown' } as const
const SHUTDOWN_NAMES: ReadonlySet<string> = new Set([SHUTDOWN.type, 'supervisor.*'])

type Later = 'ready' | { readonly error: unknown }

/** The options of XState for an actor, as far as they are used here. */
interface Options {
  readonly id: string
  readonly input: unknown
  readonly parent: AnyActorRef
  readonly systemId?: string
  readonly snapshot?: unknown
}

/** The result of a start. There is no actor if it could not be made. */
export interface Spawned {
  readonly actor: AnyActorRef | undefined
  readonly ready: boolean
  readonly failure: { readonly error: unknown } | undefined
}

/** Creates an actor and starts it. Never throws. From then on XState tells the parent of its end. */
export function spawn(logic: AnyActorLogic, options: Options): Spawned {
  const actor = create(logic, options)
  if (!(actor instanceof SupervisedActor)) return actor
  const failure = begin(actor)
  return { actor, ready: failure === undefined, failure }
}

/**
 * As {@link spawn}, for an actor with a readiness test. `later` is called when the actor becomes ready, or when the
 * test throws.
 */
export function spawnAndWatch(
  logic: AnyActorLogic,
  options: Options,
  isReady: (snapshot: never) => boolean,
  later: (news: Later) => void,
): Spawned {
  const actor = create(logic, options)
  if (!(actor instanceof SupervisedActor)) return actor
  // Readiness within start() is reported after it: the supervisor has to know the actor first.
  let early: Later | undefined
  let isStarted = false
  watch(actor, isReady, (news) => {
    if (isStarted) later(news)
    else early = news
  })
  const failure = begin(actor)
  isStarted = true
  if (early === 'ready') return { actor, ready: true, failure: undefined }
  if (failure !== undefined) return { actor, ready: false, failure }
  return typeof early === 'object'
    ? { actor, ready: false, failure: early }
    : { actor, ready: false, failure: undefined }
}

/** The readiness test of an actor; `undefined` if it is ready at once. */
export function readinessOf(
  logic: AnyActorLogic,
  ready: ChildSpec['ready'],
): ((snapshot: never) => boolean) | undefined {
  return ready ?? (logic as { [READY]?: (snapshot: never) => boolean })[READY]
}

/**
 * The options for a child's actor. A supervisor gets the memory of its predecessor. `snapshot`: from where another
 * actor continues.
 */
export function optionsFor(
  logic: AnyActorLogic,
  { id, input, spec, trouble: { history } }: Child,
  parent: AnyActorRef,
  snapshot: unknown,
): Options {
  const { systemId } = spec
  return {
    id,
    input,
    parent,
    ...(systemId === undefined ? {} : { systemId }),
    ...(history !== undefined && isSupervisor(logic) ? { snapshot: history } : {}),
    ...(snapshot === undefined ? {} : { snapshot }),
  }
}

function create(logic: AnyActorLogic, options: Options): SupervisedActor | Spawned {
  try {
    mustBeFree(options)
    return new SupervisedActor(logic, options as never)
  } catch (error) {
    return { actor: undefined, ready: false, failure: { error } }
  }
}

function mustBeFree({ id, parent, systemId }: Options): void {
  const owner = systemId === undefined ? undefined : (parent.system.get(systemId) as AnyActorRef | undefined)
  if (owner === undefined) return
  throw new TerrariumError(
    'INVALID_ARGUMENT',
    `the systemId ${show(systemId)} of child ${id} belongs to actor ${owner.id}`,
    {
      hint: 'Give each actor of a system a systemId of its own.',
      details: { reason: 'already_started', systemId, ref: owner },
    },
  )
}

function begin(actor: AnyActorRef): Spawned['failure'] {
  try {
    actor.start()
  } catch (error) {
    return { error }
  }
  const { status, error } = actor.getSnapshot() as { status: string; error: unknown }
  return status === 'error' ? { error } : undefined
}

/** Tests every snapshot until one is ready. */
function watch(actor: AnyActorRef, isReady: (snapshot: never) => boolean, tell: (news: Later) => void): void {
  const subscription = actor.subscribe((snapshot: unknown) => {
    try {
      if (!askUser(() => isReady(snapshot as never))) return
      tell('ready')
    } catch (error) {
      tell({ error })
    }
    subscription.unsubscribe()
  })
}

/**
 * True if the actor handles the shutdown event now: a supervisor, or a machine that names the event. A wildcard `*`
 * does not count, since it takes any event.
 */
function listensForShutdown(ref: AnyActorRef): boolean {
  const snapshot = ref.getSnapshot() as Partial<AnyMachineSnapshot>
  if (typeof snapshot.can !== 'function') return isSupervisor(snapshot)
  try {
    return snapshot.can(SHUTDOWN) && (snapshot.machine?.events.some((name: string) => SHUTDOWN_NAMES.has(name)) ?? true)
  } catch {
    return false
  }
}

/** True if the child is asked to end by itself before it is stopped hard. */
export function isAskedToEnd({ startedWith }: Child, ref: AnyActorRef): boolean {
  return startedWith.patient || listensForShutdown(ref)
}

export function isLogic(value: unknown): value is AnyActorLogic {
  return hasMethod(value, 'transition')
}

function hasMethod(value: unknown, name: string): boolean {
  try {
    return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'
  } catch {
    return false // a proxy or getter that throws
  }
}

export function notALogic(made: unknown, { supervisor, id }: StartContext): TerrariumError {
  return new TerrariumError(
    'INVALID_ARGUMENT',
    `the logic function of child ${id} of ${supervisor} made no actor logic, but ${show(made)}`,
    { details: { supervisor, child: id, made } },
  )
}
