import type { AnyActorRef, Subscription } from 'xstate'
import { isSupervisor } from '../base/brand.ts'
import { TerrariumError } from '../base/errors.ts'
import { doneEvent, errorEvent, isStopped, parentOf, stopHard } from './xstate.ts'
import { errorOfExit, exitWith, isCleanExit, reasonOfOutput, type ExitReason } from '../base/exit-reason.ts'

/** What a trapping actor receives instead of dying. */
export interface ExitEvent {
  readonly type: 'exit'
  /** Whose exit it is, or who has sent the signal. */
  readonly from: AnyActorRef
  readonly reason: ExitReason
}

/** Why an actor is stopped. On the actor itself: a WeakMap of many thousands costs more to collect than the actors. */
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
    // It may have come to its own end in the event at hand; then XState tells the parent.
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

/** Why the actor is over; `undefined` while it is not. Stopped by XState, and nobody said why: `killed`. */
export function exitReasonOf(ref: AnyActorRef): ExitReason | undefined {
  return isOver(ref) ? (endOf(ref) ?? orderedExit(ref) ?? { type: 'killed' }) : undefined
}

/**
 * For whoever stops an actor hard: with this, links and monitors see why. The first reason counts; tells whether it is
 * this.
 */
export function recordExit(ref: AnyActorRef, reason: ExitReason): boolean {
  if (orderedExit(ref) !== undefined) return false
  ;(ref as Marked)[EXIT_REASON] = reason
  return true
}

/** What was recorded, also while the actor is still ending. */
export function orderedExit(ref: AnyActorRef): ExitReason | undefined {
  return (ref as Marked)[EXIT_REASON]
}

/** Whether the actor has ended, in whatever way, even if nobody has been told yet. */
export function isOver(ref: AnyActorRef): boolean {
  if ((ref.getSnapshot() as { status: string }).status !== 'active') return true
  return isStopped(ref)
}

/**
 * Tells once, in the turn in which the actor ends. Never for one that is over: XState says nothing to those who come
 * late. As with any observer, XState then takes an error of the actor for known and does not throw it.
 */
export function whenOver(ref: AnyActorRef, tell: (reason: ExitReason) => void): Subscription {
  const over = (): void => {
    tell(exitReasonOf(ref) ?? { type: 'killed' })
  }
  return ref.subscribe({ error: over, complete: over })
}

/** What those get who ask for an actor that is over: an `error` whose STOPPED error has `details.reason: 'noproc'`. */
export function noproc(ref: AnyActorRef): ExitReason {
  const error = new TerrariumError('STOPPED', `actor ${ref.id} is not running`, {
    details: { reason: 'noproc', actor: ref.id },
  })
  return { type: 'error', error }
}

/** The end that an actor has come to by itself. */
function endOf(ref: AnyActorRef): ExitReason | undefined {
  const { status, output, error } = ref.getSnapshot() as { status: string; output: unknown; error: unknown }
  if (status === 'done') return reasonOfOutput(output)
  return status === 'error' ? { type: 'error', error } : undefined
}

/** XState tells the parent of nothing but an actor's own end. */
function tellParent(ref: AnyActorRef, reason: ExitReason): void {
  const parent = parentOf(ref)
  if (parent === undefined || isOver(parent)) return
  const { id } = ref
  if (isSupervisor(parent.getSnapshot())) parent.send({ type: 'supervisor.child.exited', id, ref, reason })
  else if (isCleanExit(reason)) {
    parent.send(doneEvent(id, reason.type === 'normal' ? reason.output : exitWith(reason)))
  } else parent.send(errorEvent(id, errorOfExit(id, reason)))
}
