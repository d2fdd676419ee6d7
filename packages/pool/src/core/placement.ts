// Which call goes to which worker: in order of arrival, calls that are run again first, the least busy worker. A call
// for which no worker has a place may be sent ahead.
import { TerrariumError } from '@terrarium/supervisor/base'
import { endAhead, goAhead, share, slotAhead } from './ahead.ts'
import { endHostCalls } from './host-time.ts'
import type { Call, CallList } from './call.ts'
import type { Lanes } from './lanes.ts'
import * as sessions from './sessions.ts'
import type { Slot } from './slot.ts'
import { queuedIn, type PoolState } from './state.ts'
import * as stream from './stream.ts'
import type { ToolSessionState } from './tool-session.ts'
import { placeInTurn, type Placing } from './turns.ts'
import { clearTimer, refusalOf, type Turn } from './turn.ts'

/** A caller asks for a call. `isWatched`: it has a deadline or a signal, which are watched before it is placed. */
export function offer(turn: Turn, call: Call, isWatched: boolean): void {
  const { state, effects, now } = turn
  const { use } = call
  const refusal = refusalOf(state) ?? saturation(state, call) ?? (use && sessions.join(turn, call, use))
  if (refusal !== undefined) {
    call.state = 'settled'
    effects.push({ type: 'refuse', call, error: refusal })
    return
  }
  state.counts.accepted += 1
  call.order = state.counts.accepted
  call.since = now
  if (call.timeout !== undefined) call.deadline = now + call.timeout
  const { session } = call
  if (call.parent !== undefined) state.nested.add(call)
  else if (session !== undefined) sessions.queue(state, call, session)
  else if (isWatched) state.waiting.add(call)
  else if (goesAtOnce(turn, call)) return
  else state.waiting.add(call)
  if (isWatched) effects.push({ type: 'watch', call })
  else pump(turn)
}

/** Hands the call to a worker if no other call waits and a worker can take it: it need not visit the queue. */
function goesAtOnce(turn: Turn, call: Call): boolean {
  const { nested, again, waiting, inSessions, isPaused } = turn.state
  if (isPaused || nested.size > 0 || again.size > 0 || waiting.size > 0 || inSessions > 0) return false
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
  const { tool, parent, use } = call
  const { nested, waiting, ahead, inSessions } = state
  if ((parent === undefined ? waiting.size + ahead + inSessions : nested.size) < queueLimit) return undefined
  // It does not have to wait.
  const home = use === undefined ? undefined : state.sessions.get(use.id)?.home
  if (parent !== undefined) {
    const isFree =
      home === undefined ? freeSlotNested(state, call) !== undefined : hasRoom(state, home) && !isBehindHost(home, call)
    if (isFree) return undefined
  } else if (!state.isPaused && queuedIn(state) === 0) {
    const isFree = home === undefined ? freeSlot(state, false) !== undefined : hasRoom(state, home)
    if (isFree) return undefined
  }
  return new TerrariumError('POOL_SATURATED', `pool ${pool}: ${queueLimit} calls are waiting already`, {
    hint: 'Call less at once, or raise `size` or `queueLimit`.',
    details: { pool, queueLimit, tool },
  })
}

/** Hands waiting calls to workers, as many as can take one. */
export function pump(turn: Turn): void {
  const { nested, isPaused } = turn.state
  if (nested.size > 0) placeNested(turn)
  if (!isPaused) placeOthers(turn)
  if (nested.size > 0) sessions.refuseHastyNested(turn)
}

function placeOthers(turn: Turn): void {
  const { again, inSessions } = turn.state
  const isDone = place(turn, again)
  if (inSessions > 0) placeSessions(turn, isDone)
  else if (isDone && place(turn, turn.state.waiting.inUse)) share(turn)
}

/** Calls of sessions wait: they take turns with the others. `mayPlace`: none is left that goes before all. */
function placeSessions(turn: Turn, mayPlace: boolean): void {
  const { state } = turn
  if (mayPlace) placeInTurn(turn, PLACING)
  sessions.refuseHasty(turn)
  // Calls of strict sessions wait for their own workers alone.
  if (mayPlace && state.queues.size === 0) place(turn, state.waiting.inUse)
}

/** Tells whether no call is left there afterwards. */
function place(turn: Turn, calls: CallList | Lanes): boolean {
  for (let call = calls.first; call !== undefined; call = calls.first) {
    const free = slotFor(turn.state, call)
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
    const { session } = call
    const slot = session === undefined ? freeSlotNested(turn.state, call) : slotNested(turn.state, call, session)
    if (slot === undefined) continue
    nested.delete(call)
    hand(turn, call, slot, false)
  }
}

/** As {@link freeSlot}, but for a place behind a main thread that waits for a function of the host. */
function freeSlotNested({ slots, settings }: PoolState, call: Call): Slot | undefined {
  let best: Slot | undefined
  let fewest = call.suspect ? 1 : settings.concurrency
  for (const slot of slots) {
    if (slot.inFlight >= fewest || !slot.isOpen || isBehindHost(slot, call)) continue
    best = slot
    fewest = slot.inFlight
  }
  return best
}

const slotNested = (state: PoolState, call: Call, session: ToolSessionState): Slot | undefined =>
  sessions.slotOf(state, call, session, (slot) => !isBehindHost(slot, call))

/** The call would wait behind a main thread that waits for a function of the host. */
const isBehindHost = (slot: Slot, { tool }: Call): boolean =>
  slot.hosts > 0 && !slot.isAsync(tool) && (slot.running?.hosts ?? 0) > 0

/** The slot for a call that is not nested. Behind a main thread that waits it would be asked back for a nested call. */
function slotFor(state: PoolState, call: Call): Slot | undefined {
  const { session } = call
  if (session !== undefined)
    return state.nested.size > 0 ? slotNested(state, call, session) : sessions.slotOf(state, call, session)
  return state.nested.size > 0 ? freeSlotNested(state, call) : freeSlot(state, call.suspect)
}

const hasRoom = ({ settings }: PoolState, slot: Slot): boolean => slot.isOpen && slot.inFlight < settings.concurrency

const PLACING: Placing = {
  free: slotFor,
  hand: (turn, call, slot) => {
    hand(turn, call, slot, false)
  },
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
  if (call.session !== undefined) sessions.enter(turn, call, call.session, slot)
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
  endAhead(turn.state, call, slot)
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
  if (call.isAhead) endAhead(turn.state, call, slot)
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
  call.batchOf = undefined
  call.timer = 0
  if (call.stream !== undefined) stream.end(turn, call, call.stream)
  if (call.session !== undefined) sessions.leave(turn, call.session)
}

/** The call waits again, before all that have not been with a worker. `begun`: the worker may have begun it. */
export function waitAgain({ state, now }: Turn, call: Call, begun: boolean): void {
  const { session } = call
  if (!begun) call.attempts -= 1
  call.state = 'queued'
  call.since = now
  if (call.parent !== undefined) state.nested.putBack(call)
  else if (session?.isStrict === true) sessions.putBack(state, call, session)
  else state.again.add(call)
}

/** A call that was sent ahead, and never had a place, is in the queue again as if it had not been sent. */
export function putBack({ state }: Turn, call: Call): void {
  state.waiting.putBack(call)
}
