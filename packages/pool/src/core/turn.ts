// What every decision of the core works on, and the few things that many decisions share.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { PoolStatus } from '../api.ts'
import type { EffectSink } from './effect.ts'
import type { Slot } from './slot.ts'
import type { PoolState, Timer } from './state.ts'

/** One event, being dealt with. */
export interface Turn {
  readonly state: PoolState
  /** In ms. */
  readonly now: number
  readonly effects: EffectSink
}

/** Returns the timer's number, which is never 0. */
export function setTimer({ state, effects }: Turn, timer: Timer, delay: number): number {
  state.lastTimer += 1
  state.timers.set(state.lastTimer, timer)
  effects.push({ type: 'setTimer', timer: state.lastTimer, delay })
  return state.lastTimer
}

/** 0 is no timer. */
export function clearTimer({ state, effects }: Turn, timer: number): void {
  if (timer !== 0 && state.timers.delete(timer)) effects.push({ type: 'clearTimer', timer })
}

/** No call is handed to the slot's present worker any more, and the worker is killed. */
export function kill({ effects }: Turn, slot: Slot, error: TerrariumError): void {
  if (slot.occupant === 'ready') slot.occupant = 'doomed'
  effects.push({ type: 'kill', slot, error })
}

/** What a call is refused with, or undefined: the pool takes calls. */
export function refusalOf({ status, parkedBecause, overBecause, settings }: PoolState): TerrariumError | undefined {
  if (status === 'running' || status === 'starting') return undefined
  if (status === 'parked' && parkedBecause !== undefined) return parkedError(settings.pool, parkedBecause)
  if (overBecause !== undefined) {
    const { message, hint, cause, details } = overBecause
    return new TerrariumError('STOPPED', message, { hint, cause, details })
  }
  return new TerrariumError('STOPPED', `pool ${settings.pool} is not running: it is ${status}`, {
    hint: hintFor(settings.hasHandle, status),
    details: { pool: settings.pool },
  })
}

function hintFor(hasHandle: boolean, status: PoolStatus): string {
  if (hasHandle) return status === 'idle' ? 'Call start() first.' : 'Make a new pool with createPool().'
  return status === 'idle'
    ? 'Start the actor of the pool, and wait until it runs.'
    : 'Ask for the actor of the pool anew: a pool that is started again is another actor.'
}

export function parkedError(pool: string, cause: TerrariumError): TerrariumError {
  return new TerrariumError('PARKED', `pool ${pool} is parked: ${cause.message}`, {
    hint: cause.hint,
    cause,
    details: { pool, code: cause.code },
  })
}
