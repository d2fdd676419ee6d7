// The life of the pool as a whole: it is opened, runs, drains, and is closed.
import type { Identity } from '@terrarium/process'
import { messageOf, TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import { askAllBack } from './ahead.ts'
import { loseCalls } from './answer.ts'
import { endParking } from './park.ts'
import { endDrain } from './pause.ts'
import { endReload } from './reload.ts'
import type { Call } from './call.ts'
import { endAll } from './sessions.ts'
import { rejectWaiting } from './settle.ts'
import { withWorkers } from './state.ts'
import { clearTimer, refusalOf, setTimer, type Turn } from './turn.ts'
import { started } from './workers.ts'

const NO_CALL: ReadonlySet<Call> = new Set()

export function start({ state, effects }: Turn): void {
  if (state.status !== 'idle' || state.failedBecause !== undefined) return
  state.status = 'starting'
  state.isStarting = state.isOpening = true
  effects.push({ type: 'open' })
}

export function opened(turn: Turn): void {
  const { state, effects } = turn
  if (!state.isOpening) return
  state.isOpening = false
  if (state.status === 'starting') effects.push({ type: 'startWorkers' })
  else if (state.isStarting) started(turn, refusalOf(state))
}

/** What the workers stand on cannot be had. */
export function failed(turn: Turn, error: TerrariumError): void {
  const { state } = turn
  state.isOpening = false
  if (state.status === 'stopping' && state.isStarting) started(turn, error)
  if (state.status !== 'starting' || state.failedBecause !== undefined) return
  state.failedBecause = error
  rejectWaiting(turn, error)
  close(turn)
}

/**
 * Calls in flight may finish, within `drainTimeout`; calls ahead are asked back; nothing is run again. A start that is
 * still opening what the workers stand on is answered when that is over: a mistake in the options is told, not that the
 * pool was stopped.
 */
export function stop(turn: Turn): void {
  const { state, effects } = turn
  if (state.status === 'stopping' || state.status === 'stopped') return
  state.status = 'stopping'
  effects.push({ type: 'ignoreEnvironment' })
  const error = stoppedError(turn)
  endReload(turn, error)
  endParking(turn, error)
  state.closed = error
  rejectWaiting(turn, error)
  for (const slot of state.slots) askAllBack(turn, slot)
  if (state.isStarting && !state.isOpening) started(turn, state.failedBecause ?? error)
  state.drain = setTimer(turn, { type: 'drain' }, state.settings.drainTimeout)
}

/** The supervisor of the workers has given up: nothing starts workers any more. */
export function over(turn: Turn, reason: ExitReason): void {
  const { state, effects } = turn
  if (state.status === 'idle' || state.status === 'stopping' || state.isClosing) return
  const { pool, hasHandle } = state.settings
  const cause = reason.type === 'error' ? reason.error : undefined
  const why = cause === undefined ? 'its supervisor has ended' : messageOf(cause)
  const error = new TerrariumError('STOPPED', `pool ${pool} is over: ${why}`, {
    hint: `Remove the cause, then ${hasHandle ? 'make a new pool with createPool()' : 'start a new actor of the pool'}.`,
    cause,
    details: { pool },
  })
  state.overBecause = error
  stop(turn)
  effects.push({ type: 'log', level: 'error', fields: { err: error }, message: error.message })
}

/** While the pool drains: closes it once no call is with a worker. */
export function closeIfDrained(turn: Turn): void {
  const { state } = turn
  if (state.status === 'stopping' && !state.isClosing && withWorkers(state) === 0) close(turn)
}

/** The calls in flight have had their time, or there is none. */
export function close(turn: Turn): void {
  const { state, effects } = turn
  clearTimer(turn, state.drain)
  state.drain = 0
  if (state.isClosing) return
  state.isClosing = true
  effects.push({ type: 'close' })
}

/** Nothing of the pool is left. Calls are left only where closing has failed: they are settled all the same. */
export function closed(turn: Turn, left: readonly Identity[]): void {
  const { state, effects } = turn
  if (!state.isClosing || state.status === 'stopped' || state.status === 'idle') return
  const { failedBecause, overBecause } = state
  if (left.length > 0) effects.push({ type: 'log', level: 'error', fields: { left }, message: 'processes are left' })
  if (state.status === 'stopping') {
    release(turn, stoppedError(turn))
    if (state.isStarting) started(turn, stoppedError(turn))
    state.status = 'stopped'
    const reason: ExitReason = overBecause === undefined ? { type: 'shutdown' } : { type: 'error', error: overBecause }
    effects.push({ type: 'end', reason, left: left.length })
  } else if (failedBecause !== undefined) {
    release(turn, failedBecause)
    state.status = 'idle'
    started(turn, failedBecause)
    effects.push({ type: 'end', reason: { type: 'error', error: failedBecause }, left: left.length })
  }
}

/** The pool's actor is stopped hard: what is left of the pool is killed. */
export function halt(turn: Turn): void {
  const { state, effects } = turn
  if (state.status === 'stopped') return
  const hadBegun = state.status !== 'idle'
  const error = stoppedError(turn)
  state.closed = error
  endReload(turn, error)
  endParking(turn, error)
  effects.push({ type: 'ignoreEnvironment' })
  if (state.isStarting) started(turn, error)
  state.status = 'stopped'
  release(turn, error)
  if (hadBegun) effects.push({ type: 'abandon' })
}

const stoppedError = ({ state }: Turn): TerrariumError =>
  state.overBecause ?? new TerrariumError('STOPPED', `pool ${state.settings.pool} was stopped`)

/** Settles every call, and forgets every timer and every worker. */
function release(turn: Turn, error: TerrariumError): void {
  const { state } = turn
  for (const slot of state.slots) {
    loseCalls(turn, slot, error, NO_CALL)
    slot.occupant = 'none'
    slot.pid = undefined
    slot.timer = 0
  }
  rejectWaiting(turn, error)
  endAll(turn)
  for (const slot of state.slots) {
    slot.sessions = 0
    slot.bound.clear()
  }
  for (const timer of state.timers.keys()) clearTimer(turn, timer)
  state.drain = state.look = 0
  endDrain(turn)
}
