// What a supervisor remembers of its children's failures for its next incarnation, as plain data.
import type { BreakerMemory, ParkCause } from '../policy/breaker.ts'
import { Failure } from '../policy/fingerprint.ts'
import type { FailureClass, FailurePhase } from '../policy/failure.ts'
import type { ResumePoint } from '../policy/snapshot-log.ts'
import { plainError, type PlainError } from '../base/plain-error.ts'
import { isStable } from './assess.ts'
import type { Child, CoreState, FailureMemory } from './state.ts'

/** What a supervisor's next incarnation should know of its children. Plain data; times are ages in ms. */
export interface SupervisorMemory {
  readonly children: Readonly<Record<string, ChildMemory>>
  /** With the option `resume`: from which snapshot a child continues. The shell's. */
  readonly resume?: Readonly<Record<string, ResumePoint>> | undefined
  /** In a persisted snapshot: what the nested supervisors remember, by the ids of these children. The shell's. */
  readonly nested?: Readonly<Record<string, SupervisorMemory>> | undefined
  /** What the strategy remembers. A strategy of another name does not get it. */
  readonly strategy?: { readonly name: string; readonly memory: unknown }
}

/** A child that has not failed itself has no failures, but a strategy may have parked it. */
type ChildMemory = Partial<FailuresMemory> & {
  /** `remaining`: ms until the child is probed; missing if it is latched. `why`: of a child that is parked by hand. */
  readonly parked?: { readonly cause: ParkCause; readonly remaining?: number; readonly why?: string }
}

interface FailuresMemory {
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
}

/**
 * The memory of the children that have failed and were not stable since. Dynamic children do not come back, so nothing
 * is kept of them (F05).
 */
export function remember({ children, settings, strategyMemory }: CoreState, now: number): SupervisorMemory {
  const kept: Record<string, ChildMemory> = {}
  if (settings.kind === 'static') {
    for (const child of children.values()) {
      const { memory } = child.trouble
      const failures = memory === undefined || (child.isAlive && isStable(child, now)) ? undefined : memory
      if (failures !== undefined || child.state === 'parked') kept[child.id] = rememberChild(child, failures, now)
    }
  }
  if (strategyMemory === undefined) return { children: kept }
  return { children: kept, strategy: { name: settings.strategy.name, memory: JSON.parse(strategyMemory) as unknown } }
}

/** Restores a memory, before the children are started. Children that are unknown by now are left out. */
export function recall(state: CoreState, { children, strategy }: SupervisorMemory, now: number): void {
  for (const [id, kept] of Object.entries(children)) {
    const child = state.children.get(id)
    if (child !== undefined) recallChild(child, kept, now)
  }
  if (strategy?.name === state.settings.strategy.name) state.strategyMemory = JSON.stringify(strategy.memory)
}

function rememberChild(child: Child, memory: FailureMemory | undefined, now: number): ChildMemory {
  const { until, parkedFor, parkedBecause } = child.trouble
  const remaining = until === undefined ? {} : { remaining: Math.max(0, until - now) }
  const why = parkedFor === 'request' && parkedBecause !== undefined ? { why: parkedBecause } : {}
  return {
    ...(memory === undefined ? {} : rememberFailures(memory, now)),
    ...(child.state === 'parked' && parkedFor !== undefined
      ? { parked: { cause: parkedFor, ...remaining, ...why } }
      : {}),
  }
}

function rememberFailures({ last, delay, breaker, since }: FailureMemory, now: number): FailuresMemory {
  const { at, error, class: kind, fingerprint, phase, attempts } = last
  return {
    failure: { error: plainError(error), class: kind, fingerprint, phase, attempts, age: now - at },
    delay,
    age: now - since,
    breaker,
  }
}

function recallChild(child: Child, { parked, failure, delay = 0, age = 0, breaker }: ChildMemory, now: number): void {
  const { troubled } = child
  if (failure !== undefined && breaker !== undefined) {
    const { error, age: lastAge, ...last } = failure
    const { message, ...fields } = error
    const known = { ...last, error: Object.assign(new Error(message), fields), at: now - lastAge }
    troubled.memory = { last: new Failure(known, last.fingerprint), delay, since: now - age, breaker }
  }
  if (parked === undefined) return
  child.state = 'parked'
  troubled.parkedFor = parked.cause
  troubled.parkedBecause = parked.why
  troubled.until = parked.remaining === undefined ? undefined : now + parked.remaining
}
