// One run of `decide`, and the small functions by which its parts add effects.
import type { SupervisorEvent } from '../spec/events.ts'
import { TerrariumError } from '../base/errors.ts'
import type { Reply } from './operation.ts'
import type { Effect, Hook } from './effect.ts'
import type { Fifo } from './fifo.ts'
import type { Child, CoreState } from './state.ts'

/** One call of `decide`: the state, the time, and the effects so far. */
export interface Turn {
  readonly state: CoreState
  readonly now: number
  readonly effects: Fifo<Effect>
  /** True: entries of the queue wait until the next turn. */
  pauses: boolean
}

/** Every event says which child of which supervisor it is about. */
export function about({ state }: Turn, { id, incarnation, ref, lastRef }: Child) {
  return { supervisor: state.settings.id, id, incarnation, ref: ref ?? lastRef }
}

export function emit({ effects }: Turn, event: SupervisorEvent): void {
  effects.push(event)
}

/** Reports that a hook of the user's has failed. */
export function blame({ effects }: Turn, hook: Hook, error: unknown): void {
  effects.push({ type: 'fault', hook, error })
}

/** Replaces the child's timer. Delay in ms. */
export function setTimer(turn: Turn, child: Child, delay: number): void {
  clearTimer(turn, child)
  turn.state.lastTimer += 1
  child.timer = turn.state.lastTimer
  turn.effects.push({ type: 'setTimer', id: child.id, timer: child.timer, delay })
}

export function clearTimer(turn: Turn, child: Child): void {
  if (child.timer === undefined) return
  turn.effects.push({ type: 'clearTimer', timer: child.timer })
  child.timer = undefined
}

/** Answers an operation. */
export function answer({ effects }: Turn, reply: Reply, value?: unknown): void {
  effects.push({ type: 'reply', reply, result: { ok: true, value } })
}

/** Rejects an operation. */
export function refuse({ effects }: Turn, reply: Reply, error: TerrariumError): void {
  effects.push({ type: 'reply', reply, result: { ok: false, error } })
}

export function stoppedError(supervisor: string, hint?: string): TerrariumError {
  return new TerrariumError('STOPPED', `supervisor ${supervisor} is not running`, { hint, details: { supervisor } })
}
