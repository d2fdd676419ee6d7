/**
 * The only file that imports XState by value, and that touches parts of XState that are not public: fields with an
 * underscore, the hooks of an actor system, and the events that XState sends by itself. At its end the file tests that
 * the installed XState has every part that is used here, so that another XState fails with a clear error.
 */
import * as XState from 'xstate'
import type { ActorScope, AnyActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate'
import type { SupervisorClock } from '../base/clock.ts'
import { TerrariumError } from '../base/errors.ts'
import type { DelayedEvent } from '../policy/snapshot-log.ts'

export type Actor<TLogic extends AnyActorLogic> = XState.Actor<TLogic>

// By namespace: an import by name of what an XState does not export fails before any code of this package runs.
export const Actor = XState.Actor
export const fromPromise = XState.fromPromise
export const createMachine = XState.createMachine

type Scope = ActorScope<Snapshot<unknown>, EventObject>

/** The private parts of an actor that are used here. */
interface InternalActor {
  readonly logic: AnyActorLogic
  readonly clock: Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'> & Partial<SupervisorClock>
  readonly systemId?: string
  /** The `systemId` in XState 5.20. */
  readonly _systemId?: string
  readonly system: InternalSystem
  readonly _parent?: AnyActorRef
  readonly _processingStatus: number
  readonly _actorScope: Scope
  readonly mailbox: {
    readonly _active: boolean
    readonly _current: { readonly value: EventObject } | null
    enqueue: (event: EventObject) => void
  }
  observers: Set<unknown>
  eventListeners: Map<unknown, unknown>
  /** Stops the actor, as its parent's `stopChild` does. */
  _stop(): unknown
  /** Tells the observers that the actor is over, which `_stop` does not do for an actor that was never started. */
  _complete(): void
}

/** The private parts of an actor system that are used here. */
interface InternalSystem {
  readonly scheduler: {
    cancelAll: (ref: AnyActorRef) => void
    cancel(source: AnyActorRef, id: string): void
    schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id: string): void
  }
  getSnapshot(): { readonly _scheduledEvents: Readonly<Record<string, Scheduled>> }
  get(systemId: string): AnyActorRef | undefined
  /** Missing in XState 5.20. */
  readonly getAll?: () => Readonly<Record<string, AnyActorRef | undefined>>
  _set: (systemId: string, ref: AnyActorRef) => void
  _register: (sessionId: string, ref: AnyActorRef) => string
  _unregister: (ref: AnyActorRef) => void
}

/** A delayed event, as the scheduler of a system keeps it. */
interface Scheduled extends DelayedEvent {
  readonly source: AnyActorRef
  readonly target: AnyActorRef
}

const NOT_STARTED = 0
const STOPPED = 2

const STOP = 'xstate.stop'
const DONE = 'xstate.done.actor.'
const ERROR = 'xstate.error.actor.'

/** The event that XState sends to an actor that it stops. */
export const XSTATE_STOP = { type: STOP } as const

export function isStopEvent(event: { readonly type: string }): boolean {
  return event.type === STOP
}

/** The id of the actor whose own end the event announces to its parent; `undefined` for any other event. */
export function endedActorOf(event: { readonly type: string }): string | undefined {
  const { type } = event
  return type.startsWith(DONE) || type.startsWith(ERROR) ? (event as { readonly actorId?: string }).actorId : undefined
}

/** The event that tells a parent that its child has ended with this output. */
export function doneEvent(id: string, output: unknown): EventObject {
  return { type: `${DONE}${id}`, actorId: id, output } as EventObject
}

/** The event that tells a parent that its child has failed. */
export function errorEvent(id: string, error: unknown): EventObject {
  return { type: `${ERROR}${id}`, actorId: id, error } as EventObject
}

const internal = (ref: AnyActorRef): InternalActor => ref as unknown as InternalActor

export function parentOf(ref: AnyActorRef): AnyActorRef | undefined {
  return internal(ref)._parent
}

export function hasStarted(ref: AnyActorRef): boolean {
  return internal(ref)._processingStatus !== NOT_STARTED
}

/** True once XState has stopped the actor. The snapshot of an actor of `fromTransition` stays `active` then. */
export function isStopped(ref: AnyActorRef): boolean {
  return internal(ref)._processingStatus === STOPPED
}

/** True while XState is stopping the actor. */
export function isBeingStopped(ref: AnyActorRef): boolean {
  const { mailbox } = internal(ref)
  return mailbox._active && mailbox._current?.value.type === STOP
}

/**
 * Stops an actor and tells its observers. Does what `stopChild` of its parent does, without that function: each parent
 * has one of its own, and V8 drops the code that it has optimised for it when the parent is gone.
 */
export function stopHard(ref: AnyActorRef): void {
  const actor = internal(ref)
  const isNew = !hasStarted(ref)
  actor._stop()
  if (isNew) actor._complete()
}

