// Takes the snapshots of children that have the option `resume`, and says from which one an actor continues.
import type { AnyActorRef, Snapshot } from 'xstate'
import { show } from '../base/show.ts'
import { askUser } from '../base/user-code.ts'
import { DUE } from '../core/resume.ts'
import type { SupervisorMemory } from '../core/memory.ts'
import type { Child, CoreState } from '../core/state.ts'
import { DEFAULT_BACKOFF } from '../policy/backoff.ts'
import { hasInlineActors, SnapshotLog, type ResumePoint } from '../policy/snapshot-log.ts'
import { delayedEventsOf, persist, sendDelayed } from './xstate.ts'

/** The snapshots of the children of one supervisor. */
export class Snapshots {
  readonly #logs = new WeakMap<Child, SnapshotLog>()
  readonly #now: () => number
  readonly #report: (hook: string, error: unknown) => void

  constructor(now: () => number, report: (hook: string, error: unknown) => void) {
    this.#now = now
    this.#report = report
  }

  /** From where the next life of the child begins; `undefined`: from the beginning. */
  pointFor(child: Child): ResumePoint | undefined {
    if (child.trouble.resume?.isDue !== true) return undefined
    const log = this.#logs.get(child)
    if (log === undefined) return undefined
    const point = child.spec.resume === 'last-stable' ? log.settled : log.last
    return point && this.#asked(child, point)
  }

  /**
   * Follows a life of the child: takes a snapshot now and after each event. Delayed events of an earlier life are
   * waited for anew. What earlier lives have left counts only if this one continues.
   */
  follow(child: Child, ref: AnyActorRef, from: ResumePoint | undefined): void {
    const log = new SnapshotLog(from)
    this.#logs.set(child, log)
    const take = (): void => {
      if (child.ref !== ref || child.state === 'stopping' || !isActive(ref.getSnapshot())) return
      try {
        const point = { snapshot: persist(ref), delayed: delayedEventsOf(ref) }
        log.take(point, this.#now(), stableAfterOf(child), child.readyAt)
      } catch (fault) {
        this.#report('getPersistedSnapshot', fault)
      }
    }
    const over = (): void => {
      log.stable(this.#now(), stableAfterOf(child), child.readyAt)
    }
    if (child.ref !== ref) return
    if (from !== undefined) sendDelayed(ref, from.delayed)
    ref.subscribe({ next: take, error: over, complete: over })
    take()
  }

  /**
   * From where each child would continue if it failed now. A snapshot that cannot become JSON is left out, and so is a
   * child that has ended for good.
   */
  remember({ children, settings }: CoreState): Pick<SupervisorMemory, 'resume'> | undefined {
    let kept: Record<string, ResumePoint> | undefined
    if (settings.kind !== 'static') return undefined // dynamic children do not come back
    for (const child of children.values()) {
      const log = this.#logs.get(child)
      if (log === undefined || child.trouble.resume === undefined) continue
      if (child.isAlive) log.stable(this.#now(), stableAfterOf(child), child.readyAt)
      const point = child.spec.resume === 'last-stable' ? log.settled : log.last
      if (point !== undefined && !hasInlineActors(point.snapshot)) kept = { ...kept, [child.id]: point }
    }
    return kept && { resume: kept }
  }

  /** Restores what was remembered, before the children start. Entries of children that no longer exist are dropped. */
  recall({ children }: CoreState, kept: SupervisorMemory['resume'] = {}): void {
    for (const [id, point] of Object.entries(kept)) {
      const child = children.get(id)
      if (child?.spec.resume === undefined) continue
      child.troubled.resume = DUE
      this.#logs.set(child, new SnapshotLog(point))
    }
  }

  /** Asks the user's function, if there is one. What it throws, or an answer that is no snapshot, is a fault. */
  #asked(child: Child, point: ResumePoint): ResumePoint | undefined {
    const { resume: how } = child.spec
    if (typeof how !== 'function') return point
    try {
      const given: unknown = askUser(() => how(copyOf(point.snapshot) as never, child.trouble.memory?.last))
      if (given === undefined) return undefined
      if (isActive(given)) return { ...point, snapshot: given }
      throw new TypeError(
        `it must answer with a snapshot whose status is active, or with undefined, not ${show(given)}`,
      )
    } catch (fault) {
      this.#report('resume', fault)
      return undefined
    }
  }
}

/** How long a child has to live after a snapshot until that is stable, in ms. */
function stableAfterOf({ spec: { backoff } }: Child): number {
  return (backoff === 'off' ? DEFAULT_BACKOFF : backoff).stableAfter
}

function isActive(value: unknown): value is Snapshot<unknown> {
  return typeof value === 'object' && value !== null && (value as { status?: unknown }).status === 'active'
}

/**
 * A copy of a persisted snapshot. XState puts actors into the context of the snapshot that it restores, which therefore
 * could not be restored a second time.
 */
export function copyOf(snapshot: Snapshot<unknown>): Snapshot<unknown> {
  const { context, children } = snapshot as { readonly context?: unknown; readonly children?: Children }
  const copies = Object.entries(children ?? {}).map(([id, child]) => [
    id,
    { ...child, snapshot: copyOf(child.snapshot) },
  ])
  return {
    ...snapshot,
    ...(context === undefined ? {} : { context: copyData(context) }),
    ...(children === undefined ? {} : { children: Object.fromEntries(copies) as unknown }),
  }
}

type Children = Readonly<Record<string, { readonly snapshot: Snapshot<unknown> }>>

/** Copies arrays and plain objects. Everything else stays as it is. */
function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData)
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copyData(part)]))
}
