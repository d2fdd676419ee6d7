// Which call goes to which worker: in order of arrival, calls that are run again first, the least busy worker. A call
// for which no worker has a place may be sent ahead.
import { TerrariumError } from '@terrarium/supervisor/base'
import { endAhead, goAhead, share, slotAhead } from './ahead.ts'
import { endHostCalls } from './host-call.ts'
import type { Call, CallList } from './call.ts'
import type { Lanes } from './lanes.ts'
import type { Slot } from './slot.ts'
import { queuedIn, type PoolState } from './state.ts'
import * as stream from './stream.ts'
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
  call.order = state.counts.accepted
  call.since = now
  if (call.timeout !== undefined) call.deadline = now + call.timeout
  if (call.parent !== undefined) state.nested.add(call)
  else if (isWatched) state.waiting.add(call)
  else if (goesAtOnce(turn, call)) return
  else state.waiting.add(call)
  if (isWatched) effects.push({ type: 'watch', call })
  else pump(turn)
}

/** Hands the call to a worker if no other call waits and a worker can take it: it need not visit the queue. */
function goesAtOnce(turn: Turn, call: Call): boolean {
  const { nested, again, waiting, isPaused } = turn.state
  if (isPaused || nested.size > 0 || again.size > 0 || waiting.size > 0) return false
  const free = freeSlot(turn.state, false)
  const slot = free ?? slotAhead(turn, call)
  if (slot === undefined) return false
  hand(turn, call, slot, free === undefined)
  share(turn)
  return true
}

/** Nested calls and others do not take each other's room in the queue. */
function saturation(state: PoolState, call: Call): TerrariumError | undefined {
  const { pool, queueLimit } = state.settings
  const { tool, parent } = call
  if ((parent === undefined ? state.waiting.size + state.ahead : state.nested.size) < queueLimit) return undefined
  // It does not have to wait.
  if (parent !== undefined) {
    if (freeSlotNested(state, call) !== undefined) return undefined
  } else if (!state.isPaused && queuedIn(state) === 0 && freeSlot(state, false) !== undefined) return undefined
  return new TerrariumError('POOL_SATURATED', `pool ${pool}: ${queueLimit} calls are waiting already`, {
    hint: 'Call less at once, or raise `size` or `queueLimit`.',
    details: { pool, queueLimit, tool },
  })
}

/** Hands waiting calls to workers, as many as can take one. */
export function pump(turn: Turn): void {
  const { nested, again, isPaused } = turn.state
  if (nested.size > 0) placeNested(turn)
  if (isPaused) return
  const waiting = turn.state.waiting.inUse
  if (place(turn, again) && place(turn, waiting)) share(turn)
}

/** Tells whether no call is left there afterwards. */
function place(turn: Turn, calls: CallList | Lanes): boolean {
  for (let call = calls.first; call !== undefined; call = calls.first) {
    const { state } = turn
    // Behind a main thread that waits it would only be asked back again.
    const free = state.nested.size > 0 ? freeSlotNested(state, call) : freeSlot(state, call.suspect)
    const slot = free ?? slotAhead(turn, call)
    if (slot === undefined) return false
    calls.take()
    hand(turn, call, slot, free === undefined)
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

/** Hands out every nested call for which there is a place. The pool may be paused: calls in flight wait for them. */
function placeNested(turn: Turn): void {
  const { nested } = turn.state
  let next: Call | undefined
  for (let call = nested.first; call !== undefined; call = next) {
    next = call.next
    const slot = freeSlotNested(turn.state, call)
    if (slot === undefined) continue
    nested.delete(call)
    hand(turn, call, slot, false)
  }
}

/** As {@link freeSlot}, but for a place behind a main thread that waits for a function of the host. */
function freeSlotNested({ slots, settings }: PoolState, { tool, suspect }: Call): Slot | undefined {
  let best: Slot | undefined
  let fewest = suspect ? 1 : settings.concurrency
  for (const slot of slots) {
    if (slot.inFlight >= fewest || !slot.isOpen) continue
    if (slot.hosts > 0 && !slot.isAsync(tool) && (slot.running?.hosts ?? 0) > 0) continue
    best = slot
    fewest = slot.inFlight
  }
  return best
}

function hand(turn: Turn, call: Call, slot: Slot, isAhead: boolean): void {
  const { state, effects, now } = turn
  call.slot = slot
  call.pace ??= state.paces.of(call.tool)
  call.isAsync = slot.isAsync(call.tool)
  call.isShort = !call.isAsync && call.pace?.isShort === true && !call.suspect && call.deaths === 0 && !call.hasFeeds
  if (!call.isShort) slot.notShort += 1
  if (!call.isAsync) {
    if (slot.ordinary === 0) slot.since = now
    slot.ordinary += 1
  }
  slot.calls.add(call)
  if (isAhead) goAhead(turn, call, slot)
  else {
    slot.isolated = call.suspect
    takePlace(turn, call, slot)
  }
  effects.push({ type: 'send', call, slot, timeLeft: timeLeft(call, now) })
}

/** The call has a place on the slot's worker, which may begin it. */
function takePlace(turn: Turn, call: Call, slot: Slot): void {
  const { now } = turn
  if (call.state === 'settled') return
  call.state = 'placed'
  call.attempts += 1
  slot.taken += 1
  call.waited += now - call.since
  call.since = now
  call.lastSlot = slot
  call.lastIncarnation = slot.incarnation
  call.hostTime = 0
  if (call.stream !== undefined) stream.begin(turn, call, call.stream)
}

/** A call that was sent ahead has a place on its worker, or has begun without. */
export function advance(turn: Turn, call: Call, slot: Slot): void {
  endAhead(turn.state, call, slot, call.next)
  takePlace(turn, call, slot)
}

/** In ms, at least 1; 0 when there is no deadline. */
function timeLeft({ deadline }: Call, now: number): number {
  return deadline === undefined ? 0 : Math.max(1, Math.ceil(deadline - now))
}

/** The slot's worker has let go of the call: the first call ahead takes its place. */
export function leave(turn: Turn, call: Call, slot: Slot): void {
  detach(turn, call, slot)
  const { firstAhead } = slot
  if (firstAhead !== undefined && slot.inFlight < turn.state.settings.concurrency) advance(turn, firstAhead, slot)
}

/** Takes a call off its slot, whose calls leave with it. */
export function detach(turn: Turn, call: Call, slot: Slot): void {
  if (call.isAhead) endAhead(turn.state, call, slot, call.next)
  if (call.hosts > 0) endHostCalls(turn, call)
  slot.calls.delete(call)
  if (slot.inFlight === 0) slot.isolated = false
  if (!call.isShort) slot.notShort -= 1
  if (!call.isAsync) slot.ordinary -= 1
  if (call.recalled) slot.recalled -= 1
  if (call.overdue) slot.overdue -= 1
  clearTimer(turn, call.timer)
  call.slot = undefined
  call.wentAhead = call.isLate = false
  call.overdue = false
  call.recalled = false
  call.timer = 0
  if (call.stream !== undefined) stream.end(turn, call, call.stream)
}

/** The call waits again, before all that have not been with a worker. `begun`: the worker may have begun it. */
export function waitAgain({ state, now }: Turn, call: Call, begun: boolean): void {
  if (!begun) call.attempts -= 1
  call.state = 'queued'
  call.since = now
  if (call.parent === undefined) state.again.add(call)
  else state.nested.putBack(call)
}

/** A call that was sent ahead, and never had a place, is in the queue again as if it had not been sent. */
export function putBack({ state }: Turn, call: Call): void {
  state.waiting.putBack(call)
}
