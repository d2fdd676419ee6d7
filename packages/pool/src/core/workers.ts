// What news of the workers leads to: which slots are ready, what is parked, and what is tried again when.
import { isTerrariumError, messageOf, TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import { loseCalls } from './answer.ts'
import type { WorkerNews } from './event.ts'
import { parkingOver } from './park.ts'
import { pump } from './placement.ts'
import { parkedMeanwhile, proceed } from './reload.ts'
import { loseSessions } from './sessions.ts'
import { rejectWaiting } from './settle.ts'
import type { Slot } from './slot.ts'
import { clearTimer, kill, parkedError, type Turn } from './turn.ts'

export function workerNews(turn: Turn, event: WorkerNews): void {
  const { state, effects } = turn
  const slot = state.slots.find(({ id }) => id === event.worker)
  if (slot === undefined) return
  const { worker } = event
  if (event.type === 'worker.started') {
    slot.occupant = 'starting'
    slot.incarnation = event.incarnation
    slot.until = undefined
    state.counts.starts += 1
    effects.push({ type: 'tell', event: 'worker.start', told: { worker, incarnation: event.incarnation } })
    return
  }
  if (event.incarnation !== slot.incarnation) return
  switch (event.type) {
    case 'worker.ready':
      if (slot.occupant === 'starting') ready(turn, slot, event)
      return
    case 'worker.lost':
      if (slot.occupant === 'ready') slot.occupant = 'doomed'
      return
    case 'worker.kill':
      if (slot.occupant === 'ready') kill(turn, slot, event.error)
      return
    case 'worker.exited':
      if (slot.occupant !== 'none') exited(turn, slot, event)
      return
    case 'worker.backoff': {
      const { delay, attempt, failure } = event
      slot.failure = failure
      slot.until = turn.now + delay
      effects.push({ type: 'tell', event: 'worker.backoff', told: { worker, delay, attempt } })
      return
    }
    case 'worker.parked':
      parked(turn, slot, event)
      return
    case 'worker.unparked':
      effects.push({ type: 'tell', event: 'worker.unparked', told: { worker } })
  }
}

type NewsOf<TType extends WorkerNews['type']> = Extract<WorkerNews, { readonly type: TType }>

function ready(turn: Turn, slot: Slot, { pid, tools, reportsBegun = false }: NewsOf<'worker.ready'>): void {
  const { state, effects } = turn
  slot.opened(pid, tools, reportsBegun)
  if (slot.parking !== undefined) slot.occupant = 'doomed' // it was started again before it could be parked
  state.tools = tools
  if (state.status === 'parked') state.status = 'running'
  effects.push({ type: 'tell', event: 'worker.ready', told: { worker: slot.id, pid, tools } })
  if (state.isStarting && !isEnding(turn) && state.slots.every(({ occupant }) => occupant === 'ready')) {
    state.status = 'running'
    started(turn, undefined)
  }
  unparkOthers(turn)
  proceed(turn) // before calls are handed to a worker that is to leave
  pump(turn)
}

function exited(turn: Turn, slot: Slot, { reason, unbegun }: NewsOf<'worker.exited'>): void {
  const { state, effects } = turn
  const { pid, id } = slot
  const error = errorOf(turn, slot, reason)
  slot.occupant = 'none'
  slot.pid = undefined
  clearTimer(turn, slot.timer)
  slot.timer = 0
  loseCalls(turn, slot, error, unbegun)
  loseSessions(turn, slot, reason.type === 'error' ? 'worker_died' : 'worker_ended', error)
  if (reason.type === 'error') {
    state.counts.crashes += 1
    if (pid !== undefined)
      effects.push({ type: 'log', level: 'warn', fields: { worker: id, workerPid: pid }, message: error.message })
  }
  effects.push({ type: 'tell', event: 'worker.exit', told: { worker: id, pid, reason } })
  pump(turn)
}

/** What the calls of a worker that has ended are told. */
function errorOf({ state }: Turn, { id }: Slot, reason: ExitReason): TerrariumError {
  const name = `worker ${state.settings.pool}/${id}`
  if (reason.type !== 'error') return state.overBecause ?? new TerrariumError('STOPPED', `${name} was stopped`)
  const { error: cause } = reason
  if (isTerrariumError(cause)) return cause
  return new TerrariumError('WORKER_CRASHED', `${name} failed: ${messageOf(cause)}`, { cause })
}

function parked(turn: Turn, slot: Slot, { failure, byHand = false }: NewsOf<'worker.parked'>): void {
  const { state, effects } = turn
  const { pool } = state.settings
  const error = isTerrariumError(failure.error)
    ? failure.error
    : new TerrariumError('START_FAILED', `worker ${pool}/${slot.id} failed`, { cause: failure.error })
  slot.probing = false
  slot.failure = failure
  slot.until = undefined
  if (byHand) parkingOver(turn, slot, undefined)
  else parkedMeanwhile(turn, slot, error)
  if (slot !== state.reload?.spare) {
    slot.parked = error
    state.parkedBecause = error
  }
  if (!isEnding(turn)) {
    const isParked = state.slots.every((each) => each.parked !== undefined)
    if (isParked) state.status = 'parked'
    else if (state.isStarting) state.status = 'running'
    effects.push({ type: 'watchEnvironment', paths: state.slots.flatMap((each) => watchPaths(each.parked)) })
    if (isParked) rejectWaiting(turn, parkedError(pool, error))
    if (state.isStarting) started(turn, error)
  }
  const { code, hint } = error
  const fields = { worker: slot.id, code, hint, attempts: failure.attempts }
  const level = byHand ? 'info' : 'error'
  effects.push({ type: 'log', level, fields, message: byHand ? error.message : `parked: ${error.message}` })
  effects.push({ type: 'tell', event: 'worker.parked', told: { worker: slot.id, error } })
}

/** It stops, or could not be opened. */
const isEnding = ({ state }: Turn): boolean => state.status === 'stopping' || state.isClosing

export function started({ state, effects }: Turn, error: TerrariumError | undefined): void {
  state.isStarting = false
  effects.push({ type: 'started', error })
}

/**
 * On `pool.environment`: tries to start the first parked worker whose failure a change of the environment can repair;
 * if it becomes ready, the others follow. Without such a worker the watch of the environment ends.
 */
export function probe(turn: Turn): void {
  if (isEnding(turn)) return
  const slot = turn.state.slots.find((each) => isHealable(each.parked))
  if (slot === undefined) turn.effects.push({ type: 'ignoreEnvironment' })
  else unpark(turn, slot)
}

/** A worker became ready: what kept the others parked is gone too. */
function unparkOthers(turn: Turn): void {
  turn.effects.push({ type: 'ignoreEnvironment' })
  for (const slot of turn.state.slots) if (isHealable(slot.parked)) unpark(turn, slot)
}

/** Tries to start a worker in this slot, whatever it was parked for. */
export function unparkByHand(turn: Turn, slot: Slot): void {
  if (!isEnding(turn) && slot.parked !== undefined) unpark(turn, slot)
}

function unpark({ effects }: Turn, slot: Slot): void {
  if (slot.probing) return
  slot.probing = true
  effects.push({ type: 'unpark', slot })
}

/** Whether a change of the environment repairs it: its error says so, or what has to change. */
function isHealable(error: TerrariumError | undefined): boolean {
  return isTerrariumError(error, 'CONFIGURATION') || watchPaths(error).length > 0
}

function watchPaths(error: TerrariumError | undefined): readonly string[] {
  const watch = error?.details.watch
  return Array.isArray(watch) ? watch.filter((path): path is string => typeof path === 'string') : []
}
