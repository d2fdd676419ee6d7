// The end of a supervisor: in order, or at once.
import type { ExitReason } from '../base/exit-reason.ts'
import type { Because } from '../spec/because.ts'
import { credit } from './assess.ts'
import { declareDead, settleStopped } from './lifecycle.ts'
import { abort, IDLE, run, type Purpose } from './task.ts'
import { emit, refuse, stoppedError, type Turn } from './turn.ts'

/**
 * Stops all children, in reverse start order unless they are dynamic, and then ends the supervisor. The current task is
 * aborted, and waiting operations are refused. `because`: the failure for which it ends.
 */
export function end(turn: Turn, reason: ExitReason, because?: Because): void {
  if (!abandon(turn, 'stopping')) return
  const { state } = turn
  const { children, settings } = state
  state.cause = because
  for (const child of children.values()) child.cause = because
  run(turn, settings.kind === 'static' ? ENDING : ENDING_AT_ONCE, reason, [...children.values()], [])
}

const ENDING: Purpose<ExitReason> = {
  done(turn, reason) {
    finish(turn, reason)
    turn.effects.push({ type: 'exit', reason })
  },
}

const ENDING_AT_ONCE: Purpose<ExitReason> = { ...ENDING, isParallel: true }

/**
 * Kills all children in reverse start order, because the supervisor's own actor is being stopped hard or has failed.
 * Children that are supervisors outlive it until they have stopped their own children in order (L15).
 */
export function halt(turn: Turn, reason: ExitReason = { type: 'killed' }, because?: Because): void {
  const stopping = turn.state.phase === 'stopping'
  if (!abandon(turn, 'stopped') && !stopping) return
  turn.state.task = IDLE
  for (const child of [...turn.state.children.values()].reverse()) {
    if (child.isAlive) {
      if (child.ref !== undefined) turn.effects.push({ type: 'kill', ref: child.ref, orphanedBy: reason, because })
      child.cause = because
      credit(turn, child)
      declareDead(turn, child, { type: 'killed' }, because)
    }
    settleStopped(turn, child)
  }
  finish(turn, reason)
}

function abandon(turn: Turn, phase: 'stopping' | 'stopped'): boolean {
  const { state } = turn
  if (state.phase === 'stopping' || state.phase === 'stopped') return false
  state.phase = phase
  abort(turn)
  for (let pending = state.queue.shift(); pending !== undefined; pending = state.queue.shift()) {
    if (pending.type === 'supervisor.call') refuse(turn, pending.reply, stoppedError(state.settings.id))
  }
  return true
}

function finish(turn: Turn, reason: ExitReason): void {
  turn.state.phase = 'stopped'
  emit(turn, { type: 'supervisor.exit', supervisor: turn.state.settings.id, reason })
}
