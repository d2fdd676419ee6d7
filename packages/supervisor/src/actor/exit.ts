// Exits and exit signals of actors, as in OTP: why an actor ended, how one actor ends another, and who is told.
import type { AnyActorRef, Subscription } from 'xstate'
import { isSupervisor } from '../base/brand.ts'
import { TerrariumError } from '../base/errors.ts'
import { doneEvent, errorEvent, isStopped, parentOf, stopHard } from './xstate.ts'
import { errorOfExit, exitWith, isCleanExit, reasonOfOutput, type ExitReason } from '../base/exit-reason.ts'

/** The event that a trapping actor receives instead of ending. */
export interface ExitEvent {
  readonly type: 'exit'
  /** The actor that has ended, or that has sent the signal. */
  readonly from: AnyActorRef
  readonly reason: ExitReason
}

/**
 * The field with the reason for which an actor is stopped. It is on the actor itself because a WeakMap costs more to
 * collect; see the row "stop … children" of the supervisor benchmark.
 */
export const EXIT_REASON = Symbol('exit reason')

interface Marked {
  [EXIT_REASON]?: ExitReason
}

const trapping = new WeakSet<AnyActorRef>()

/**
 * Ends an actor at once, as if by its own `exit(reason)`: what waits in its mailbox is dropped, XState's clean-ups run,
 * exit actions do not, and nothing can trap it. An actor in the middle of an event ends after that event. Links and
 * monitors see the reason, then its supervisor does. A machine that has invoked the actor sees it done if the reason is
 * clean, else failed.
 *
 * `exit(ref, { type: 'killed' })` is OTP's `exit(Pid, kill)` (L03). An actor that is over stays as it is.
 */
export function exit(ref: AnyActorRef, reason: ExitReason): void {
  if (isOver(ref) || !recordExit(ref, reason)) return
  whenOver(ref, () => {
    // The actor may have ended by itself in the current event. Then XState tells the parent.
    if (endOf(ref) === undefined) tellParent(ref, reason)
  })
  stopHard(ref)
}

/**
 * An exit signal from one actor to another, OTP's `exit(Pid, Reason)`. `killed` ends it, whatever it does about exits
 * (L03). Otherwise a trapping actor receives `{ type: 'exit', from, reason }` (L06), a supervisor listens to its parent
 * only (L09), `normal` means nothing to an actor that does not trap (L05), and any other reason ends it.
 */
export function exitSignal(to: AnyActorRef, reason: ExitReason, from: AnyActorRef): void {
  if (reason.type === 'killed') exit(to, reason)
  else deliverExit(to, reason, from)
}

/** As {@link exitSignal}, but `killed` is a reason like others: the exit of a linked actor, not an order (L04). */
export function deliverExit(to: AnyActorRef, reason: ExitReason, from: AnyActorRef): void {
  if (isOver(to)) return
  if (isSupervisor(to.getSnapshot())) {
    if (parentOf(to) === from) to.send({ type: 'supervisor.shutdown', reason })
  } else if (trapping.has(to)) to.send({ type: 'exit', from, reason } satisfies ExitEvent)
  else if (reason.type !== 'normal') exit(to, reason)
}

/**
 * From now on the actor receives the exits of others as `{ type: 'exit', from, reason }` events, in order with its
 * other messages, instead of dying with them; OTP's `process_flag(trap_exit, true)`. Any actor can, machines for
 * instance with `entry: ({ self }) => trapExit(self)`. Supervisors always trap. Default for all others: not trapping.
 */
export function trapExit(ref: AnyActorRef, on = true): void {
  if (on) trapping.add(ref)
  else trapping.delete(ref)
}

export function isTrapping(ref: AnyActorRef): boolean {
  return trapping.has(ref)
}

/**
 * Why the actor has ended; `undefined` while it has not. An actor that XState has stopped without a recorded reason
 * counts as `killed`.
 */
export function exitReasonOf(ref: AnyActorRef): ExitReason | undefined {
  return isOver(ref) ? (endOf(ref) ?? orderedExit(ref) ?? { type: 'killed' }) : undefined
}

/**
 * Records why an actor is going to be stopped hard, for links and monitors. The first reason counts; returns true if it
 * is this one.
 */
export function recordExit(ref: AnyActorRef, reason: ExitReason): boolean {
  if (orderedExit(ref) !== undefined) return false
  ;(ref as Marked)[EXIT_REASON] = reason
  return true
}

/** The recorded reason, also while the actor is still ending. */
export function orderedExit(ref: AnyActorRef): ExitReason | undefined {
  return (ref as Marked)[EXIT_REASON]
}

/** True if the actor has ended in any way, even before observers are told. */
export function isOver(ref: AnyActorRef): boolean {
  if ((ref.getSnapshot() as { status: string }).status !== 'active') return true
  return isStopped(ref)
}

/**
 * Calls `tell` once, in the turn in which the actor ends. Never for an actor that has ended already: XState does not
 * notify late observers. As with any observer, XState then does not throw an error of the actor.
 */
export function whenOver(ref: AnyActorRef, tell: (reason: ExitReason) => void): Subscription {
  const over = (): void => {
    tell(exitReasonOf(ref) ?? { type: 'killed' })
  }
  return ref.subscribe({ error: over, complete: over })
}

/** The exit reason of an actor that is not running: an `error` whose STOPPED error has `details.reason: 'noproc'`. */
export function noproc(ref: AnyActorRef): ExitReason {
  const error = new TerrariumError('STOPPED', `actor ${ref.id} is not running`, {
    details: { reason: 'noproc', actor: ref.id },
  })
  return { type: 'error', error }
}

/** The reason with which an actor has ended by itself; `undefined` if it has not. */
function endOf(ref: AnyActorRef): ExitReason | undefined {
  const { status, output, error } = ref.getSnapshot() as { status: string; output: unknown; error: unknown }
  if (status === 'done') return reasonOfOutput(output)
  return status === 'error' ? { type: 'error', error } : undefined
}

/** Tells the parent of an actor that `exit()` has ended. XState tells it only of an actor's own end. */
function tellParent(ref: AnyActorRef, reason: ExitReason): void {
  const parent = parentOf(ref)
  if (parent === undefined || isOver(parent)) return
  const { id } = ref
  if (isSupervisor(parent.getSnapshot())) parent.send({ type: 'supervisor.child.exited', id, ref, reason })
  else if (isCleanExit(reason)) {
    parent.send(doneEvent(id, reason.type === 'normal' ? reason.output : exitWith(reason)))
  } else parent.send(errorEvent(id, errorOfExit(id, reason)))
}
