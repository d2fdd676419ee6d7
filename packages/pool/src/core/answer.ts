// What a worker's answer to a call leads to, and what the death of a worker leads to for its calls.
import { TerrariumError } from '@terrarium/supervisor/base'
import { learn } from './ahead.ts'
import type { Call } from './call.ts'
import type { Outcome } from './event.ts'
import { endHostCalls } from './host-time.ts'
import { advance, detach, leave, pump, putBack, waitAgain } from './placement.ts'
import { reject, rejectAs, resolve } from './settle.ts'
import type { Slot } from './slot.ts'
import { hasItems, itemsOf } from './stream.ts'
import { overran, rejectNotRun, renewGraces } from './stopped.ts'
import { kill, setTimer, type Turn } from './turn.ts'

/** How long a worker that refuses calls may be idle before it is killed, in ms. */
const RETIRE_WITHIN = 2_000

export function answered(turn: Turn, call: Call, outcome: Outcome): void {
  const { slot } = call
  if (slot === undefined) return
  if ('error' in outcome && outcome.notBegun && !hasItems(call)) givenBack(turn, call, slot, outcome.error)
  else {
    if (call.isAhead) advance(turn, call, slot)
    learn(turn, call, slot)
    if (call.stream === undefined) turn.state.times.add(call.tool, turn.now - call.since)
    const { isLate } = call
    leave(turn, call, slot)
    renewGraces(turn, call, slot)
    if (isLate) overran(turn, call)
    else if ('value' in outcome) resolve(turn, call, outcome.value)
    else rejectAs(turn, call, outcome.error)
  }
  pump(turn)
}

/** The worker has not begun the call. */
function givenBack(turn: Turn, call: Call, slot: Slot, error: TerrariumError): void {
  const { recalled, wentAhead, isLate } = call
  const isMoved = error.code === 'CANCELLED'
  const isOutOfTime = error.code === 'DEADLINE_EXCEEDED'
  // The events of a refused call are the same whether it was sent ahead or not: first it gets a place, then it fails.
  if (call.isAhead && !isMoved && !isOutOfTime) advance(turn, call, slot)
  leave(turn, call, slot)
  if (call.state === 'settled') return
  if (isMoved && !recalled) retire(turn, slot)
  if (isLate || (isOutOfTime && wentAhead)) rejectNotRun(turn, call)
  else if (isMoved) move(turn, call)
  else rejectAs(turn, call, error)
}

/** The call had not begun, so it may be run elsewhere, whatever it is. */
function move(turn: Turn, call: Call): void {
  const { closed } = turn.state
  if (closed !== undefined) rejectAs(turn, call, closed)
  else if (call.state === 'queued') putBack(turn, call)
  else waitAgain(turn, call, false)
}

/**
 * A worker that gives calls back unasked is about to end, as soon as the calls that it has begun are over. A worker
 * that does not end is killed.
 */
function retire(turn: Turn, slot: Slot): void {
  if (slot.occupant !== 'ready') return
  slot.occupant = 'doomed'
  slot.timer = setTimer(turn, { type: 'retire', slot }, RETIRE_WITHIN)
}

/** The time of a worker that refuses calls is over. It is idle only from its last call on. */
export function retireNow(turn: Turn, slot: Slot): void {
  if (slot.calls.size > 0) {
    slot.timer = setTimer(turn, { type: 'retire', slot }, RETIRE_WITHIN)
    return
  }
  slot.timer = 0
  const message = `worker ${turn.state.settings.pool}/${slot.id} was killed: it refused calls and did not end`
  kill(turn, slot, new TerrariumError('WORKER_CRASHED', message, { details: { pid: slot.pid, signal: 'SIGKILL' } }))
}

/**
 * Takes all calls from a slot whose worker is gone; `error` says why. After a crash, the calls in `unbegun` (certainly
 * not begun) wait for another worker, and the others are rejected or, if idempotent, run again: see `crashed`. After
 * any other end all are rejected with `error`, but for calls ahead in `unbegun`: these wait as all others that wait.
 * Calls that were settled early are only taken off the slot.
 */
export function loseCalls(turn: Turn, slot: Slot, error: TerrariumError, unbegun: ReadonlySet<Call>): void {
  const { calls } = slot
  let lost = 0
  for (let call = calls.first; call !== undefined; call = call.next) if (!unbegun.has(call)) lost += 1
  for (let call = calls.first; call !== undefined; call = calls.first) {
    const isUnbegun = unbegun.has(call) && !hasItems(call)
    if (call.isAhead && !isUnbegun) advance(turn, call, slot)
    const { isAhead, isLate } = call
    if (call.hosts > 0) endHostCalls(turn, call, error)
    detach(turn, call, slot)
    if (call.state === 'settled') continue
    if (isLate && isUnbegun) rejectNotRun(turn, call)
    else if (error.code !== 'WORKER_CRASHED' && !isAhead) rejectAs(turn, call, error)
    else if (isUnbegun) move(turn, call)
    else if (isLate) overran(turn, call)
    else crashed(turn, call, slot, error, lost)
  }
}

/**
 * A call that shared its worker is under suspicion only: it is run again alone, and blamed for what happens then.
 * `lost`: how many calls the worker may have begun.
 */
function crashed(turn: Turn, call: Call, slot: Slot, cause: TerrariumError, lost: number): void {
  if (lost === 1) call.deaths += 1
  else call.suspect = true
  const { state, effects } = turn
  const { tool, deaths } = call
  const details = { ...cause.details, deaths }
  if (!call.idempotent || state.closed !== undefined) {
    const { stream } = call
    const advice = stream === undefined ? 'Mark the call `idempotent` if it may be run again.' : undefined
    const hint = [cause.hint, advice].filter(Boolean).join(' ')
    const progress = stream === undefined ? '' : ` after ${itemsOf(stream.items)}`
    const message = `${tool} was with a worker that died${progress}: ${cause.message}`
    reject(turn, call, 'WORKER_CRASHED', message, { cause, details, hint: hint === '' ? undefined : hint })
  } else if (deaths >= state.settings.maxDeaths) {
    const message = `${tool} is not run again: ${deaths} workers died with it`
    reject(turn, call, 'POISON_CALL', message, { cause, details })
  } else if (call.session?.isStrict === true) waitAgain(turn, call, true) // it is told that its session is lost
  else {
    waitAgain(turn, call, true)
    state.counts.retried += 1
    effects.push({ type: 'tell', event: 'call.retry', told: { tool, attempts: call.attempts, worker: slot.id } })
  }
}
