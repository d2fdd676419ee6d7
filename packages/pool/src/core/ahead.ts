// Calls that are sent ahead: to a worker whose places are taken, so that it has its next calls without the way there
// and back. They count as calls that wait. They are asked back from a worker that is silent, and for a worker that is
// free.
import type { Call } from './call.ts'
import { SHORT, type Pace } from './pace.ts'
import type { Slot } from './slot.ts'
import { queuedIn, type PoolState } from './state.ts'
import { setTimer, type Turn } from './turn.ts'

/** The longest arguments of a call that is sent ahead, and of all that are ahead of one worker, in bytes. */
const MOST_BYTES = 16 * 1024
const MOST_BYTES_AHEAD = 64 * 1024
/** Calls ahead of a worker that has not answered for so long are asked back, in ms. */
export const SILENCE = 10
/**
 * A silent worker is looked at twice, in ms of its silence. Between the two looks the event loop reads what has come,
 * so that a host that stood still hears the worker first.
 */
const FIRST_LOOK = 9
const BETWEEN_LOOKS = 1
/** Sums of times are rounded, in ms. */
const ROUNDING = 1e-6
/** Less work, or a shorter pause, is not worth the way back to another worker, in ms. */
const WORTH_SHARING = 1

/**
 * The slot to whose worker the call may be sent ahead: the one with the fewest calls ahead; undefined if there is none.
 * To be asked only when no worker has a place for the call.
 */
export function slotAhead({ state, now }: Turn, call: Call): Slot | undefined {
  if (call.suspect || call.deaths > 0 || call.size > MOST_BYTES) return undefined
  if (call.stream !== undefined || call.hasFeeds || call.session !== undefined) return undefined
  const pace = (call.pace ??= state.paces.of(call.tool))
  if (pace?.isShort !== true) return undefined
  let best: Slot | undefined
  let fewest = pace.depth
  for (const slot of state.slots) {
    if (slot.ahead < fewest && isBrisk(slot, now) && hasRoom(slot, call)) {
      best = slot
      fewest = slot.ahead
    }
  }
  return best
}

/** All that its worker has are short calls of ordinary tools, which it works off without a pause. */
const isBrisk = (slot: Slot, now: number): boolean =>
  slot.isOpen &&
  slot.reportsBegun &&
  slot.notShort === 0 &&
  slot.recalled === 0 &&
  slot.hosts === 0 &&
  slot.bound.size === 0 &&
  now - slot.since < SHORT

const hasRoom = (slot: Slot, call: Call): boolean =>
  slot.bytesAhead + call.size <= MOST_BYTES_AHEAD && !slot.isAsync(call.tool)

/** The call goes to the slot's worker, which has no place for it. */
export function goAhead(turn: Turn, call: Call, slot: Slot): void {
  const { state, now } = turn
  call.isAhead = call.wentAhead = true
  slot.firstAhead ??= call
  slot.ahead += 1
  slot.bytesAhead += call.size
  state.ahead += 1
  if (state.look === 0) state.look = setTimer(turn, { type: 'look' }, FIRST_LOOK - (now - slot.since))
}

/** The call has a place, or is about to leave its slot: it is not ahead any more. */
export function endAhead(state: PoolState, call: Call, slot: Slot): void {
  call.isAhead = false
  if (slot.firstAhead === call) {
    let { next } = call
    while (next !== undefined && !next.isAhead) ({ next } = next) // it has begun before calls that wait for their batch
    slot.firstAhead = next
  }
  slot.ahead -= 1
  slot.bytesAhead -= call.size
  state.ahead -= 1
}

/** The worker has answered a call that it had begun: how long the tool takes is learned from that. */
export function learn({ state, now }: Turn, call: Call, slot: Slot): void {
  if (call.isAsync) return
  const ms = now - slot.since
  slot.since = now
  if (call.stream !== undefined || call.hasFeeds) return
  const pace = (call.pace ??= state.paces.of(call.tool))
  if (pace === undefined) state.paces.add(call.tool, ms)
  else if (pace.answered(ms)) markLong(state, pace)
}

/** The tool is not short any more: nothing is sent ahead behind its calls. */
function markLong({ slots }: PoolState, pace: Pace): void {
  for (const slot of slots) {
    for (let call = slot.calls.first; call !== undefined; call = call.next) {
      if (call.pace !== pace || !call.isShort) continue
      call.isShort = false
      slot.notShort += 1
    }
  }
}

/** Asks the worker to give the call back if it has not begun, unless it was asked before. */
export function askBack({ effects, now }: Turn, call: Call, slot: Slot): void {
  if (call.recalled || call.state === 'settled') return
  call.recalled = true
  call.recalledAt = now
  slot.recalled += 1
  effects.push({ type: 'cancel', call, slot, unlessBegun: true })
}

/** Asks for all calls that are ahead of the slot's worker. Tells whether it was asked for any for the first time. */
export function askAllBack(turn: Turn, slot: Slot): boolean {
  const before = slot.recalled
  for (let call = slot.firstAhead; call !== undefined; call = call.next) if (call.isAhead) askBack(turn, call, slot)
  return slot.recalled > before
}

/** While calls are ahead: asks them back from workers that are silent. */
export function look(turn: Turn): void {
  const { state, now } = turn
  state.look = 0
  let next = Infinity
  for (const slot of state.slots) {
    if (slot.ahead === 0) continue
    const silent = now - slot.since + ROUNDING
    if (silent < FIRST_LOOK) next = Math.min(next, FIRST_LOOK - silent)
    else if (slot.lookedAt !== slot.since || silent < SILENCE) {
      slot.lookedAt = slot.since
      next = Math.min(next, SILENCE - silent)
    } else isSilent(turn, slot, silent)
  }
  if (next < Infinity) state.look = setTimer(turn, { type: 'look' }, Math.max(BETWEEN_LOOKS, next))
  share(turn, 0)
}

/** The tool that runs is to blame, once for each silence. */
function isSilent(turn: Turn, slot: Slot, silent: number): void {
  const pace = slot.running?.pace
  if (!askAllBack(turn, slot) || pace === undefined) return
  pace.keptWaiting(silent)
  markLong(turn.state, pace)
}

/**
 * No call waits in the queue. If a worker has had no call for `worth` ms, the later half of the calls that are ahead of
 * another worker is asked back for it, if they are `worth` ms of work or more: of the worker that has the most. At once
 * would be too early: the callers that have just been answered make their next calls in a moment.
 */
export function share(turn: Turn, worth = WORTH_SHARING): void {
  const { state, now } = turn
  if (state.ahead === 0 || queuedIn(state) > state.ahead || !hasFree(state, now - worth)) return
  let busiest: Slot | undefined
  let most = worth
  for (const slot of state.slots) {
    if (slot.ahead === 0 || slot.recalled > 0 || slot.overdue > 0 || workAhead(slot) < most) continue
    busiest = slot
    most = workAhead(slot)
  }
  if (busiest === undefined) return
  let call = busiest.calls.last
  for (let left = Math.ceil(busiest.ahead / 2); left > 0 && call !== undefined; call = call.previous) {
    if (!call.isAhead) continue
    askBack(turn, call, busiest)
    left -= 1
  }
}

/** About how long the worker takes for the calls that are ahead of it, in ms. */
const workAhead = ({ ahead, firstAhead }: Slot): number => ahead * (firstAhead?.pace?.time ?? 0)

/** Whether a worker takes calls, and has had none since then. */
function hasFree({ slots }: PoolState, then: number): boolean {
  for (const slot of slots) if (slot.isOpen && slot.calls.size === 0 && slot.since <= then) return true
  return false
}
