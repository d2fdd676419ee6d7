// Nested supervisors that outlive their parent, until they have stopped their own children.
import type { AnyActorRef } from 'xstate'
import { isOver, whenOver } from './exit.ts'
import { freeName } from './xstate.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { Because } from '../spec/because.ts'

/**
 * The orphans of each actor system: supervisors that have outlived their parent and are still stopping their children.
 */
const orphans = new WeakMap<object, Set<AnyActorRef>>()

/**
 * Ends a supervisor whose parent has ended, as OTP does: it stops its children in order, each within its own `shutdown`
 * time, and ends for the reason for which its parent did. Its `systemId` is free at once.
 */
export function orphan(ref: AnyActorRef, reason: ExitReason, because?: Because): void {
  const { system } = ref
  const known = orphans.get(system) ?? new Set()
  orphans.set(system, known)
  known.add(ref)
  whenOver(ref, () => known.delete(ref))
  freeName(ref)
  ref.send({ type: 'supervisor.shutdown', reason, because })
}

/** Resolves when no orphan of this system is left. */
export async function orphansOver(system: object): Promise<void> {
  for (const ref of orphans.get(system) ?? []) {
    if (isOver(ref)) continue
    await new Promise<void>((resolve) => {
      whenOver(ref, () => {
        resolve()
      })
    })
  }
}
