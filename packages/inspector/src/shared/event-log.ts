// The last events between actors. While nothing watches, only who, when and what type is kept; the contents of events
// are shortened at the next flush, as far as there is time.
import type { Clock } from './clock.ts'
import { EVENT_LIMITS, EVENTS_PER_FLUSH, KEPT_EVENTS, PAYLOAD_MS } from './limits.ts'
import type { EventView, Value } from './protocol.ts'
import type { Redact } from './redact.ts'
import { shorten } from './value.ts'

/** A place of the ring. It is written again and again: an application may send a million events a second. */
interface Place {
  n: number
  at: number
  from: string
  to: string
  type: string
  payload: Value | undefined
}

/** An event that goes into the next flush. */
interface Pending {
  readonly place: Place
  readonly view: EventView
  readonly event: object
}

const newPlace = (): Place => ({ n: 0, at: 0, from: '', to: '', type: '', payload: undefined })

export class EventLog {
  /** Events that no page was sent, though one was open. */
  left = 0
  /** Events that pages were sent without their contents, for lack of time. */
  leftContents = 0
  readonly #clock: Clock
  readonly #redact: Redact | undefined
  /** The event n is at n modulo its length. */
  readonly #ring = Array.from({ length: KEPT_EVENTS }, newPlace)
  #count = 0
  #pending: Pending[] = []

  constructor(clock: Clock, redact: Redact | undefined) {
    this.#clock = clock
    this.#redact = redact
  }

  /** `isWatched`: whether the event goes into the next flush. */
  add(from: string, to: string, event: { readonly type: string }, isWatched: boolean): void {
    const n = (this.#count += 1)
    const place = this.#ring[n % KEPT_EVENTS] as Place
    place.n = n
    place.at = Math.round(this.#clock.now())
    place.from = from
    place.to = to
    place.type = shortType(event.type)
    place.payload = undefined
    if (!isWatched) return
    if (this.#pending.length < EVENTS_PER_FLUSH) this.#pending.push({ place, view: viewOf(place), event })
    else this.left += 1
  }

  /** The events since the last flush, with the contents that can be written within `ms` ms. */
  flush(ms = PAYLOAD_MS): EventView[] {
    const pending = this.#pending
    if (pending.length === 0) return []
    this.#pending = []
    const end = this.#clock.now() + ms
    return pending.map(({ place, view, event }) => {
      const isInTime = this.#clock.now() < end
      if (!isInTime && hasContents(event)) this.leftContents += 1
      const payload = isInTime ? this.#payloadOf(event) : undefined
      if (payload === undefined) return view
      const [n, at, from, to, type] = view
      // The place may have been written again since.
      if (place.n === n) place.payload = payload
      return [n, at, from, to, type, payload]
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
    for (let n = first; n <= this.#count; n += 1) views.push(viewOf(this.#ring[n % KEPT_EVENTS] as Place))
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

/** Whether there is more of an event than its type. */
function hasContents(event: object): boolean {
  for (const key in event) if (key !== 'type') return true
  return false
}

const LONGEST_TYPE = 120

/** Cuts a type that is longer than LONGEST_TYPE. */
export const shortType = (type: string): string => (type.length > LONGEST_TYPE ? type.slice(0, LONGEST_TYPE) : type)

const viewOf = ({ n, at, from, to, type, payload }: Place): EventView =>
  payload === undefined ? [n, at, from, to, type] : [n, at, from, to, type, payload]
