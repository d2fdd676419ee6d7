import type { AnyActorRef } from 'xstate'
import { isSupervisor } from '../brand.ts'
import { orderedExit } from '../exit.ts'
import type { ExitReason } from '../exit-reason.ts'

/**
 * Why XState is stopping an actor: since its parent ends, for this reason (L10). `undefined` if it is the actor itself that
 * is killed, by `exit()` or by a supervisor that goes on.
 */
export function reasonOfHalt(ref: AnyActorRef): ExitReason | undefined {
  if (orderedExit(ref) !== undefined) return undefined
  const parent = ref._parent
  const reason = parent && orderedExit(parent)
  if (reason !== undefined) return reason
  // Stopped by actor.stop(), or by a machine that leaves a state; a supervisor's own end is seen only if it was ordered.
  const goesDown = parent === undefined || !isSupervisor(parent.getSnapshot()) || isDoomed(parent._parent)
  return goesDown ? { type: 'shutdown' } : undefined
}

function isDoomed(ref: AnyActorRef | undefined): boolean {
  return ref !== undefined && (orderedExit(ref) !== undefined || isDoomed(ref._parent))
}
