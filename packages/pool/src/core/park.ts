// Workers that are parked by hand: each finishes the calls that it has begun, ends in order, and its slot stays empty
// until it is unparked by hand. No change of the environment and no reload starts it.
import { TerrariumError } from '@terrarium/supervisor/base'
import { askAllBack } from './ahead.ts'
import type { Slot } from './slot.ts'
import type { PoolState } from './state.ts'
import { refusalOf, type Turn } from './turn.ts'

/** A worker is to be parked. Answered with the effect `parkAnswered`. */
export function park(turn: Turn, slot: Slot, why: string | undefined): void {
  const { state, effects } = turn
  if (slot.parking !== undefined) return // it is answered with the first request
  const error = refusal(state)
  if (error !== undefined) {
    effects.push({ type: 'parkAnswered', slot, error })
    return
  }
  slot.parking = { isAsked: false, why }
  if (slot.occupant === 'ready') slot.occupant = 'doomed'
  askAllBack(turn, slot)
  proceedParking(turn, slot)
}

function refusal(state: PoolState): TerrariumError | undefined {
  const { status, reload, settings } = state
  const { pool } = settings
  const isBusy = status === 'starting' ? 'it is starting' : reload === undefined ? undefined : 'it is being reloaded'
  if (isBusy === undefined) return status === 'parked' ? undefined : refusalOf(state)
  return new TerrariumError('INVALID_ARGUMENT', `no worker of pool ${pool} can be parked: ${isBusy}`, {
    hint: 'Wait until that is over.',
    details: { pool },
  })
}

/** After each event: a worker that has no call any more is parked. */
export function proceedParking({ state, effects }: Turn, slot: Slot): void {
  const { parking, calls } = slot
  if (parking === undefined || parking.isAsked || calls.size > 0 || state.isClosing) return
  parking.isAsked = true
  effects.push({ type: 'park', slot, why: parking.why })
}

/** The supervisor of the workers has parked it, or `error` says why it could not. */
export function parkingOver({ effects }: Turn, slot: Slot, error: TerrariumError | undefined): void {
  if (slot.parking === undefined) return
  slot.parking = undefined
  effects.push({ type: 'parkAnswered', slot, error })
}

/** The pool ends: no worker is parked any more. */
export function endParking(turn: Turn, error: TerrariumError): void {
  for (const slot of turn.state.slots) parkingOver(turn, slot, error)
}
