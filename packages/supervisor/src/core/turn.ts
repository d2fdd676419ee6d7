import type { SupervisorEvent } from '../spec/events.ts'
import { TerrariumError } from '../base/errors.ts'
import type { Reply } from './call.ts'
import type { Effect, Hook } from './effect.ts'
import type { Fifo } from './fifo.ts'
import type { Child, CoreState } from './state.ts'

/** One call of `decide`: what is known, when it is, and what has been decided so far. */
export interface Turn {
  readonly state: CoreState
  readonly now: number
  readonly effects: Fifo<Effect>
  /** What waits is looked at in the next turn only. */
  pauses: boolean
}

/** Every event says which child of which supervisor it is about. */
export function about({ state }: Turn, { id, incarnation, ref, lastRef }: Child) {
  return { supervisor: state.settings.id, id, incarnation, ref: ref ?? lastRef }
}

export function emit({ effects }: Turn, event: SupervisorEvent): void {
  effects.push(event)
}

/** A function of the user's has failed. */
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

export function answer({ effects }: Turn, reply: Reply, value?: unknown): void {
  effects.push({ type: 'reply', reply, result: { ok: true, value } })
}

export function refuse({ effects }: Turn, reply: Reply, error: TerrariumError): void {
  effects.push({ type: 'reply', reply, result: { ok: false, error } })
}

export function stoppedError(supervisor: string, hint?: string): TerrariumError {
  return new TerrariumError('STOPPED', `supervisor ${supervisor} is not running`, { hint, details: { supervisor } })
}
