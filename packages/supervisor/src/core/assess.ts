// Judges one exit: what kind of failure it is, whether the child had been stable, and what is remembered.
import { recordFailure } from '../policy/breaker.ts'
import { classify } from '../policy/classify.ts'
import { errorOfExit, type ExitReason } from '../base/exit-reason.ts'
import { Failure } from '../policy/fingerprint.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { DEFAULT_BACKOFF } from '../policy/backoff.ts'
import type { Child } from './state.ts'
import { blame, type Turn } from './turn.ts'

/** In ms: a probed child counts as stable after this time at the latest. */
const LONGEST_PROBE = 10_000

/** What one exit says about its child. */
export interface Assessment {
  readonly failure: FailureInfo
  /** How long the child had been ready, in ms; `undefined` if it never was. */
  readonly readyFor: number | undefined
  /** True if the child was being probed and failed before it was stable. */
  readonly failedProbe: boolean
  readonly sameAsBefore: boolean
}

/** True once the child was ready for `stableAfter` ms. */
export function isStable({ readyAt, spec: { backoff }, trouble: { probing } }: Child, now: number): boolean {
  const { stableAfter } = backoff === 'off' ? DEFAULT_BACKOFF : backoff
  return readyAt !== undefined && now - readyAt >= (probing ? Math.min(stableAfter, LONGEST_PROBE) : stableAfter)
}

/** Remembers what a life has proven, however it ended. Computed at its end, without a timer (X03, X14). */
export function credit({ now }: Turn, child: Child): void {
  const { memory } = child.trouble
  if (memory === undefined || child.readyAt === undefined) return
  const { breaker } = memory
  child.troubled.memory = isStable(child, now)
    ? undefined
    : { ...memory, breaker: { ...breaker, identical: 0, neverReady: 0 } }
}

/** The failure that an exit is. The child's memory is credited already. Changes nothing. */
export function failureOf(turn: Turn, child: Child, reason: ExitReason): FailureInfo {
  const { now, state } = turn
  const { id, readyAt, startedAt, trouble } = child
  const error = errorOfExit(id, reason)
  const phase = readyAt === undefined ? 'start' : 'run'
  const attempts = (trouble.memory?.last.attempts ?? 0) + 1
  const uptime = now - startedAt
  const kind =
    reason.type === 'error'
      ? classify(error, { id, phase, attempts, uptime }, state.settings.classify, (fault) => {
          blame(turn, 'classify', fault)
        })
      : 'unknown'
  const name = reason.type === 'error' ? undefined : `${phase}:${reason.type}`
  return new Failure({ error, class: kind, phase, attempts, at: now }, name)
}

/** The failure of an exit that has waited for its answer: meanwhile the earlier failures may have been forgotten. */
export function asOfNow(turn: Turn, child: Child, reason: ExitReason, failure: FailureInfo): FailureInfo {
  const attempts = (child.trouble.memory?.last.attempts ?? 0) + 1
  return failure.attempts === attempts ? failure : failureOf(turn, child, reason)
}

/** Judges a failure and remembers it. */
export function assess(child: Child, reason: ExitReason, failure: FailureInfo): Assessment {
  const { at } = failure
  const { breaker } = child.spec
  const readyFor = child.readyAt === undefined ? undefined : at - child.readyAt
  const failedProbe = child.trouble.probing && !isStable(child, at)
  const { troubled } = child
  troubled.probing = false
  const before = child.breakerMemory
  const counts = breaker !== 'off' && (reason.type === 'error' || reason.type === 'killed')
  troubled.memory = {
    last: failure,
    delay: troubled.memory?.delay ?? 0,
    since: troubled.memory?.since ?? at,
    breaker: counts ? recordFailure(before, breaker, { fingerprint: failure.fingerprint, readyFor }) : before,
  }
  return { failure, readyFor, failedProbe, sameAsBefore: counts && before.fingerprint === failure.fingerprint }
}
