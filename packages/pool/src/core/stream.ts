// A stream is a call whose tool sends items before its answer. The core counts what has arrived and what the reader has
// taken: it gives credit back to the worker, and watches the time between items. The items themselves stay outside.
import { STREAM_WINDOW } from '@terrarium/worker'
import type { Call } from './call.ts'
import { resolve } from './settle.ts'
import { letGo, stop } from './stopped.ts'
import { clearTimer, setTimer, type Turn } from './turn.ts'

/** What the reader has taken is given back to the worker once it is so much, in bytes. */
export const GIVEN_BACK = STREAM_WINDOW / 2
/** Sums of times are rounded, in ms. */
const ROUNDING = 1e-6

/** What the core knows of the items of one call. It is updated in place. */
export class StreamState {
  /** How long the worker may take for one item while it has credit, in ms; undefined: as long as it likes. */
  readonly idle: number | undefined
  /** How many items have arrived. */
  items = 0
  /** What has arrived and was not given back, in bytes: the worker has no credit while it is the window or more. */
  owed = 0
  /** How much of it the reader has taken, in bytes. */
  taken = 0
  /** Since when the worker has not sent an item although it had credit, in ms. */
  since = 0
  /** The timer of `idle`; 0: none. */
  timer = 0

  constructor(idle: number | undefined) {
    this.idle = idle
  }

  get hasCredit(): boolean {
    return this.owed < STREAM_WINDOW
  }
}

/** `3 items` */
export const itemsOf = (count: number): string => `${count} ${count === 1 ? 'item' : 'items'}`

/** Whether items have arrived: then the worker has begun the call, whatever it says. */
export const hasItems = ({ stream }: Call): boolean => stream !== undefined && stream.items > 0

/** The worker has a stream. */
export function begin(turn: Turn, call: Call, stream: StreamState): void {
  stream.since = turn.now
  if (stream.idle !== undefined) stream.timer = setTimer(turn, { type: 'idle', call }, stream.idle)
}

/** The worker has released the stream, or has exited. */
export function end(turn: Turn, call: Call, stream: StreamState): void {
  clearTimer(turn, stream.timer)
  stream.timer = 0
  if (call.state === 'settled') turn.effects.push({ type: 'released', call }) // its reader may wait for that
}

/** An item of so many bytes has arrived. */
export function arrived({ now }: Turn, { stream }: Call, bytes: number): void {
  if (stream === undefined) return
  stream.items += 1
  stream.owed += bytes
  stream.since = now
}

/** The reader has taken an item of so many bytes. */
export function taken({ effects, now }: Turn, call: Call, bytes: number): void {
  const { stream, slot } = call
  if (stream === undefined) return
  stream.taken += bytes
  if (stream.taken < GIVEN_BACK || slot === undefined || call.state !== 'placed') return
  if (!stream.hasCredit) stream.since = now
  effects.push({ type: 'credit', call, slot, bytes: stream.taken })
  stream.owed -= stream.taken
  stream.taken = 0
}

/** The reader wants no more: the stream ends as an aborted call does, and that is no failure. */
export function left(turn: Turn, call: Call): void {
  if (call.state === 'settled') return
  resolve(turn, call, undefined)
  letGo(turn, call)
}

/** The time for one item may be over. It does not pass while the worker waits for the reader. */
export function lookAtIdle(turn: Turn, call: Call): void {
  const { stream, tool } = call
  if (stream?.idle === undefined) return
  stream.timer = 0
  if (call.state !== 'placed') return
  const { idle, hasCredit, since, items } = stream
  const left = hasCredit ? since + idle - turn.now : idle
  if (left > ROUNDING) stream.timer = setTimer(turn, { type: 'idle', call }, left)
  else {
    const message = `${tool} has sent no item for ${idle} ms, after ${itemsOf(items)}`
    stop(turn, call, 'DEADLINE_EXCEEDED', message, { details: { idle } })
  }
}
