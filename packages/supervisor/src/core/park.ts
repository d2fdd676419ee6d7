// When a child is parked by the breaker or because its attempts are used up, and what parking it means.
import { judge, openingTime, type ParkCause } from '../policy/breaker.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Assessment } from './assess.ts'
import type { Child } from './state.ts'
import { about, emit, setTimer, type Turn } from './turn.ts'

/** Why the child is parked instead of restarted; `undefined` if it is restarted. */
export function verdict(turn: Turn, child: Child, { failure, readyFor }: Assessment): ParkCause | undefined {
  const { breaker } = child.spec
  const cause = breaker === 'off' ? undefined : judge(child.breakerMemory, breaker, { class: failure.class, readyFor })
  return cause ?? (isExhausted(turn, child, failure) ? 'exhausted' : undefined)
}

function isExhausted(
  { now }: Turn,
  { spec: { backoff }, trouble: { memory } }: Child,
  { attempts }: FailureInfo,
): boolean {
  if (backoff === 'off') return false
  return attempts > backoff.maxAttempts || now - (memory?.since ?? now) > backoff.maxElapsed
}

/**
 * Parks a child. A configuration failure is latched: only `unpark()` starts the child again. Siblings are not touched.
 */
export function park(
  turn: Turn,
  child: Child,
  cause: ParkCause,
  { failure, failedProbe, sameAsBefore }: Assessment,
): void {
  const { breaker } = child.spec
  const before = child.breakerMemory
  const openings = failedProbe && sameAsBefore ? before.openings + 1 : 1
  const { troubled } = child
  if (troubled.memory !== undefined) troubled.memory = { ...troubled.memory, breaker: { ...before, openings } }
  child.state = 'parked'
  troubled.parkedFor = cause
  if (cause !== 'configuration' && breaker !== 'off') {
    const time = openingTime({ ...before, openings }, breaker)
    troubled.until = turn.now + time
    setTimer(turn, child, time)
  }
  emit(turn, { type: 'child.parked', ...about(turn, child), failure, cause, because: child.cause })
}
