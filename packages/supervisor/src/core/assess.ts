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

/** Judges an exit and remembers the failure. */
export function assess(turn: Turn, child: Child, reason: ExitReason): Assessment {
  const { now, state } = turn
  const { breaker } = child.spec
  const readyFor = child.readyAt === undefined ? undefined : now - child.readyAt
  const stable = isStable(child, now)
  const failedProbe = child.trouble.probing && !stable
  const { troubled } = child
  troubled.probing = false
  if (stable) troubled.memory = undefined

  const error = errorOfExit(child.id, reason)
  const phase = readyFor === undefined ? 'start' : 'run'
  const attempts = (troubled.memory?.last.attempts ?? 0) + 1
  const uptime = now - child.startedAt
  const kind =
    reason.type === 'error'
      ? classify(error, { id: child.id, phase, attempts, uptime }, state.settings.classify, (fault) => {
          blame(turn, 'classify', fault)
        })
      : 'unknown'
  const name = reason.type === 'error' ? undefined : `${phase}:${reason.type}`
  const failure: FailureInfo = new Failure({ error, class: kind, phase, attempts, at: now }, name)
  const before = child.breakerMemory
  const counts = breaker !== 'off' && (reason.type === 'error' || reason.type === 'killed')
  troubled.memory = {
    last: failure,
    delay: troubled.memory?.delay ?? 0,
    since: troubled.memory?.since ?? now,
    breaker: counts ? recordFailure(before, breaker, { fingerprint: failure.fingerprint, readyFor }) : before,
  }
  return { failure, readyFor, failedProbe, sameAsBefore: counts && before.fingerprint === failure.fingerprint }
}
