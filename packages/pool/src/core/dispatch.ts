// The mind of a pool: whatever happens comes in as an event, and whatever is to be done goes out as data.
import { look } from './ahead.ts'
import { answered, retireNow } from './answer.ts'
import type { EffectSink } from './effect.ts'
import type { PoolCoreEvent } from './event.ts'
import { answered as hostAnswered, called } from './host-call.ts'
import * as life from './life.ts'
import { park, parkingOver, proceedParking } from './park.ts'
import { refuseStuck } from './nesting.ts'
import { drain, endDrain, pause, resume } from './pause.ts'
import { offer, pump } from './placement.ts'
import { notReplaced, proceed, reload, spareGone } from './reload.ts'
import type { PoolState, Timer } from './state.ts'
import * as sessions from './sessions.ts'
import * as stream from './stream.ts'
import { expire, overrun, recall, stayedLate, stop } from './stopped.ts'
import type { Turn } from './turn.ts'
import { probe, unparkByHand, workerNews } from './workers.ts'

/**
 * Decides what one event leads to. Knows no clock, no promise, no session and no XState. The state is updated in place;
 * effects are added to `effects`, behind what was decided before and is still to be done. Never throws; an event about
 * something that is no more changes nothing.
 *
 * @param now - monotonic, in ms
 */
export function dispatch(state: PoolState, event: PoolCoreEvent, now: number, effects: EffectSink): void {
  const turn: Turn = { state, now, effects }
  if (event.type === 'call.offered') {
    offer(turn, event.call, event.isWatched)
    if (state.nested.size > 0) refuseStuck(turn)
  } else if (state.status === 'stopped') afterTheEnd(turn, event)
  else {
    decide(turn, event)
    if (state.nested.size > 0) refuseStuck(turn)
    if (state.closing.size > 0) sessions.endClosing(turn)
    if (state.isDraining) endDrain(turn)
    if (state.reload !== undefined) proceed(turn)
    for (const slot of state.slots) if (slot.parking !== undefined) proceedParking(turn, slot)
  }
}

/** Callers are answered; nothing else happens. */
function afterTheEnd(turn: Turn, event: PoolCoreEvent): void {
  const { type } = event
  if (type === 'pool.reload') reload(turn)
  else if (type === 'pool.park') park(turn, event.slot, event.why)
  else if (type === 'pool.drain') turn.effects.push({ type: 'drained', error: undefined })
  else if (type === 'session.close') sessions.close(turn, event.use)
}

function decide(turn: Turn, event: Exclude<PoolCoreEvent, { readonly type: 'call.offered' }>): void {
  switch (event.type) {
    case 'call.answered':
      answered(turn, event.call, event.outcome)
      life.closeIfDrained(turn)
      return
    case 'call.watched':
      pump(turn)
      return
    case 'call.expired':
      expire(turn, event.call)
      return
    case 'call.aborted': {
      const { call, cause } = event
      stop(turn, call, 'CANCELLED', `call of ${call.tool} was cancelled`, { cause })
      return
    }
    case 'call.unwatchable': {
      const { call, cause } = event
      stop(turn, call, 'INVALID_ARGUMENT', `the signal of the call of ${call.tool} cannot be listened to`, { cause })
      return
    }
    case 'stream.item':
      stream.arrived(turn, event.call, event.bytes)
      return
    case 'stream.taken':
      stream.taken(turn, event.call, event.bytes)
      return
    case 'stream.left':
      stream.left(turn, event.call)
      return
    case 'host.called':
      called(turn, event.call)
      return
    case 'host.answered':
      hostAnswered(turn, event.call)
      return
    case 'session.close':
      sessions.close(turn, event.use)
      return
    case 'session.restart':
      sessions.restart(turn, event.use)
      return
    case 'pool.start':
      life.start(turn)
      return
    case 'pool.opened':
      life.opened(turn)
      return
    case 'pool.failed':
      life.failed(turn, event.error)
      return
    case 'pool.pause':
      pause(turn)
      return
    case 'pool.resume':
      resume(turn)
      return
    case 'pool.drain':
      drain(turn)
      return
    case 'pool.reload':
      reload(turn)
      return
    case 'pool.park':
      park(turn, event.slot, event.why)
      return
    case 'park.failed':
      parkingOver(turn, event.slot, event.error)
      return
    case 'pool.unpark':
      unparkByHand(turn, event.slot)
      return
    case 'reload.stuck':
      notReplaced(turn, event.error)
      return
    case 'spare.gone':
      spareGone(turn, event.error)
      return
    case 'pool.stop':
      life.stop(turn)
      life.closeIfDrained(turn)
      return
    case 'pool.over':
      life.over(turn, event.reason)
      life.closeIfDrained(turn)
      return
    case 'pool.halt':
      life.halt(turn)
      return
    case 'pool.closed':
      life.closed(turn, event.left)
      return
    case 'pool.environment':
      probe(turn)
      return
    case 'pool.timer':
      timeIsUp(turn, event.timer)
      return
    default:
      workerNews(turn, event)
      life.closeIfDrained(turn)
  }
}

function timeIsUp(turn: Turn, id: number): void {
  const { timers } = turn.state
  const timer = timers.get(id)
  if (timer === undefined) return
  timers.delete(id)
  fire(turn, timer)
}

function fire(turn: Turn, timer: Timer): void {
  switch (timer.type) {
    case 'recall':
      recall(turn, timer.call)
      return
    case 'overrun':
      overrun(turn, timer.call)
      return
    case 'late':
      stayedLate(turn, timer.call)
      return
    case 'idle':
      stream.lookAtIdle(turn, timer.call)
      return
    case 'session':
      sessions.lookAtSession(turn, timer.session)
      return
    case 'look':
      look(turn)
      return
    case 'stuck':
      turn.state.stuckTimer = 0 // nested calls are looked at after every event
      return
    case 'retire':
      retireNow(turn, timer.slot)
      return
    case 'drain':
      life.close(turn)
  }
}
