// What a supervisor remembers of its children's failures for its next incarnation, as plain data.
import type { BreakerMemory, ParkCause } from '../policy/breaker.ts'
import { Failure } from '../policy/fingerprint.ts'
import type { FailureClass, FailurePhase } from '../policy/failure.ts'
import { hasInlineActors, type ResumePoint } from '../policy/snapshot-log.ts'
import { plainError, type PlainError } from '../base/plain-error.ts'
import { isStable } from './assess.ts'
import { pointOf, Resume } from './resume.ts'
import type { Child, CoreState, FailureMemory } from './state.ts'

/** What a supervisor's next incarnation should know of its children. Plain data; times are ages in ms. */
export interface SupervisorMemory {
  readonly children: Readonly<Record<string, ChildMemory>>
  /** With the option `resume`: from which snapshot a child continues. */
  readonly resume?: Readonly<Record<string, ResumePoint>>
}

interface ChildMemory {
  readonly failure: {
    readonly error: PlainError
    readonly class: FailureClass
    readonly fingerprint: string
    readonly phase: FailurePhase
    readonly attempts: number
    readonly age: number
  }
  readonly delay: number
  /** The age of the first failure in a row. */
  readonly age: number
  readonly breaker: BreakerMemory
  /** `remaining`: ms until the child is probed; missing if it is latched. */
  readonly parked?: { readonly cause: ParkCause; readonly remaining?: number }
}

/**
 * The memory of the children that have failed and were not stable since. Dynamic children do not come back, so nothing
 * is kept of them (F05).
 */
export function remember({ children, settings }: CoreState, now: number): SupervisorMemory {
  const kept: Record<string, ChildMemory> = {}
  if (settings.kind === 'static') {
    for (const child of children.values()) {
      const { memory } = child.trouble
      if (memory !== undefined && !(child.isAlive && isStable(child, now)))
        kept[child.id] = rememberChild(child, memory, now)
    }
  }
  const resume = rememberResume(children.values(), settings, now)
  return resume === undefined ? { children: kept } : { children: kept, resume }
}

/** Restores a memory, before the children are started. Children that are unknown by now are left out. */
export function recall({ children }: CoreState, memory: SupervisorMemory, now: number): void {
  for (const [id, kept] of Object.entries(memory.children)) {
    const child = children.get(id)
    if (child !== undefined) recallChild(child, kept, now)
  }
  for (const [id, point] of Object.entries(memory.resume ?? {})) {
    const child = children.get(id)
    if (child?.spec.resume === undefined) continue
    child.troubled.resume = new Resume()
    child.troubled.resume.next = point
  }
}

/**
 * From where each child would continue if it failed now. A child that an operation has stopped is left out, and so is a
 * snapshot that cannot become JSON.
 */
function rememberResume(
  children: Iterable<Child>,
  { kind }: CoreState['settings'],
  now: number,
): Record<string, ResumePoint> | undefined {
  let kept: Record<string, ResumePoint> | undefined
  if (kind !== 'static') return kept
  for (const child of children) {
    const { resume } = child.trouble
    if (resume === undefined) continue
    const point = resume.next ?? pointOf(child, resume, now)
    if (point !== undefined && !hasInlineActors(point.snapshot)) kept = { ...kept, [child.id]: point }
  }
  return kept
}

function rememberChild(child: Child, memory: FailureMemory, now: number): ChildMemory {
  const { last, delay, breaker, since } = memory
  const { at, error, class: kind, fingerprint, phase, attempts } = last
  const { until, parkedFor } = child.trouble
  const remaining = until === undefined ? {} : { remaining: Math.max(0, until - now) }
  return {
    failure: { error: plainError(error), class: kind, fingerprint, phase, attempts, age: now - at },
    delay,
    age: now - since,
    breaker,
    ...(child.state === 'parked' && parkedFor !== undefined ? { parked: { cause: parkedFor, ...remaining } } : {}),
  }
}

function recallChild(child: Child, { failure, delay, age, breaker, parked }: ChildMemory, now: number): void {
  const { error, age: lastAge, ...last } = failure
  const { message, ...fields } = error
  const { troubled } = child
  const known = { ...last, error: Object.assign(new Error(message), fields), at: now - lastAge }
  troubled.memory = {
    last: new Failure(known, last.fingerprint),
    delay,
    since: now - age,
    breaker,
  }
  if (parked === undefined) return
  child.state = 'parked'
  troubled.parkedFor = parked.cause
  troubled.until = parked.remaining === undefined ? undefined : now + parked.remaining
}
