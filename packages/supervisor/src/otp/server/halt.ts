// Finds out why XState stops a server, which decides whether `terminate` runs.
import type { AnyActorRef } from 'xstate'
import { isSupervisor } from '../../base/brand.ts'
import { orderedExit } from '../../actor/exit.ts'
import { isBeingStopped, parentOf } from '../../actor/xstate.ts'
import type { ExitReason } from '../../base/exit-reason.ts'

/**
 * Why XState is stopping an actor: the exit reason of its parent, if the parent is ending (L10). `undefined` if the
 * actor itself is killed, by `exit()` or by a supervisor that continues.
 */
export function reasonOfHalt(ref: AnyActorRef): ExitReason | undefined {
  if (orderedExit(ref) !== undefined) return undefined
  const parent = parentOf(ref)
  const reason = parent && orderedExit(parent)
  if (reason !== undefined) return reason
  // By actor.stop(), or because a machine has left the state that invoked the actor.
  if (parent === undefined || !isSupervisor(parent.getSnapshot())) return { type: 'shutdown' }
  // The end of a supervisor is visible only if it was ordered. A supervisor that is not ending has killed the actor
  // itself.
  return isBeingStopped(parent) && isDoomed(parentOf(parent)) ? { type: 'shutdown' } : undefined
}

function isDoomed(ref: AnyActorRef | undefined): boolean {
  return ref !== undefined && (orderedExit(ref) !== undefined || isDoomed(parentOf(ref)))
}
