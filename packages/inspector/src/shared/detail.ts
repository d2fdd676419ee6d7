// Writes the details of the actors that a page watches: the snapshot, and the transitions since the last time. What
// took long to write is written seldom, so that a huge context slows nothing down.
import { snapshotOf, type SnapshotLike } from './actor-ref.ts'
import type { Clock } from './clock.ts'
import { REST_FACTOR, SNAPSHOT_LIMITS } from './limits.ts'
import type { Detail, Transition, Value } from './protocol.ts'
import type { Redact } from './redact.ts'
import { refOf, type Entry } from './roster.ts'
import { shorten } from './value.ts'

const FIELDS = ['context', 'output', 'error', 'input'] as const

export class DetailWriter {
  readonly #clock: Clock
  readonly #redact: Redact | undefined
  /** Until when an actor rests. */
  readonly #rest = new WeakMap<Entry, number>()

  constructor(clock: Clock, redact: Redact | undefined) {
    this.#clock = clock
    this.#redact = redact
  }

  /** Whether the last detail of this actor took so long that the next one has to wait. */
  isResting(entry: Entry): boolean {
    return this.#clock.now() < (this.#rest.get(entry) ?? 0)
  }

  write(entry: Entry, transitions: readonly Transition[]): Detail {
    const begun = this.#clock.now()
    const ref = refOf(entry)
    const snapshot = this.#snapshot(ref && snapshotOf(ref))
    const now = this.#clock.now()
    this.#rest.set(entry, now + REST_FACTOR * (now - begun))
    return { t: 'detail', id: entry.id, now: Math.round(now), snapshot, transitions, left: entry.left }
  }

  /** Snapshots of machines also lead to their machine and to their children. */
  #snapshot(snapshot: SnapshotLike | undefined): Value {
    if (snapshot === undefined) return { x: 'no longer in memory' }
    const shown: Record<string, unknown> = {}
    for (const field of FIELDS) if (snapshot[field] !== undefined) shown[field] = snapshot[field]
    if (snapshot.tags instanceof Set && snapshot.tags.size > 0) shown.tags = snapshot.tags
    return shorten(shown, SNAPSHOT_LIMITS, this.#redact)
  }
}
