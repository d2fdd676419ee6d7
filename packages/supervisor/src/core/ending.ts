import type { ExitReason } from '../exit-reason.ts'
import { kill, settleStopped } from './lifecycle.ts'
import { run, Task } from './task.ts'
import { emit, refuse, stoppedError, type Turn } from './turn.ts'

/**
 * Stops all children, in reverse start order unless they are dynamic, and then ends. Whatever was going on or waiting is
 * given up.
 */
export function end(turn: Turn, reason: ExitReason): void {
  if (abandon(turn, 'stopping')) run(turn, new Ending(turn, reason))
}

class Ending extends Task {
  readonly #reason: ExitReason
  readonly #isParallel: boolean

  constructor({ state }: Turn, reason: ExitReason) {
    super([...state.children.keys()], [])
    this.#reason = reason
    this.#isParallel = state.settings.kind !== 'static'
  }

  override get isParallel(): boolean {
    return this.#isParallel
  }

  override done(turn: Turn): void {
    finish(turn, this.#reason)
    turn.effects.push({ type: 'exit', reason: this.#reason })
  }
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
  task?.aborted(turn)
  for (let pending = state.queue.shift(); pending !== undefined; pending = state.queue.shift()) {
    if (pending.type === 'supervisor.call') refuse(turn, pending.reply, stoppedError(state.settings.id))
  }
  return true
}

function finish(turn: Turn, reason: ExitReason): void {
  turn.state.phase = 'stopped'
  emit(turn, { type: 'supervisor.exit', supervisor: turn.state.settings.id, reason })
}