/**
 * Frees the `systemId` of an actor that counts as dead, though the actor may still be ending. XState frees it only when
 * the actor is over, and the successor of the actor may be started before that.
 */
export function freeName(ref: AnyActorRef): void {
  const { system } = internal(ref)
  const systemId = systemIdOf(ref)
  if (systemId !== undefined && system.get(systemId) === ref) system._unregister(ref)
}

function systemIdOf(ref: AnyActorRef): string | undefined {
  const { systemId, _systemId } = internal(ref)
  return systemId ?? _systemId
}

/** The logic of an actor. */
export function logicOf(ref: AnyActorRef): AnyActorLogic {
  return internal(ref).logic
}

/** What XState passes to the logic of an actor. */
export function scopeOf(ref: AnyActorRef): Scope {
  return internal(ref)._actorScope
}

/** The clock of the actor's system. */
export function clockOf(ref: AnyActorRef): InternalActor['clock'] {
  return internal(ref).clock
}

/** The snapshot of an actor as XState persists it. Children without a named logic are in it, which no JSON can hold. */
export function persist(ref: AnyActorRef): Snapshot<unknown> {
  const { getPersistedSnapshot } = ref as { getPersistedSnapshot: (options: object) => unknown }
  return getPersistedSnapshot.call(ref, { __unsafeAllowInlineActors: true }) as Snapshot<unknown>
}

/** The delayed events that an actor has sent to itself and not received yet. */
export function delayedEventsOf(ref: AnyActorRef): DelayedEvent[] {
  const all = Object.values(internal(ref).system.getSnapshot()._scheduledEvents)
  return all
    .filter(({ source, target }) => source === ref && target === ref)
    .map(({ id, event, delay }) => ({ id, event, delay }))
}

/** Lets an actor send itself delayed events, each after its whole delay. */
export function sendDelayed(ref: AnyActorRef, events: readonly DelayedEvent[]): void {
  const { scheduler } = internal(ref).system
  for (const { id, event, delay } of events) scheduler.schedule(ref, ref, event, delay, id)
}

/**
 * Puts a gate before the mailbox of an actor: `gate` gets each event and the function that delivers it, now or later.
 * XState's order to stop passes. Returns the function that takes the gate away.
 */
export function gateMailbox(
  ref: AnyActorRef,
  gate: (event: EventObject, deliver: (event: EventObject) => void) => void,
): () => void {
  const { mailbox } = internal(ref)
  const { enqueue } = mailbox
  const deliver = (event: EventObject): void => {
    if (!isStopped(ref)) enqueue.call(mailbox, event)
  }
  mailbox.enqueue = (event) => {
    if (isStopEvent(event)) enqueue.call(mailbox, event)
    else gate(event, deliver)
  }
  return () => {
    mailbox.enqueue = enqueue
  }
}

/** The sets in which an actor keeps its observers and its listeners. They can be replaced. */
export function audienceOf(ref: object): Pick<InternalActor, 'observers' | 'eventListeners'> {
  return ref as InternalActor
}

/** The actors that have a `systemId`, for each watched system that does not list them itself. */
const named = new WeakMap<object, Set<AnyActorRef>>()

/** The actors of a watched system that have a `systemId`. */
export function namedActors(system: object): Iterable<AnyActorRef | undefined> {
  const { getAll } = system as InternalSystem
  return getAll === undefined ? (named.get(system) ?? []) : Object.values(getAll())
}

/** A snapshot in which XState keeps the subscription of an observable. XState drops it when the observable ends. */
export interface Subscribed {
  readonly _subscription: { unsubscribe(): void } | undefined
}

export function isSubscribed(snapshot: object): snapshot is Subscribed {
  return '_subscription' in snapshot
}

/** Ends the subscription, if there is one. Throws what `unsubscribe` throws. */
export function unsubscribe(subscribed: Subscribed): void {
  subscribed._subscription?.unsubscribe()
}

/**
 * Calls `started` at the start of each actor of a system, and `ended` at its end, before XState tells anything else of
 * that end.
 */
export function watchSystem(
  actorSystem: object,
  { started, ended }: { started: (ref: AnyActorRef) => void; ended: (ref: AnyActorRef) => void },
): void {
  const system = actorSystem as InternalSystem
  const register = system._register
  system._register = (sessionId, ref) => {
    started(ref)
    return register(sessionId, ref)
  }
  const { cancelAll } = system.scheduler
  system.scheduler.cancelAll = (ref) => {
    cancelAll(ref)
    ended(ref)
  }
  if (system.getAll === undefined && !named.has(system)) noteNames(system)
}

/** Notes which actors have a `systemId`, in a system that does not list them. */
function noteNames(system: InternalSystem): void {
  const known = new Set<AnyActorRef>()
  named.set(system, known)
  const { _set, _unregister } = system
  system._set = (systemId, ref) => {
    _set(systemId, ref)
    known.add(ref)
  }
  system._unregister = (ref) => {
    _unregister(ref)
    known.delete(ref)
  }
}

