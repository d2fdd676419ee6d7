// The snapshots from which a child can be resumed. Pure.
import type { EventObject, Snapshot } from 'xstate'

/** A persisted snapshot, and the delayed events that an actor waits for in it, which XState does not persist. */
export interface ResumePoint {
  readonly snapshot: Snapshot<unknown>
  readonly delayed: readonly DelayedEvent[]
}

/** An event that an actor has sent to itself, for instance for an `after` transition. */
export interface DelayedEvent {
  readonly id: string
  readonly event: EventObject
  /** From the beginning, in ms. */
  readonly delay: number
}

interface Taken {
  readonly point: ResumePoint
  readonly at: number
}

/** True if an actor in the snapshot has a logic without a name, which no JSON can hold. */
export function hasInlineActors(snapshot: object): boolean {
  const { children } = snapshot as { readonly children?: Readonly<Record<string, Persisted>> }
  return Object.values(children ?? {}).some(
    ({ src, snapshot: inner }) => typeof src !== 'string' || hasInlineActors(inner),
  )
}

/** A child in a persisted snapshot. */
interface Persisted {
  readonly src: unknown
  readonly snapshot: object
}

/** Snapshots are kept so close together that there are about so many within `stableAfter`. */
const KEPT = 8

/**
 * The newest snapshots of one life of a child. A snapshot is stable once the child has lived `stableAfter` ms after it,
 * counted from when it was ready: nothing that the snapshot holds has ended the child by then. Of a child that changes
 * all the time only some are kept, so the newest stable one may be older by an eighth of `stableAfter`.
 */
export class SnapshotLog {
  #stable: ResumePoint | undefined
  /** Not known to be stable, the newest last. */
  #waiting: Taken[] = []

  /** Begins with what a life continues from; `undefined`: it starts from the beginning. */
  constructor(from: ResumePoint | undefined) {
    this.#stable = from
  }

  /** Adds the newest snapshot, at a time in ms. `readyAt`: `undefined` while the child is not ready. */
  take(point: ResumePoint, at: number, stableAfter: number, readyAt: number | undefined): void {
    this.#promote(at, stableAfter, readyAt)
    const [before, last] = this.#waiting.slice(-2)
    if (before !== undefined && last !== undefined && last.at - before.at < stableAfter / KEPT) this.#waiting.pop()
    this.#waiting.push({ point, at })
  }

  /** The newest snapshot, stable or not. */
  get last(): ResumePoint | undefined {
    return this.#waiting.at(-1)?.point ?? this.#stable
  }

  /** The newest snapshot that was known to be stable when it was asked last. */
  get settled(): ResumePoint | undefined {
    return this.#stable
  }

  /** The newest snapshot that is known to be stable at this time. */
  stable(now: number, stableAfter: number, readyAt: number | undefined): ResumePoint | undefined {
    this.#promote(now, stableAfter, readyAt)
    return this.#stable
  }

  #promote(now: number, stableAfter: number, readyAt: number | undefined): void {
    if (readyAt === undefined) return
    const isStable = ({ at }: Taken): boolean => now - Math.max(at, readyAt) >= stableAfter
    const newest = this.#waiting.findLastIndex(isStable)
    if (newest === -1) return
    this.#stable = this.#waiting[newest]?.point
    this.#waiting.splice(0, newest + 1)
  }
}
