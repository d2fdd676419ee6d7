// What the workers and the readers of a world know of its streams, and the rules that always hold for them. For
// property tests.
import type { TerrariumError } from '@terrarium/supervisor/base'
import { STREAM_WINDOW } from '@terrarium/worker'
import type { Call } from '../../src/core/call.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import { StreamState } from '../../src/core/stream.ts'
import { must } from './slot-rules.ts'

interface Entry {
  /** What the worker may send, in bytes. */
  credit: number
  /** What has arrived and the reader has not taken, in bytes. */
  readonly unread: number[]
  largest: number
  /** What the reader has taken and the worker has not got back, in bytes. */
  taken: number
  /** Since when the worker has credit and has sent nothing, in ms. */
  since: number
  /** It is settled, and a worker has it. */
  isKept: boolean
}

export class StreamLedger {
  /** In all runs of this process: items, credits, streams that were left, and streams that ended by `idle`. */
  static readonly counts = { items: 0, credits: 0, left: 0, idle: 0 }
  readonly #entries = new Map<Call, Entry>()
  readonly #tell: (event: PoolCoreEvent) => void

  constructor(tell: (event: PoolCoreEvent) => void) {
    this.#tell = tell
  }

  add(call: Call, idle: number | undefined): void {
    call.stream = new StreamState(idle)
    this.#entries.set(call, { credit: STREAM_WINDOW, unread: [], largest: 0, taken: 0, since: 0, isKept: false })
  }

  sent(call: Call, now: number): void {
    const entry = this.#entries.get(call)
    if (entry === undefined) return
    must(entry.largest === 0, 'a stream that had begun is sent again')
    must(!call.isAhead, 'a stream is sent ahead')
    entry.since = now
  }

  /** A worker that has begun the n-th of these streams sends an item, if it may. */
  item(n: number, begun: readonly Call[], bytes: number, now: number): void {
    const able = begun.filter((call) => (this.#entries.get(call)?.credit ?? 0) > 0)
    const call = able[n % Math.max(1, able.length)]
    const entry = call === undefined ? undefined : this.#entries.get(call)
    if (call === undefined || entry === undefined) return
    StreamLedger.counts.items += 1
    entry.credit -= bytes
    entry.since = now
    entry.largest = Math.max(entry.largest, bytes)
    if (call.state === 'settled') return // the shell drops it
    entry.unread.push(bytes)
    this.#tell({ type: 'stream.item', call, bytes })
  }

  /** The reader of the n-th stream with unread items takes some. */
  take(n: number, count: number): void {
    const unread = [...this.#entries].filter(([, entry]) => entry.unread.length > 0)
    const chosen = unread[n % Math.max(1, unread.length)]
    if (chosen === undefined) return
    const [call, entry] = chosen
    for (let left = count; left > 0; left -= 1) {
      const bytes = entry.unread.shift()
      if (bytes === undefined) return
      entry.taken += bytes
      this.#tell({ type: 'stream.taken', call, bytes })
    }
  }

  /** The reader of the n-th stream leaves. */
  leave(n: number): void {
    const call = [...this.#entries.keys()][n % Math.max(1, this.#entries.size)]
    if (call === undefined) return
    if (call.state !== 'settled') StreamLedger.counts.left += 1
    this.#tell({ type: 'stream.left', call })
    must(call.state === 'settled', 'a stream that was left is not settled')
    must(call.list === undefined || call.slot !== undefined, 'a stream that was left still waits')
  }

  credit({ call, slot, bytes }: Extract<Effect, { readonly type: 'credit' }>, now: number): void {
    const entry = this.#entries.get(call)
    must(entry !== undefined && call.slot === slot && call.state === 'placed', 'credit for no stream')
    if (entry === undefined) return
    StreamLedger.counts.credits += 1
    must(bytes > 0 && bytes <= entry.taken, 'credit for what the reader has not taken')
    if (entry.credit <= 0) entry.since = now
    entry.taken -= bytes
    entry.credit += bytes
  }

  released(call: Call): void {
    const entry = this.#entries.get(call)
    must(call.state === 'settled' && call.slot === undefined, 'a stream is released that a worker has')
    must(entry?.isKept === true, 'a stream is released twice')
    if (entry !== undefined) entry.isKept = false
  }

  settled(call: Call, error: TerrariumError | undefined, now: number): void {
    const entry = this.#entries.get(call)
    if (entry === undefined || error === undefined) return
    must(error.details['items'] === call.stream?.items, 'an error does not say how many items there were')
    const { idle } = error.details
    if (error.code !== 'DEADLINE_EXCEEDED' || idle === undefined) return
    StreamLedger.counts.idle += 1
    must(entry.credit > 0, 'a stream without credit is told that it is too slow')
    must(now - entry.since >= Number(idle) - 1e-3, 'a stream is told that it is too slow before its time')
  }

  check(): void {
    for (const [call, entry] of this.#entries) {
      const { credit, unread, largest, taken } = entry
      const { stream, slot, state } = call
      if (stream === undefined) throw new Error('a stream is none')
      const sum = unread.reduce((bytes, each) => bytes + each, 0)
      must(sum <= STREAM_WINDOW + largest, 'more than the window and one item is unread')
      must(
        stream.timer === 0 || state === 'placed' || call.overdue,
        'the time of a stream that no worker has is watched',
      )
      must(!entry.isKept || slot !== undefined, 'a stream is not released')
      entry.isKept ||= state === 'settled' && slot !== undefined
      if (state !== 'placed' || slot === undefined) continue
      must(stream.owed === STREAM_WINDOW - credit && stream.taken === taken, 'the credit is miscounted')
      must(unread.length > 0 || credit > 0, 'a worker waits for credit although all is read')
      must(stream.idle === undefined || stream.timer !== 0, 'the time between items is not watched')
    }
  }
}
