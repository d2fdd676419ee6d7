// Links between two actors, as in OTP: each receives the exit of the other.
import type { AnyActorRef, Subscription } from 'xstate'
import { deliverExit, isOver, noproc, whenOver } from '../actor/exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'

interface Links {
  readonly others: Set<AnyActorRef>
  readonly subscription: Subscription
}

const links = new WeakMap<AnyActorRef, Links>()

/**
 * Links two actors. When one ends, the other receives its exit: it ends with the same reason, unless that is `normal`
 * or it traps exits (see `trapExit`; L01, L02). A second link between two actors has no effect (L12). If one of them
 * has ended already, the other receives an exit whose STOPPED error has `details.reason: 'noproc'` (L11).
 */
export function link(a: AnyActorRef, b: AnyActorRef): void {
  if (a === b) return
  if (isOver(a)) deliverExit(b, noproc(a), a)
  else if (isOver(b)) deliverExit(a, noproc(b), b)
  else {
    linksOf(a).others.add(b)
    linksOf(b).others.add(a)
  }
}

/** Removes a link. An exit that was delivered already stays delivered (L14). */
export function unlink(a: AnyActorRef, b: AnyActorRef): void {
  forget(a, b)
  forget(b, a)
}

function linksOf(ref: AnyActorRef): Links {
  let own = links.get(ref)
  if (own === undefined) {
    const subscription = whenOver(ref, (reason) => {
      propagate(ref, reason)
    })
    own = { others: new Set(), subscription }
    links.set(ref, own)
  }
  return own
}

function forget(ref: AnyActorRef, other: AnyActorRef): void {
  const own = links.get(ref)
  if (own?.others.delete(other) !== true || own.others.size > 0) return
  own.subscription.unsubscribe()
  links.delete(ref)
}

function propagate(ref: AnyActorRef, reason: ExitReason): void {
  const { others } = links.get(ref) ?? {}
  links.delete(ref)
  for (const other of others ?? []) {
    forget(other, ref)
    deliverExit(other, reason, ref)
  }
}
