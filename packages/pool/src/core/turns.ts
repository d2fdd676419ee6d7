// Sessions take turns: with each other, and with the calls that belong to none. A call that any worker may run waits in
// one of the queues of the pool, a call of a strict session in one of the queues of its worker.
import type { Call } from './call.ts'
import type { Lanes } from './lanes.ts'
import { queuesOf } from './sessions.ts'
import type { Slot } from './slot.ts'
import type { PoolState } from './state.ts'
import type { Turn } from './turn.ts'

/** What placing a call needs of `placement.ts`. */
export interface Placing {
  /** The slot whose worker has a place for the call. */
  readonly free: (state: PoolState, call: Call) => Slot | undefined
  readonly hand: (turn: Turn, call: Call, slot: Slot) => void
}

/** Hands out calls, one of each queue in turn, until no worker has a place for what waits. */
export function placeInTurn(turn: Turn, placing: Placing): void {
  const { state } = turn
  const { queues, waiting } = state
  for (let isPlaced = true; isPlaced;) {
    if (waiting.size > 0) queues.add(waiting)
    isPlaced = false
    for (const slot of state.slots) if (slot.bound.size > 0 && placeBound(turn, slot, placing)) isPlaced = true
    if (placeNext(turn, placing)) isPlaced = true
  }
  if (queues.size === 1) queues.delete(waiting)
}

/** A worker that has just taken a call of a session of its own takes a call of the others next, if there is one. */
function placeBound(turn: Turn, slot: Slot, placing: Placing): boolean {
  const { queues } = turn.state
  const queue = nextOf(slot.bound)
  const call = queue?.first
  if (queue === undefined || call === undefined || placing.free(turn.state, call) !== slot) return false
  if (slot.servedBound && nextOf(queues) !== undefined) return false
  handNext(turn, slot.bound, queue, slot, placing)
  slot.servedBound = true
  return true
}

function placeNext(turn: Turn, placing: Placing): boolean {
  const { state } = turn
  const queue = nextOf(state.queues)
  const call = queue?.first
  if (queue === undefined || call === undefined) return false
  const slot = placing.free(state, call)
  if (slot === undefined) return false
  handNext(turn, state.queues, queue, slot, placing)
  slot.servedBound = false
  return true
}

/** Hands out the first call of a queue, whose next turn comes after the others. */
function handNext(turn: Turn, queues: Set<Lanes>, queue: Lanes, slot: Slot, placing: Placing): void {
  const { state } = turn
  const call = queue.take()
  queues.delete(queue)
  if (call === undefined) return
  if (call.session !== undefined) state.inSessions -= 1
  placing.hand(turn, call, slot)
  // With its first call a strict session belongs to the worker.
  if (queue.size > 0) (call.session === undefined ? queues : queuesOf(state, call.session)).add(queue)
}

/** The queue whose turn it is. Empty ones are dropped. */
function nextOf(queues: Set<Lanes>): Lanes | undefined {
  for (const queue of queues) {
    if (queue.size > 0) return queue
    queues.delete(queue)
  }
  return undefined
}
