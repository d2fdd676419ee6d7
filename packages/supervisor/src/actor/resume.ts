// Takes the snapshots of children that have the option `resume`, and makes an actor continue from one.
import type { AnyActorRef, Snapshot } from 'xstate'
import { show } from '../base/show.ts'
import { askUser } from '../base/user-code.ts'
import { Resume, stableAfterOf } from '../core/resume.ts'
import type { Child } from '../core/state.ts'
import type { ResumePoint } from '../policy/snapshot-log.ts'
import { delayedEventsOf, persist, sendDelayed } from './xstate.ts'

type Report = (hook: string, error: unknown) => void

/** Begins a new life of the child. Returns from where it continues; `undefined`: from the beginning. */
export function beginLife(child: Child, report: Report): ResumePoint | undefined {
  child.troubled.resume ??= new Resume()
  const { resume } = child.troubled
  const from = resume.next && askForPoint(child, resume.next, report)
  resume.begin(from)
  return from
}

/** Asks the user's function, if there is one. What it throws, or an answer that is no snapshot, is a fault. */
function askForPoint(child: Child, point: ResumePoint, report: Report): ResumePoint | undefined {
  const { resume: how } = child.spec
  if (typeof how !== 'function') return point
  try {
    const given: unknown = askUser(() => how(copyOf(point.snapshot) as never, child.trouble.memory?.last))
    if (given === undefined) return undefined
    if (isActive(given)) return { ...point, snapshot: given }
    throw new TypeError(`it must answer with a snapshot whose status is active, or with undefined, not ${show(given)}`)
  } catch (fault) {
    report('resume', fault)
    return undefined
  }
}

function isActive(value: unknown): value is Snapshot<unknown> {
  return typeof value === 'object' && value !== null && (value as { status?: unknown }).status === 'active'
}

/** Takes a snapshot of the actor now and after each event. Delayed events of an earlier life are waited for anew. */
export function followLife(
  child: Child,
  ref: AnyActorRef,
  from: ResumePoint | undefined,
  now: () => number,
  report: Report,
): void {
  const take = (): void => {
    const { resume } = child.trouble
    if (child.ref !== ref || child.state === 'stopping' || resume === undefined || !isActive(ref.getSnapshot())) return
    try {
      const point = { snapshot: persist(ref), delayed: delayedEventsOf(ref) }
      resume.log.take(point, now(), stableAfterOf(child), child.readyAt)
    } catch (fault) {
      report('getPersistedSnapshot', fault)
    }
  }
  if (child.ref === ref && from !== undefined) sendDelayed(ref, from.delayed)
  ref.subscribe(take)
  take()
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
