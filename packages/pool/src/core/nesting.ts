// Nested calls: a function of the host, which a tool waits for, makes a call of the same pool. When every place that
// such a call could ever get is held by calls that wait for calls that wait themselves, it would wait for ever: it is
// refused.
import { askBack } from './ahead.ts'
import type { Call } from './call.ts'
import { isHasty, refuseBusy } from './sessions.ts'
import { reject } from './settle.ts'
import type { Slot } from './slot.ts'
import type { PoolState } from './state.ts'
import { setTimer, type Turn } from './turn.ts'

/** A worker gives back at once what has not begun: what is still there so much later has, in ms. */
const BEGUN_AFTER = 20

/**
 * Refuses nested calls that would wait for ever, the newest first, until the others can go on. To be asked after every
 * event while nested calls wait.
 */
export function refuseStuck(turn: Turn): void {
  const { state } = turn
  if (isMoving(state)) return
  for (const slot of state.slots) askBackBehind(turn, slot)
  for (;;) {
    const stuck = stuckIn(turn)
    let newest: Call | undefined
    for (let call = state.nested.first; call !== undefined; call = call.next) if (stuck.has(call)) newest = call
    if (newest === undefined) return
    state.nested.delete(newest)
    const { session } = newest
    if (session !== undefined && isHasty(session)) refuseBusy(turn, newest, session)
    else refuse(turn, newest)
  }
}

/** A quick look: for each nested call a worker that may have a place for it moves. */
function isMoving({ slots, nested }: PoolState): boolean {
  if (!slots.some(moves)) return false
  for (let call = nested.first; call !== undefined; call = call.next) {
    const home = call.session?.home
    if (home !== undefined && !moves(home)) return false
  }
  return true
}

/** The worker takes calls soon, or runs no call that waits for functions of the host. */
function moves({ occupant, parked, probing, hosts, overdue }: Slot): boolean {
  if (occupant !== 'ready') return occupant !== 'doomed' && (parked === undefined || probing)
  return hosts === 0 || overdue > 0
}

/**
 * Calls do not wait for a main thread that waits itself, while nested calls need their places. A call that may be in
 * one batch with a call that waits is asked for too: if it is not given back, it has begun.
 */
function askBackBehind(turn: Turn, slot: Slot): void {
  if (slot.hosts === 0) return
  const { state, now } = turn
  const doesMainWait = (slot.running?.hosts ?? 0) > 0
  for (let { first: call } = slot.calls; call !== undefined; call = call.next) {
    if (call.hosts > 0) continue
    const isInBatch = call.batchOf !== call && (call.batchOf?.hosts ?? 0) > 0
    if (isInBatch || (doesMainWait && !call.isAsync)) askBack(turn, call, slot)
    if (isInBatch && state.stuckTimer === 0 && now - call.recalledAt < BEGUN_AFTER)
      state.stuckTimer = setTimer(turn, { type: 'stuck' }, BEGUN_AFTER)
  }
}

/**
 * The calls that cannot go on, whatever the other calls do: a nested call that waits and could only get a place that is
 * held by such a call; a call that waits for functions of the host whose nested calls are all such calls; and a call in
 * one batch with such a call. All that may be are taken first, and then the others are left out, until none is left to
 * leave out.
 */
function stuckIn({ state, now }: Turn): Set<Call> {
  const stuck = new Set<Call>()
  const children = new Map<Call, Call[]>()
  const note = (call: Call): void => {
    const { parent } = call
    if (parent === undefined || call.state === 'settled') return
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [call])
    else siblings.push(call)
  }
  for (let call = state.nested.first; call !== undefined; call = call.next) {
    stuck.add(call)
    note(call)
  }
  for (const slot of state.slots) {
    for (let call = slot.calls.first; call !== undefined; call = call.next) {
      note(call)
      if (hasBegunWithOther(call, now)) stuck.add(call)
    }
  }
  for (const call of children.keys()) if (call.hosts > 0 && call.slot !== undefined) stuck.add(call)
  for (let size = -1; size !== stuck.size;) {
    size = stuck.size
    /** A tool gets the same places whichever call of it asks. */
    const known = new Map<string, boolean>()
    for (const call of stuck) {
      if (call.slot !== undefined) {
        const { batchOf } = call
        if (batchOf !== undefined && batchOf !== call && !stuck.has(batchOf)) stuck.delete(call)
        if (children.get(call)?.some((child) => !stuck.has(child)) === true) stuck.delete(call)
        continue
      }
      const home = call.session?.home
      let mayGet = call.suspect || home !== undefined ? undefined : known.get(call.tool)
      if (mayGet === undefined) {
        const slots = home === undefined ? state.slots : [home]
        mayGet = slots.some((slot) => mayGetPlace(slot, call, stuck, state.settings.concurrency))
        if (!call.suspect && home === undefined) known.set(call.tool, mayGet)
      }
      if (mayGet) stuck.delete(call)
    }
  }
  return stuck
}

/** Whether the slot may have a place for the call some time, if none of the stuck calls ever ends. */
function mayGetPlace(slot: Slot, call: Call, stuck: ReadonlySet<Call>, concurrency: number): boolean {
  if (slot.occupant !== 'ready' && slot.occupant !== 'doomed') return slot.parked === undefined || slot.probing
  if (slot.overdue > 0) return true
  let held = 0
  for (let each = slot.calls.first; each !== undefined; each = each.next) if (stuck.has(each)) held += 1
  if (slot.occupant === 'doomed' || slot.isolated || call.suspect) return held === 0 // all of its calls have to end
  const { running } = slot
  if (running !== undefined && stuck.has(running) && !slot.isAsync(call.tool)) return false
  return held < concurrency
}

/** The call was asked back and is still there: it has begun, in one batch with `batchOf`. */
function hasBegunWithOther(call: Call, now: number): boolean {
  const { batchOf, recalled, recalledAt } = call
  return batchOf !== undefined && batchOf !== call && recalled && now - recalledAt >= BEGUN_AFTER
}

const MORE_PLACES =
  'Raise `size` above the depth of such calls, make the tools async and raise `concurrency`, or use another pool.'
const ONE_WORKER =
  'Make the tools of the session async and raise `concurrency`, or give the function what it needs as an argument.'

function refuse(turn: Turn, call: Call): void {
  const cycle = call.nested?.path ?? [call.tool]
  const { pool, size, concurrency } = turn.state.settings
  const home = call.session?.home
  const whom = home === undefined ? 'no worker' : `worker ${home.id}`
  const never = home === undefined ? 'can become free' : 'cannot become free'
  const message = `${call.tool} would wait for ever: ${cycle.join(' → ')}, and ${whom} of pool ${pool} ${never}`
  const hint = home === undefined ? MORE_PLACES : ONE_WORKER
  reject(turn, call, 'DEADLOCK', message, { hint, details: { pool, cycle, size, concurrency } })
}
