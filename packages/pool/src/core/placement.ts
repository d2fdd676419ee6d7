// Which call goes to which worker: in order of arrival, calls that are run again first, the least busy worker.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call, CallList } from './call.ts'
import type { Slot } from './slot.ts'
import { queuedIn, type PoolState } from './state.ts'
import { clearTimer, refusalOf, type Turn } from './turn.ts'

/** A caller asks for a call. `isWatched`: it has a deadline or a signal, which are watched before it is placed. */
export function offer(turn: Turn, call: Call, isWatched: boolean): void {
  const { state, effects, now } = turn
  const refusal = refusalOf(state) ?? saturation(state, call)
  if (refusal !== undefined) {
    call.state = 'settled'
    effects.push({ type: 'refuse', call, error: refusal })
    return
  }
  state.counts.accepted += 1
  call.since = now
  if (call.timeout !== undefined) call.deadline = now + call.timeout
  state.waiting.add(call)
  if (isWatched) effects.push({ type: 'watch', call })
  else pump(turn)
}

function saturation(state: PoolState, { tool }: Call): TerrariumError | undefined {
  const { pool, queueLimit } = state.settings
  if (state.waiting.size < queueLimit) return undefined
  if (queuedIn(state) === 0 && freeSlot(state, false) !== undefined) return undefined // it does not have to wait
  return new TerrariumError('POOL_SATURATED', `pool ${pool}: ${queueLimit} calls are waiting already`, {
    hint: 'Call less at once, or raise `size` or `queueLimit`.',
    details: { pool, queueLimit, tool },
  })
}

/** Hands waiting calls to workers, as many as can take one. */
export function pump(turn: Turn): void {
  const { again, waiting } = turn.state
  if (place(turn, again)) place(turn, waiting)
}

/** Tells whether the list is empty afterwards. */
function place(turn: Turn, list: CallList): boolean {
  for (let call = list.first; call !== undefined; call = list.first) {
    const slot = freeSlot(turn.state, call.suspect)
    if (slot === undefined) return false
    list.delete(call)
    hand(turn, call, slot)
  }
  return true
}

/**
 * The slot of the open worker with the fewest calls, among those with room for one more; undefined if there is none. A
 * suspect gets only a worker without calls, and that worker gets no other call meanwhile: `isOpen` is false for it.
 */
function freeSlot({ slots, settings }: PoolState, isSuspect: boolean): Slot | undefined {
  let best: Slot | undefined
  let fewest = isSuspect ? 1 : settings.concurrency
  for (const slot of slots) {
    if (slot.inFlight < fewest && slot.isOpen) {
      best = slot
      fewest = slot.inFlight
    }
  }
  return best
}

function hand({ effects, now }: Turn, call: Call, slot: Slot): void {
  call.state = 'placed'
  call.attempts += 1
  call.waited += now - call.since
  call.since = now
  call.slot = call.lastSlot = slot
  call.lastIncarnation = slot.incarnation
  slot.calls.add(call)
  slot.isolated = call.suspect
  effects.push({ type: 'send', call, slot, timeLeft: timeLeft(call, now) })
}

/** In ms, at least 1; 0 when there is no deadline. */
function timeLeft({ deadline }: Call, now: number): number {
  return deadline === undefined ? 0 : Math.max(1, Math.ceil(deadline - now))
}

/** The slot's worker has let go of the call. */
export function leave(turn: Turn, call: Call, slot: Slot): void {
  slot.calls.delete(call)
  if (slot.inFlight === 0) slot.isolated = false
  if (call.overdue) slot.overdue -= 1
  clearTimer(turn, call.timer)
  call.slot = undefined
  call.overdue = false
  call.recalled = false
  call.timer = 0
}

/** The call waits again, before all that have not been with a worker. `begun`: the worker may have begun it. */
export function waitAgain({ state, now }: Turn, call: Call, begun: boolean): void {
  if (!begun) call.attempts -= 1
  call.state = 'queued'
  call.since = now
  state.again.add(call)
}
