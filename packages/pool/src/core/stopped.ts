// A call whose caller is answered before its work is done: by its deadline or its signal. A worker that does not let go
// of such a call soon is asked to give back what it has not begun, and then killed: it is never handed on while busy.
import { TerrariumError, type ErrorCode, type TerrariumErrorOptions } from '@terrarium/supervisor/base'
import { askBack, SILENCE } from './ahead.ts'
import type { Call } from './call.ts'
import { endHostCalls } from './host-time.ts'
import { reject } from './settle.ts'
import { unqueue } from './sessions.ts'
import type { Slot } from './slot.ts'
import { clearTimer, kill, setTimer, type Turn } from './turn.ts'

/**
 * How long a worker may keep a call that was stopped before its other calls are asked back, in ms; at most half of
 * `cancelGrace`.
 */
const RECALL_AFTER = 20
/** How often a call that waits behind another one is looked at again, in ms. */
const LOOK_AGAIN = 50

const TOO_FEW = 'Raise `timeout`, or give the pool more workers.'
const PAUSED = 'Call resume(), or raise `timeout`.'

/** The deadline of the call has passed. */
export function expire(turn: Turn, call: Call): void {
  if (call.isAhead) awaitWord(turn, call)
  else if (call.state === 'queued') rejectNotRun(turn, call)
  else if (!call.isLate) overran(turn, call)
}

/** No worker has begun the call before its deadline, or not again since one died with it. */
export function rejectNotRun(turn: Turn, call: Call): void {
  const { tool, timeout } = call
  if (call.state === 'placed') {
    call.attempts -= 1
    call.state = 'queued'
  }
  const again = call.attempts > 0 ? ' again' : ''
  const { isPaused, settings } = turn.state
  const why = isPaused ? `pool ${settings.pool} is paused` : `no worker was free for ${tool} within ${timeout} ms`
  const message = `${why}; ${isPaused ? tool : 'it'} was not run${again}`
  const hint = isPaused ? PAUSED : TOO_FEW
  stop(turn, call, 'QUEUE_TIMEOUT', message, { hint, details: { timeout } })
}

/** The worker has begun the call, or may have; it has let go of it, or is asked to. */
export function overran(turn: Turn, call: Call): void {
  const { tool, timeout } = call
  stop(turn, call, 'DEADLINE_EXCEEDED', `call of ${tool} took longer than ${timeout} ms`, { details: { timeout } })
}

/**
 * The deadline of a call that is ahead has passed. Whether it was run only its worker knows, so the caller is answered
 * when the worker has said it, or after a while without an answer.
 */
function awaitWord(turn: Turn, call: Call): void {
  const { slot } = call
  if (slot === undefined || call.isLate || call.state === 'settled') return
  call.isLate = true
  askBack(turn, call, slot)
  call.timer = setTimer(turn, { type: 'late', call }, SILENCE)
}

/** The worker has not said whether it had begun the call. */
export function stayedLate(turn: Turn, call: Call): void {
  call.timer = 0
  call.isLate = false
  overran(turn, call)
}

export function stop(turn: Turn, call: Call, code: ErrorCode, message: string, options: TerrariumErrorOptions): void {
  if (reject(turn, call, code, message, options)) letGo(turn, call, code)
}

/** The caller is answered: the call leaves the queue, or its worker is asked to stop it. */
export function letGo(turn: Turn, call: Call, code: ErrorCode = 'CANCELLED'): void {
  const { slot } = call
  if (slot === undefined) {
    unqueue(turn, call)
    return
  }
  slot.overdue += 1
  call.overdue = true
  turn.effects.push({ type: 'cancel', call, slot, unlessBegun: false })
  if (call.hosts > 0) {
    const why = code === 'DEADLINE_EXCEEDED' ? 'its deadline has passed' : 'it was cancelled'
    endHostCalls(turn, call, new TerrariumError(code, `the call of ${call.tool} was stopped: ${why}`))
  }
  giveGrace(turn, call)
}

/** The call has run: calls behind it that were stopped meanwhile have their grace from now on. */
export function renewGraces(turn: Turn, call: Call, slot: Slot): void {
  if (slot.overdue === 0 || slot.occupant !== 'ready' || call.state === 'settled' || slot.isAsync(call.tool)) return
  for (let each = slot.calls.first; each !== undefined; each = each.next) if (each.overdue) giveGrace(turn, each)
}

function giveGrace(turn: Turn, call: Call): void {
  clearTimer(turn, call.timer)
  call.timer = setTimer(turn, { type: 'recall', call }, recallAfter(turn))
}

const recallAfter = ({ state }: Turn): number => Math.min(RECALL_AFTER, state.settings.cancelGrace / 2)

/** Asks the worker to give back the calls that it has not begun. */
export function recall(turn: Turn, call: Call): void {
  const { slot } = call
  if (slot === undefined) return
  for (let each = slot.calls.first; each !== undefined; each = each.next) askBack(turn, each, slot)
  call.timer = setTimer(turn, { type: 'overrun', call }, turn.state.settings.cancelGrace - recallAfter(turn))
}

/** The grace of the call is over: its worker is killed, unless it is busy with a call that has time left. */
export function overrun(turn: Turn, call: Call): void {
  const { slot, tool } = call
  if (slot === undefined) return
  const { pool, cancelGrace } = turn.state.settings
  const { running } = slot
  if (running !== undefined && running.state !== 'settled' && !slot.isAsync(tool)) {
    call.timer = setTimer(turn, { type: 'overrun', call }, Math.max(cancelGrace, LOOK_AGAIN))
    return
  }
  call.timer = 0
  const message = `worker ${pool}/${slot.id} was killed: ${tool} went on after it was stopped`
  kill(
    turn,
    slot,
    new TerrariumError('WORKER_CRASHED', message, {
      hint: 'Make the tool `async`, or give it a longer `timeout`.',
      details: { pid: slot.pid, signal: 'SIGKILL', overdue: tool },
    }),
  )
}
