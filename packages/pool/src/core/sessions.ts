// What happens to the sessions of a pool: their first call begins them, their workers hold their state, and they end by
// close(), by their `ttl`, or with their worker.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call, CallList } from './call.ts'
import type { Lanes } from './lanes.ts'
import { reject } from './settle.ts'
import type { Slot } from './slot.ts'
import type { PoolState } from './state.ts'
import { ToolSessionState, type SessionEnd, type SessionUse } from './tool-session.ts'
import { clearTimer, setTimer, type Turn } from './turn.ts'

/** Sums of times are rounded, in ms. */
const ROUNDING = 1e-6

const WHY: Readonly<Record<SessionEnd, string>> = {
  worker_died: 'its worker has died',
  worker_ended: 'its worker was replaced',
  expired: 'it was idle for longer than its ttl',
  closed: 'it was closed',
}

/** Gives a call the session that its handle asks for. Returns why it is refused instead. */
export function join(turn: Turn, call: Call, use: SessionUse): TerrariumError | undefined {
  const { state, now } = turn
  if (use.isClosed) return closedError(state, use)
  const session = present(turn, use)
  const known = use.session
  if (known !== undefined && known !== session && known.isStrict) return lostError(turn, known)
  if (session !== undefined) {
    const other = differs(state, session, use)
    if (other !== undefined) return other
    if (session.status === 'lost') return lostError(turn, session)
  } else if (state.sessions.size + state.closing.size >= state.settings.sessionLimit) return limitError(state, use)
  const joined = session ?? begin(turn, use)
  joined.since = now
  use.session = call.session = joined
  return undefined
}

/** The session of this id, unless it has been idle for too long, whatever its timer says. */
function present(turn: Turn, { id }: SessionUse): ToolSessionState | undefined {
  const session = turn.state.sessions.get(id)
  if (session === undefined || !hasExpired(turn, session)) return session
  end(turn, session, 'expired')
  return undefined
}

function begin(turn: Turn, use: SessionUse): ToolSessionState {
  const session = new ToolSessionState(use, turn.now)
  turn.state.sessions.set(use.id, session)
  watch(turn, session)
  return session
}

/** A call of a session waits. */
export function queue(state: PoolState, call: Call, session: ToolSessionState): void {
  session.waiting.add(call)
  isQueued(state, session)
  if (session.affinity === 'strict_fail_fast') state.hasty.add(session)
}

/** A call of a strict session waits again, before all of the session that have not been with a worker. */
export function putBack(state: PoolState, call: Call, session: ToolSessionState): void {
  session.waiting.putBack(call)
  isQueued(state, session)
}

function isQueued(state: PoolState, session: ToolSessionState): void {
  state.inSessions += 1
  queuesOf(state, session).add(session.waiting)
}

/** The queues that the queue of a session takes turns with. */
export const queuesOf = (state: PoolState, session: ToolSessionState): Set<Lanes> => session.home?.bound ?? state.queues

/** A call leaves the queue without a worker. */
export function unqueue({ state, now }: Turn, call: Call): void {
  const { session, list } = call
  if (session !== undefined && list !== undefined) {
    session.since = now
    if (list !== state.again && list !== state.nested) state.inSessions -= 1
  }
  list?.delete(call)
}

/** A call of a session is handed to a worker, which gets the session with its first call. */
export function enter({ state, effects }: Turn, call: Call, session: ToolSessionState, slot: Slot): void {
  let number = session.places.get(slot)
  if (number === undefined) {
    state.lastSession += 1
    number = state.lastSession
    session.places.set(slot, number)
    slot.sessions += 1
    // A nested call may begin the session before calls that wait: these wait for its worker from now on.
    if (session.isStrict && state.queues.delete(session.waiting)) slot.bound.add(session.waiting)
    effects.push({ type: 'session.open', slot, number, id: session.id })
  }
  session.inFlight += 1
  call.sessionNumber = number
}

/** A worker has let go of a call of the session. */
export function leave(turn: Turn, session: ToolSessionState): void {
  session.inFlight -= 1
  session.since = turn.now
  watch(turn, session)
}

/**
 * The slot whose worker may run a call of the session now: a worker that holds it, or the worker with the fewest
 * sessions. `suits`: whether the slot may have the call. Default: any may.
 */
