// The end of a call for its caller: each accepted call is settled exactly once, and the counts close.
import { TerrariumError, type ErrorCode, type TerrariumErrorOptions } from '@terrarium/supervisor/base'
import type { Call, CallList, CallState } from './call.ts'
import { hostTimeOf } from './host-time.ts'
import type { Lanes } from './lanes.ts'
import type { Turn } from './turn.ts'

export function resolve(turn: Turn, call: Call, value: unknown): void {
  if (settle(turn, call, true)) turn.effects.push({ type: 'settle', call, value, error: undefined })
}

/** Tells whether this was what answered the caller. */
export function reject(
  turn: Turn,
  call: Call,
  code: ErrorCode,
  message: string,
  { details, ...options }: TerrariumErrorOptions = {},
): boolean {
  const { state } = call
  if (!settle(turn, call, false)) return false
  const error = new TerrariumError(code, message, {
    ...options,
    details: { ...details, ...factsOf(call, state, turn.now) },
    site: call.site,
  })
  turn.effects.push({ type: 'settle', call, value: undefined, error })
  return true
}

/** Rejects with an error that other calls may be rejected with as well. */
export function rejectAs(turn: Turn, call: Call, { code, message, hint, cause, details }: TerrariumError): boolean {
  return reject(turn, call, code, message, { hint, cause, details })
}

/** Rejects every call of the list. */
function rejectAll(turn: Turn, list: CallList | Lanes, error: TerrariumError): void {
  for (let call = list.take(); call !== undefined; call = list.take()) rejectAs(turn, call, error)
}

/** Rejects every call that waits. */
export function rejectWaiting(turn: Turn, error: TerrariumError): void {
  rejectAll(turn, turn.state.nested, error)
  rejectAll(turn, turn.state.again, error)
  rejectAll(turn, turn.state.waiting, error)
  if (turn.state.inSessions === 0) return
  turn.state.inSessions = 0
  const { queues, slots } = turn.state
  for (const each of [queues, ...slots.map(({ bound }) => bound)]) {
    for (const waiting of each) rejectAll(turn, waiting, error)
    each.clear()
  }
}

function settle({ state }: Turn, call: Call, succeeded: boolean): boolean {
  if (call.state === 'settled') return false
  call.state = 'settled'
  if (succeeded) state.counts.completed += 1
  else state.counts.failed += 1
  return true
}

/** What an error says of its call. Times in ms. */
function factsOf(call: Call, state: CallState, now: number): Record<string, unknown> {
  const { tool, attempts, waited, lastSlot, lastIncarnation, stream } = call
  const spent = now - call.since
  const hostTime = hostTimeOf(call, now)
  const run = hostTime > 0 ? { runTime: spent - hostTime, hostTime } : { runTime: spent }
  const times = state === 'queued' ? { queueTime: waited + spent, runTime: 0 } : { queueTime: waited, ...run }
  const place = lastSlot === undefined ? {} : { worker: lastSlot.id, incarnation: lastIncarnation }
  const items = stream === undefined ? {} : { items: stream.items }
  return { tool, attempts, ...times, ...place, ...items }
}
