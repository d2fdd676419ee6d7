// The last events between actors. While nothing watches, only who, when and what type is kept; the contents of events
// are shortened at the next flush, as far as there is time.
import type { Clock } from './clock.ts'
import { EVENT_LIMITS, EVENTS_PER_FLUSH, KEPT_EVENTS, PAYLOAD_MS } from './limits.ts'
import type { EventView, Value } from './protocol.ts'
import type { Redact } from './redact.ts'
import { shorten } from './value.ts'

interface Kept {
  readonly n: number
  readonly at: number
  readonly from: string
  readonly to: string
  readonly type: string
  payload: Value | undefined
}

export class EventLog {
  /** Events that no page was sent, though one was open. */
  left = 0
  readonly #clock: Clock
  readonly #redact: Redact | undefined
  /** A ring: the event n is at n modulo its length. */
  readonly #ring: (Kept | undefined)[] = new Array<Kept | undefined>(KEPT_EVENTS)
  #count = 0
  #pending: { readonly kept: Kept; readonly event: object }[] = []

  constructor(clock: Clock, redact: Redact | undefined) {
    this.#clock = clock
    this.#redact = redact
  }

  /** `isWatched`: whether the event goes into the next flush. */
  add(from: string, to: string, event: { readonly type: string }, isWatched: boolean): void {
    const n = (this.#count += 1)
    const type = event.type.slice(0, 120)
    const kept: Kept = { n, at: Math.round(this.#clock.now()), from, to, type, payload: undefined }
    this.#ring[n % KEPT_EVENTS] = kept
    if (!isWatched) return
    if (this.#pending.length < EVENTS_PER_FLUSH) this.#pending.push({ kept, event })
    else this.left += 1
  }

  /** The events since the last flush. */
  flush(): EventView[] {
    const pending = this.#pending
    if (pending.length === 0) return []
    this.#pending = []
    const end = this.#clock.now() + PAYLOAD_MS
    return pending.map(({ kept, event }) => {
      if (this.#clock.now() < end) kept.payload = this.#payloadOf(event)
      return viewOf(kept)
    })
  }

  /** Nothing watches any more. */
  forgetPending(): void {
    this.#pending = []
  }

  /** The last so many. */
  last(count: number): EventView[] {
    const first = Math.max(1, this.#count - Math.min(count, KEPT_EVENTS) + 1)
    const views: EventView[] = []
    for (let n = first; n <= this.#count; n += 1) {
      const kept = this.#ring[n % KEPT_EVENTS]
      if (kept !== undefined) views.push(viewOf(kept))
    }
    return views
  }

  /** Undefined for an event that is only a type. */
  #payloadOf(event: object): Value | undefined {
    const value = shorten(event, EVENT_LIMITS, this.#redact)
    if (typeof value !== 'object' || value === null || !('o' in value)) return value
    const rest = value.o.filter(([key]) => key !== 'type')
    return rest.length === 0 && value.more === undefined ? undefined : { ...value, o: rest }
  }
}

const viewOf = ({ n, at, from, to, type, payload }: Kept): EventView =>
  payload === undefined ? [n, at, from, to, type] : [n, at, from, to, type, payload]
