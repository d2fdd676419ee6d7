import type { ExitReason } from '../exit-reason.ts'
import { kill, settleStopped } from './lifecycle.ts'
import { run } from './task.ts'
import { emit, refuse, stoppedError, type Turn } from './turn.ts'

/**
 * Stops all children, in reverse start order unless they are dynamic, and then ends. Whatever was going on or waiting is
 * given up.
 */
export function end(turn: Turn, reason: ExitReason): void {
  if (!abandon(turn, 'stopping')) return
  run(turn, {
    stops: [...turn.state.children.keys()],
    starts: [],
    parallel: turn.state.settings.kind !== 'static',
    done: (later) => {
      finish(later, reason)
      later.effects.push({ type: 'exit', reason })
    },
    failed: () => undefined,
  })
}

/** Kills all children in reverse start order: the supervisor's own actor is being stopped hard. */
export function halt(turn: Turn): void {
  const stopping = turn.state.phase === 'stopping'
  if (!abandon(turn, 'stopped') && !stopping) return
  turn.state.task = undefined
  for (const child of [...turn.state.children.values()].reverse()) {
    if (child.isAlive) kill(turn, child, { type: 'killed' })
    settleStopped(turn, child)
  }
  finish(turn, { type: 'killed' })
}

function abandon(turn: Turn, phase: 'stopping' | 'stopped'): boolean {
  const { state } = turn
  if (state.phase === 'stopping' || state.phase === 'stopped') return false
  state.phase = phase
  const { task } = state
  state.task = undefined
  task?.aborted?.(turn)
  for (let pending = state.queue.shift(); pending !== undefined; pending = state.queue.shift()) {
    if (pending.type === 'call') refuse(turn, pending.reply, stoppedError(state.settings.id))
  }
  return true
}

function finish(turn: Turn, reason: ExitReason): void {
  turn.state.phase = 'stopped'
  emit(turn, { type: 'supervisor.exit', supervisor: turn.state.settings.id, reason })
}