type AnyActor = InternalActor & AnyActorRef

/**
 * The parts that this file needs and that an XState lacks, by name. Runs a parent and four children of the class
 * `Actor` of that XState, to see whether fields, hooks and events mean what they mean here.
 */
export function missingParts(actorClass: unknown): string[] {
  if (typeof actorClass !== 'function') return ['Actor']
  const make = actorClass as new (logic: object, options?: object) => AnyActor
  const seen: string[] = []
  const parent = new make(recorder(seen))
  const child = (id: string): AnyActor => new make(recorder(seen), { id, parent, systemId: `${id}-name` })
  const [done, failed, stopped] = [child('done'), child('failed'), child('stopped')]
  const { system } = parent
  const hooks: string[] = []
  const parts: Readonly<Record<string, () => boolean>> = {
    'actor.logic': () => typeof done.logic.transition === 'function',
    'actor.clock': () => typeof done.clock.setTimeout === 'function',
    'actor.observers': () => done.observers instanceof Set,
    'actor.eventListeners': () => done.eventListeners instanceof Map,
    'actor._parent': () => done._parent === parent,
    'actor._actorScope': () => done._actorScope.self === done,
    'actor.systemId': () => systemIdOf(done) === 'done-name',
    'actor._complete': () => typeof done._complete === 'function',
    'actor.mailbox': () =>
      typeof done.mailbox._active === 'boolean' &&
      '_current' in done.mailbox &&
      typeof done.mailbox.enqueue === 'function',
    'system._unregister': () => typeof system._unregister === 'function',
    'system._register': () => {
      watchSystem(system, { started: () => hooks.push('started'), ended: () => hooks.push('ended') })
      for (const actor of [parent, done, failed, stopped]) actor.start()
      return hooks.length === 4
    },
    'system.scheduler.cancelAll': () => {
      done.send({ type: 'done' })
      failed.subscribe({ error: () => undefined }) // XState throws an error that no observer takes from a timer
      failed.send({ type: 'failed' })
      return hooks.slice(4).join() === 'ended,ended'
    },
    'system.scheduler.schedule': () => {
      sendDelayed(stopped, [{ id: 'later', event: { type: 'later' }, delay: 1 }])
      const seen = delayedEventsOf(stopped)
      system.scheduler.cancel(stopped, 'later')
      return seen.length === 1 && delayedEventsOf(stopped).length === 0
    },
    'actor._stop': () => {
      stopped._stop()
      return hooks.length === 7
    },
    'actor._processingStatus': () => !hasStarted(child('new')) && hasStarted(parent) && isStopped(stopped),
    'system.getAll': () => {
      const late = child('late')
      return [...namedActors(system)].includes(late)
    },
    'snapshot._subscription': () => keepsSubscription(make, parent),
    [STOP]: () => seen.includes(STOP),
    [`${DONE}*`]: () => seen.includes(`${DONE}done`),
    [`${ERROR}*`]: () => seen.includes(`${ERROR}failed`),
  }
  return Object.keys(parts).filter((name) => !holds(parts[name]))
}

/** A logic that notes the events it receives, and ends or fails when it is told to. */
function recorder(seen: string[]): object {
  const active = { status: 'active', output: undefined, error: undefined }
  return {
    getInitialSnapshot: () => active,
    getPersistedSnapshot: () => active,
    transition: (snapshot: object, { type }: EventObject) => {
      seen.push(type)
      if (type === 'failed') throw new Error(type)
      return type === 'done' ? { ...snapshot, status: 'done' } : snapshot
    },
  }
}

/** True if the snapshot that an observable has at its start gets the subscription. */
function keepsSubscription(make: new (logic: object, options: object) => AnyActor, parent: AnyActor): boolean {
  let isFreed = false
  const unsubscribed = (): void => {
    isFreed = true
  }
  const source = { subscribe: () => ({ unsubscribe: unsubscribed }) }
  const actor = new make(
    XState.fromObservable(() => source),
    { parent },
  )
  const snapshot = actor.getSnapshot() as object
  actor.start()
  if (isSubscribed(snapshot)) unsubscribe(snapshot)
  return isFreed
}

function holds(test: (() => boolean) | undefined): boolean {
  try {
    return test?.() === true
  } catch {
    return false
  }
}

/** Throws CONFIGURATION if an XState lacks a part that is needed, with the names of all that it lacks. */
export function checkXState(actorClass: unknown): void {
  const missing = missingParts(actorClass)
  if (missing.length === 0) return
  throw new TerrariumError('CONFIGURATION', `this version of XState lacks ${missing.join(', ')}`, {
    hint: 'Install version 5 of xstate, 5.20 or newer.',
    details: { missing },
  })
}

checkXState(Actor)
