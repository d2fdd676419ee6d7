import type { AnyActorRef } from 'xstate'
import { isSupervisor } from '../../base/brand.ts'
import { orderedExit } from '../../actor/exit.ts'
import { isBeingStopped, parentOf } from '../../actor/xstate.ts'
import type { ExitReason } from '../../base/exit-reason.ts'

/**
 * Why XState is stopping an actor: since its parent ends, for this reason (L10). `undefined` if it is the actor itself
 * that is killed, by `exit()` or by a supervisor that goes on.
 */
export function reasonOfHalt(ref: AnyActorRef): ExitReason | undefined {
  if (orderedExit(ref) !== undefined) return undefined
  const parent = parentOf(ref)
  const reason = parent && orderedExit(parent)
  if (reason !== undefined) return reason
  // actor.stop(), or a state is left
  if (parent === undefined || !isSupervisor(parent.getSnapshot())) return { type: 'shutdown' }
  // A supervisor's own end is seen only if it was ordered. One that is not ending has killed the actor itself.
  return isBeingStopped(parent) && isDoomed(parentOf(parent)) ? { type: 'shutdown' } : undefined
}

function isDoomed(ref: AnyActorRef | undefined): boolean {
  return ref !== undefined && (orderedExit(ref) !== undefined || isDoomed(parentOf(ref)))
}
