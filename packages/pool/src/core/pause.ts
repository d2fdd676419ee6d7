// A pool that hands out no calls: paused until it is resumed, or drained, when no worker has a call any more.
import { TerrariumError } from '@terrarium/supervisor/base'
import { askAllBack } from './ahead.ts'
import { pump } from './placement.ts'
import { withWorkers } from './state.ts'
import type { Turn } from './turn.ts'

/** No call is handed to a worker from now on; calls that were sent ahead are asked back. */
export function pause(turn: Turn): void {
  const { state } = turn
  if (state.isPaused) return
  state.isPaused = true
  for (const slot of state.slots) askAllBack(turn, slot)
}

/** Calls that wait are handed out again. A drain that is not over is given up. */
export function resume(turn: Turn): void {
  const { state, effects } = turn
  if (state.isDraining) {
    const error = new TerrariumError('CANCELLED', `pool ${state.settings.pool} was resumed before it was drained`)
    state.isDraining = false
    effects.push({ type: 'drained', error })
  }
  if (!state.isPaused) return
  state.isPaused = false
  pump(turn)
}

/** Pauses the pool, and says when no call is with a worker. */
export function drain(turn: Turn): void {
  pause(turn)
  turn.state.isDraining = true
}

/** After each event: the drain is over once no call is with a worker. */
export function endDrain({ state, effects }: Turn): void {
  if (!state.isDraining || withWorkers(state) > 0) return
  state.isDraining = false
  effects.push({ type: 'drained', error: undefined })
}
