// The steps in the life of one child: start, ready, stop, kill, exit, forgotten.
import { TerrariumError } from '../base/errors.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { plainError } from '../base/plain-error.ts'
import type { Because } from '../spec/because.ts'
import { credit } from './assess.ts'
import { causeOf } from './cause.ts'
import type { Death, Ended } from './event.ts'
import type { Child } from './state.ts'
import { about, clearTimer, emit, setTimer, type Turn } from './turn.ts'

/** Begins a new incarnation. */
export function start(turn: Turn, child: Child): void {
  clearTimer(turn, child)
  child.state = 'starting'
  child.incarnation += 1
  turn.state.lastStartNumber += 1
  child.startNumber = turn.state.lastStartNumber
  child.ref = undefined
  child.startedWith = child.spec
  child.startedAt = turn.now
  child.readyAt = undefined
  child.isHeld = false
  child.ended = undefined
  child.trouble.release()
  turn.effects.push({ type: 'start', child, startNumber: child.startNumber })
  if (child.spec.startTimeout !== undefined) setTimer(turn, child, child.spec.startTimeout)
}

export function becomeReady(turn: Turn, child: Child): void {
  clearTimer(turn, child)
  child.state = 'running'
  child.readyAt = turn.now
  const { id, incarnation, ref } = child
  if (ref === undefined) return
  child.knownAs = ref
  if (child.trouble.probing) emit(turn, { type: 'child.unparked', ...about(turn, child) })
  emit(turn, { type: 'child.ready', supervisor: turn.state.settings.id, id, incarnation, ref })
}

/**
 * Stops a child so that it stays down. Returns true if the child is asked to end, false if it is down already. An exit
 * that still waits in the queue is dropped (D12, J05).
 */
export function stop(turn: Turn, child: Child): boolean {
  if (!child.isAlive || child.ref === undefined) {
    settleStopped(turn, child)
    return false
  }
  clearTimer(turn, child)
  child.state = 'stopping'
  turn.effects.push({ type: 'shutdown', child })
  return true
}

/** Starts the shutdown time of a child that has been asked to end. */
export function asked(turn: Turn, child: Child): void {
  const { shutdown } = child.startedWith
  if (typeof shutdown === 'number') setTimer(turn, child, shutdown)
}

/** Stops the actor hard and declares it exited, whether or not it can be stopped. */
export function kill(turn: Turn, child: Child, death: Death): Ended {
  if (child.ref !== undefined) turn.effects.push({ type: 'kill', ref: child.ref })
  return ended(turn, child, death)
}

/** Records an exit. A child that was asked to end has ended for the reason for which it was asked. */
export function ended(turn: Turn, child: Child, death: Death): Ended {
  credit(turn, child)
  const { reason, random, time, incident } = death
  const because = child.state === 'stopping' ? child.cause : causeOf(turn, child, death)
  declareDead(turn, child, reason, because)
  return { reason, random, time, incident, because }
}

/** Declares the actor of a child exited, and emits `child.exit`. */
export function declareDead(turn: Turn, child: Child, reason: ExitReason, because: Because | undefined): void {
  clearTimer(turn, child)
  child.ended = child.state === 'stopping' ? 'asked' : reason
  const { id, incarnation, ref } = child
  if (ref === undefined) return
  emit(turn, { type: 'child.exit', supervisor: turn.state.settings.id, id, incarnation, ref, reason, because })
  child.lastRef = ref
  child.ref = undefined
}

/**
 * Marks a child as stopped. A temporary or dynamic child is deleted (C09, D06, J07, K06), unless it is a dynamic child
 * that comes back with its group. A child that is parked when the supervisor ends stays parked in the next life (X22).
 */
export function settleStopped(turn: Turn, child: Child): void {
  clearTimer(turn, child)
  const { children, settings, phase } = turn.state
  const isEnding = phase === 'stopping' || phase === 'stopped'
  const isForgotten = child.restart === 'temporary' || (settings.kind !== 'static' && (!child.isHeld || isEnding))
  if (isForgotten) children.delete(child.id)
  else if (isEnding && child.state === 'parked') return
  child.state = 'stopped'
  child.death = undefined
  child.trouble.settle()
  if (child.trouble.probing) child.troubled.probing = false
}

export function startFailed(supervisor: string, child: string, cause: unknown): TerrariumError {
  const { message } = plainError(cause)
  return new TerrariumError('START_FAILED', `child ${child} of supervisor ${supervisor} did not start: ${message}`, {
    hint: cause instanceof TerrariumError ? cause.hint : undefined,
    cause,
    details: { supervisor, child },
  })
}

export function notReadyInTime(child: Child, timeout: number): TerrariumError {
  return new TerrariumError('START_FAILED', `child ${child.id} was not ready within ${timeout} ms`, {
    hint: 'Raise `startTimeout`, or look at what the child waits for.',
    details: { child: child.id, timeout },
  })
}