export function slotOf(
  state: PoolState,
  call: Call,
  session: ToolSessionState,
  suits?: (slot: Slot) => boolean,
): Slot | undefined {
  const { concurrency } = state.settings
  const { home } = session
  const room = call.suspect && home === undefined ? 1 : concurrency
  let best: Slot | undefined
  for (const slot of home === undefined ? state.slots : [home]) {
    if (slot.inFlight >= room || !slot.isOpen || suits?.(slot) === false) continue
    if (best === undefined || isBetter(session, slot, best)) best = slot
  }
  return best
}

function isBetter({ places }: ToolSessionState, slot: Slot, other: Slot): boolean {
  if (places.has(slot) !== places.has(other)) return places.has(slot)
  if (places.has(slot)) return (places.get(slot) ?? 0) < (places.get(other) ?? 0)
  return slot.sessions === other.sessions ? slot.inFlight < other.inFlight : slot.sessions < other.sessions
}

/** Calls that would have to wait for their worker, and do not want to. */
export function refuseHasty(turn: Turn): void {
  const { state } = turn
  for (const session of state.hasty) {
    const { home } = session
    if (home === undefined && session.waiting.size > 0) continue
    state.hasty.delete(session)
    for (let call = session.waiting.take(); call !== undefined; call = session.waiting.take()) {
      state.inSessions -= 1
      refuseBusy(turn, call, session)
    }
  }
}

/** The same for nested calls. To be asked when no more calls are handed out, which may have begun their sessions. */
export function refuseHastyNested(turn: Turn): void {
  const { nested } = turn.state
  let next: Call | undefined
  for (let call = nested.first; call !== undefined; call = next) {
    next = call.next
    const { session } = call
    if (session === undefined || !isHasty(session)) continue
    nested.delete(call)
    refuseBusy(turn, call, session)
  }
}

/** Calls of the session are refused while its worker has no place for them. */
export const isHasty = ({ affinity, home }: ToolSessionState): boolean =>
  affinity === 'strict_fail_fast' && home !== undefined

/** Refuses a call that has left the queue. */
export function refuseBusy(turn: Turn, call: Call, { id, home }: ToolSessionState): void {
  const message = `worker ${turn.state.settings.pool}/${home?.id ?? ''} has no place for ${call.tool} of session ${id}`
  const hint = 'Try again later, or choose the affinity `strict_queue`, which waits.'
  reject(turn, call, 'WORKER_BUSY', message, { hint, details: { session: id, worker: home?.id } })
}

/** A worker is gone, and with it the state of its sessions; its calls were taken off before. */
export function loseSessions(turn: Turn, slot: Slot, why: SessionEnd, cause: TerrariumError): void {
  const { state, effects } = turn
  if (slot.sessions === 0) return
  slot.sessions = 0
  slot.bound.clear()
  for (const session of [...state.sessions.values(), ...state.closing]) {
    if (!session.places.delete(slot)) continue
    const told = { session: session.id, worker: slot.id, reason: why }
    if (state.closed === undefined) effects.push({ type: 'tell', event: 'session.lost', told })
    if (!session.isStrict) continue
    session.status = 'lost'
    session.end = why
    session.cause = cause
    session.worker = slot.id
    session.since = turn.now
    rejectLost(turn, session)
    watch(turn, session)
  }
}

function rejectLost(turn: Turn, session: ToolSessionState): void {
  const { inSessions, nested } = turn.state
  const { message, hint, cause, details } = lostError(turn, session)
  turn.state.inSessions = inSessions - session.waiting.size
  for (let call = session.waiting.take(); call !== undefined; call = session.waiting.take()) {
    reject(turn, call, 'SESSION_LOST', message, { hint, cause, details })
  }
  for (const call of callsOf(session, nested)) {
    nested.delete(call)
    reject(turn, call, 'SESSION_LOST', message, { hint, cause, details })
  }
}

/** A handle is closed: the session takes no further call, and ends when its last call has ended. */
export function close(turn: Turn, use: SessionUse): void {
  const { state, effects } = turn
  use.isClosed = true
  const session = use.session ?? state.sessions.get(use.id)
  if (session === undefined || session.status === 'ended') {
    effects.push({ type: 'session.closed', use })
    return
  }
  session.closers.push(use)
  letEnd(turn, session)
}

/** The next call of the handle begins a new session, whatever became of the present one. */
export function restart(turn: Turn, use: SessionUse): void {
  const session = use.session ?? turn.state.sessions.get(use.id)
  use.session = undefined
  if (session !== undefined && session.status !== 'ended') letEnd(turn, session)
}

/** Another session of its id may begin; its own calls go on. */
function letEnd(turn: Turn, session: ToolSessionState): void {
  const { state } = turn
  if (state.sessions.get(session.id) === session) state.sessions.delete(session.id)
  state.closing.add(session)
  endClosing(turn)
}

