// Cleans up after actors that fail under a supervisor, however deep in the tree, in the turn of the failure. XState
// cleans up after an actor that it stops, but not after an actor that fails: the clean-up of a callback does not run, a
// subscription stays, invoked children continue (https://github.com/statelyai/xstate/issues/5153).
import type { AnyActorRef, Snapshot } from 'xstate'
import { isSupervisor } from '../base/brand.ts'
import { exitReasonOf } from './exit.ts'
import { reportFault } from '../base/platform.ts'
import { orphan } from './orphan.ts'
import {
  freeName,
  hasStarted,
  isBeingStopped,
  isSubscribed,
  logicOf,
  namedActors,
  parentOf,
  scopeOf,
  stopHard,
  unsubscribe,
  watchSystem,
  XSTATE_STOP,
  type Subscribed,
} from './xstate.ts'

/** Registered, so that two copies of this package do not both clean up. */
const CLEANS_UP = Symbol.for('terrarium.cleans-up')

/**
 * Makes the system clean up after actors that fail under a supervisor. Calling it again changes nothing.
 */
export function cleanUpFailures(actorSystem: object): void {
  const system = actorSystem as { [CLEANS_UP]?: true }
  if (system[CLEANS_UP] === true) return
  system[CLEANS_UP] = true
  const subscribed = new WeakMap<AnyActorRef, Subscribed>()
  /** Actors that had failed before their start. Their logic holds nothing. */
  const stillborn = new WeakSet<AnyActorRef>()

  const started = (ref: AnyActorRef): void => {
    const snapshot = ref.getSnapshot() as { readonly status: string }
    if (snapshot.status === 'error') stillborn.add(ref)
    else if (isSubscribed(snapshot)) subscribed.set(ref, snapshot)
  }
  const ended = (ref: AnyActorRef): void => {
    const { status } = ref.getSnapshot() as { readonly status: string }
    const hasFailed = status === 'error'
    const subscription = hasFailed || status === 'done' ? subscribed.get(ref) : undefined
    if (!hasFailed && subscription === undefined) return
    const supervised = isSupervised(ref)
    // If XState was stopping the actor, its clean-up has run already, and that clean-up is what has failed.
    if (supervised && !isBeingStopped(ref)) {
      if (subscription !== undefined) release(ref, subscription)
      else if (!stillborn.has(ref)) stopLogic(ref)
    }
    if (hasFailed) stopChildren(system, ref, supervised)
  }
  watchSystem(system, { started, ended })
}

/** True if the actor is a descendant of a supervisor. */
function isSupervised(ref: AnyActorRef): boolean {
  for (let above = parentOf(ref); above !== undefined; above = parentOf(above))
    if (isSupervisor(above.getSnapshot())) return true
  return false
}

function release(ref: AnyActorRef, subscribed: Subscribed): void {
  try {
    unsubscribe(subscribed)
  } catch (fault) {
    report(ref, fault)
  }
}

/** Runs the clean-up of the logic: callbacks dispose, promises abort their signal. */
function stopLogic(ref: AnyActorRef): void {
  const logic = logicOf(ref)
  const snapshot = ref.getSnapshot() as Snapshot<unknown>
  // XState stops the children of a machine, and a supervisor stops its own.
  if ('machine' in snapshot || isSupervisor(logic)) return
  try {
    logic.transition({ ...snapshot, status: 'active', error: undefined }, XSTATE_STOP, scopeOf(ref))
  } catch (fault) {
    // A reducer has no clean-up: what it throws here is no news.
    if (logic.start !== undefined) report(ref, fault)
  }
}

/**
 * Stops the children of an actor that has failed: all if the actor was supervised, else only the supervisors among
 * them. Children that the actor made in its last, failed step are found by their systemId, which has to become free.
 */
function stopChildren(system: object, ref: AnyActorRef, all: boolean): void {
  if (isSupervisor(logicOf(ref))) return
  const { children } = ref.getSnapshot() as { readonly children?: unknown }
  const known = Object.values(children ?? {}) as (AnyActorRef | undefined)[]
  for (const child of new Set([...known, ...namedActors(system)])) {
    if (child === undefined || parentOf(child) !== ref) continue // `children` of a foreign logic may hold anything
    if (hasStarted(child) && isSupervisor(child.getSnapshot())) orphan(child, exitReasonOf(ref) ?? { type: 'killed' })
    else if (all) {
      stopHard(child)
      freeName(child)
    }
  }
}

function report(ref: AnyActorRef, fault: unknown): void {
  reportFault(`the clean-up of actor ${ref.id} failed`, fault)
}
