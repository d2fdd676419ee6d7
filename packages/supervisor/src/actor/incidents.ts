// Incidents across nested supervisors: because of which failure the supervisor above acts, and for which incident the
// supervisor below has ended.
import type { AnyActorRef } from 'xstate'
import { CAUSES, isSupervisor } from '../base/brand.ts'
import type { Because } from '../spec/because.ts'
import type { ChildState } from '../spec/child-info.ts'
import { parentOf } from './xstate.ts'

/** The function behind {@link CAUSES}. */
export type Causes = (id?: string, state?: ChildState) => Because | undefined

/**
 * Because of which failure the nearest supervisor above starts or stops the branch that this actor is in. There may be
 * machines in between.
 */
export function causeAbove(ref: AnyActorRef, state: 'starting' | 'stopping'): Because | undefined {
  let branch = ref
  for (let above = parentOf(ref); above !== undefined; above = parentOf(above)) {
    const snapshot: unknown = above.getSnapshot()
    if (isSupervisor(snapshot)) return causesOf(snapshot)?.(branch.id, state)
    branch = above
  }
  return undefined
}

/** The incident for which an actor has ended, if it is a supervisor. */
export function incidentOf(ref: AnyActorRef): string | undefined {
  const snapshot: unknown = ref.getSnapshot()
  return isSupervisor(snapshot) ? causesOf(snapshot)?.()?.incident : undefined
}

/** A snapshot of an earlier version of this package has no causes. */
function causesOf(snapshot: unknown): Causes | undefined {
  return (snapshot as { readonly [CAUSES]?: Causes })[CAUSES]
}