/** After each event: sessions that are to end, and have no call any more. */
export function endClosing(turn: Turn): void {
  for (const session of turn.state.closing) if (isIdle(turn.state, session)) end(turn, session, 'closed')
}

/** The pool ends, and each worker with it. */
export function endAll(turn: Turn): void {
  const { state } = turn
  for (const session of [...state.sessions.values(), ...state.closing]) {
    session.places.clear()
    end(turn, session, 'closed')
  }
}

function end(turn: Turn, session: ToolSessionState, why: SessionEnd): void {
  const { state, effects } = turn
  if (state.sessions.get(session.id) === session) state.sessions.delete(session.id)
  state.closing.delete(session)
  state.hasty.delete(session)
  queuesOf(state, session).delete(session.waiting)
  session.status = 'ended'
  session.end = why
  clearTimer(turn, session.timer)
  session.timer = 0
  for (const [slot, number] of session.places) {
    slot.sessions -= 1
    effects.push({ type: 'session.close', slot, number })
  }
  session.places.clear()
  for (const use of session.closers) effects.push({ type: 'session.closed', use })
}

/** Sets the timer of an idle session. */
function watch(turn: Turn, session: ToolSessionState): void {
  const { ttl, timer, status } = session
  if (ttl === undefined || timer !== 0 || status === 'ended' || session.inFlight > 0) return
  session.timer = setTimer(turn, { type: 'session', session }, ttl)
}

/** The `ttl` of a session may be over. */
export function lookAtSession(turn: Turn, session: ToolSessionState): void {
  session.timer = 0
  const { ttl, since } = session
  if (ttl === undefined || session.status === 'ended') return
  if (hasExpired(turn, session)) end(turn, session, 'expired')
  else if (session.inFlight === 0) {
    const left = isIdle(turn.state, session) ? since + ttl - turn.now : ttl
    session.timer = setTimer(turn, { type: 'session', session }, Math.max(left, ROUNDING))
  }
}

function hasExpired({ state, now }: Turn, session: ToolSessionState): boolean {
  const { ttl, since } = session
  return ttl !== undefined && now - since + ROUNDING >= ttl && isIdle(state, session)
}

function isIdle({ again, nested }: PoolState, session: ToolSessionState): boolean {
  if (session.inFlight > 0 || session.waiting.size > 0) return false
  return callsOf(session, again).length === 0 && callsOf(session, nested).length === 0
}

/** The calls of the session in a list. */
function callsOf(session: ToolSessionState, list: CallList): Call[] {
  const calls: Call[] = []
  for (let call = list.first; call !== undefined; call = call.next) if (call.session === session) calls.push(call)
  return calls
}

function lostError({ state }: Turn, session: ToolSessionState): TerrariumError {
  const { id, end: reason = 'closed', cause, worker } = session
  const message = `session ${id} of pool ${state.settings.pool} has lost its state: ${WHY[reason]}`
  return new TerrariumError('SESSION_LOST', message, {
    hint: 'Call restart() of the session, then its next call begins it anew.',
    cause,
    details: { session: id, reason, ...(worker === undefined ? {} : { worker }) },
  })
}

function limitError({ settings }: PoolState, { id }: SessionUse): TerrariumError {
  const { pool, sessionLimit } = settings
  return new TerrariumError('SESSION_LIMIT', `pool ${pool}: ${sessionLimit} sessions are open already`, {
    hint: 'Close sessions that are not needed, give them a `ttl`, or raise `sessionLimit`.',
    details: { pool, session: id, sessionLimit },
  })
}

function closedError({ settings }: PoolState, { id }: SessionUse): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `session ${id} of pool ${settings.pool} is closed`, {
    hint: 'Make another one with pool.session().',
    details: { session: id },
  })
}

/** Handles of one session may leave options out, but may not differ. */
function differs({ settings }: PoolState, session: ToolSessionState, use: SessionUse): TerrariumError | undefined {
  const { id, affinity, ttl } = session
  const isSame = (use.affinity ?? affinity) === affinity && (use.ttl ?? ttl) === ttl
  if (isSame) return undefined
  const has = `affinity ${affinity} and ttl ${ttl ?? 'none'}`
  return new TerrariumError('INVALID_ARGUMENT', `session ${id} of pool ${settings.pool} is open with ${has}`, {
    hint: 'Give each handle of a session the same options.',
    details: { session: id, affinity, ttl },
  })
}
