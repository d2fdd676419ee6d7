// The bus: numbers events, finds their causes, keeps the last 2,000 in a ring, and tells them to listeners that cannot
// disturb it or each other.
import { tellUser } from '@terrarium/supervisor/base'
import { shortened, type EventFacts, type ObservedEvent } from './events.ts'

/** How many events are kept. */
export const RING = 2_000
/** How many incidents are remembered to find the event that began them. */
const INCIDENTS = 256

export type BusListener = (event: ObservedEvent) => void

export interface Publication<T extends keyof EventFacts> {
  readonly type: T
  readonly actor: string
  readonly text: string
  readonly facts: EventFacts[T]
  /** The incident that the event belongs to; the first event of an incident is the cause of all others. */
  readonly incident?: string | undefined
}

export class Bus {
  readonly #ring: ObservedEvent[] = []
  readonly #listeners = new Set<BusListener>()
  /** The number of the first event of an incident. */
  readonly #causes = new Map<string, number>()
  readonly #now: () => number
  readonly #report: (what: string, error: unknown) => void
  #last = 0

  /** `now`: ms since 1970. `report`: told of a listener that throws, must not throw. */
  constructor(now: () => number, report: (what: string, error: unknown) => void) {
    this.#now = now
    this.#report = report
  }

  /** The number of the last event; 0 before the first. */
  get last(): number {
    return this.#last
  }

  /** Whether a listener is there. */
  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  publish<T extends keyof EventFacts>({ type, actor, text, facts, incident }: Publication<T>): void {
    const n = ++this.#last
    const because = incident === undefined ? undefined : this.#causeOf(incident, n)
    const event = {
      n,
      at: this.#now(),
      type,
      actor,
      text: shortened(text),
      facts,
      ...(because === undefined ? {} : { because }),
      ...(incident === undefined ? {} : { incident }),
    } as ObservedEvent
    this.#ring[(n - 1) % RING] = event
    for (const listener of [...this.#listeners]) {
      tellUser(listener as (event: unknown) => unknown, event, (error) => {
        this.#report('a listener of the observer failed', error)
      })
    }
  }

  /** The kept events after number `n`, oldest first, the last `most` of them. */
  after(n: number, most = RING): readonly ObservedEvent[] {
    const first = Math.max(n + 1, this.#last - Math.min(most, RING) + 1, 1)
    const events: ObservedEvent[] = []
    for (let each = first; each <= this.#last; each += 1) {
      const event = this.#ring[(each - 1) % RING]
      if (event !== undefined) events.push(event)
    }
    return events
  }

  /** Adds a listener; the answer removes it. */
  listen(listener: BusListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #causeOf(incident: string, n: number): number | undefined {
    const cause = this.#causes.get(incident)
    if (cause !== undefined) return cause
    this.#causes.set(incident, n)
    for (const oldest of this.#causes.keys()) {
      if (this.#causes.size <= INCIDENTS) break
      this.#causes.delete(oldest)
    }
    return undefined
  }
}
