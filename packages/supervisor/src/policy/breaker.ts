import type { FailureClass, FailurePhase } from './failure.ts'

/** When a child is parked instead of restarted, and for how long. */
export interface BreakerOptions {
  /** The same failure so many times in a row before the child was ready parks it; default 3. */
  readonly identical?: number
  /**
   * So many failures of any kind before the child was ever ready, or the same failure so many times although ready but
   * for less than `minUptime`, park it; default 6.
   */
  readonly unstable?: number
  /** In ms; default 5,000. */
  readonly minUptime?: number
  /**
   * How long a child is parked before one start is tried (a probe), in ms; doubles for each probe that fails the same
   * way; default 30,000.
   */
  readonly openFor?: number
  /** In ms; default 600,000. */
  readonly maxOpenFor?: number
}

export type Breaker = Required<BreakerOptions>

export const DEFAULT_BREAKER: Breaker = {
  identical: 3,
  unstable: 6,
  minUptime: 5_000,
  openFor: 30_000,
  maxOpenFor: 600_000,
}

/**
 * Why a child is parked. `configuration` is latched: it is never probed, only `unpark()` starts the child again.
 * `exhausted` means that the backoff's attempts are used up.
 */
export type ParkCause = 'configuration' | 'identical_failures' | 'unstable' | 'exhausted'

/** What the breaker remembers of one child. */
export interface BreakerMemory {
  /** Of the last failure. */
  readonly fingerprint: string
  /** The same failure in a row, with no ready in between. */
  readonly identical: number
  /** Failures in a row, with no ready in between. */
  readonly neverReady: number
  /** The same failure in a row, each soon after ready. */
  readonly unstable: number
  /** How often it was parked in a row for the same failure. */
  readonly openings: number
}

export const FRESH_BREAKER: BreakerMemory = { fingerprint: '', identical: 0, neverReady: 0, unstable: 0, openings: 0 }

export interface BreakerInput {
  readonly fingerprint: string
  /** How long it had been ready, in ms; `undefined` if it never was. */
  readonly readyFor: number | undefined
}

export function recordFailure(memory: BreakerMemory, breaker: Breaker, failure: BreakerInput): BreakerMemory {
  const { fingerprint, readyFor } = failure
  const streak = (count: number): number => (fingerprint === memory.fingerprint ? count + 1 : 1)
  const wasReady = readyFor !== undefined
  return {
    fingerprint,
    identical: wasReady ? 0 : streak(memory.identical),
    neverReady: wasReady ? 0 : memory.neverReady + 1,
    unstable: wasReady && readyFor < breaker.minUptime ? streak(memory.unstable) : 0,
    openings: memory.openings,
  }
}

/** Why the child has to be parked after the failure just recorded, if it has to be. */
export function judge(
  memory: BreakerMemory,
  breaker: Breaker,
  failure: { readonly class: FailureClass; readonly readyFor: number | undefined },
): ParkCause | undefined {
  if (failure.class === 'configuration' && failure.readyFor === undefined) return 'configuration'
  if (memory.identical >= breaker.identical) return 'identical_failures'
  if (memory.neverReady >= breaker.unstable || memory.unstable >= breaker.unstable) return 'unstable'
  return undefined
}

/** The same for a parked child that has failed as soon as it was tried again, whatever its counts. */
export function judgeProbe(
  failure: { readonly class: FailureClass; readonly phase: FailurePhase },
  before: ParkCause | undefined,
): ParkCause {
  if (failure.class === 'configuration' && failure.phase === 'start') return 'configuration'
  return before === undefined || before === 'configuration' ? 'unstable' : before
}

/** How long a child stays parked, in ms. */
export function openingTime({ openings }: BreakerMemory, { openFor, maxOpenFor }: Breaker): number {
  return Math.min(maxOpenFor, openFor * 2 ** Math.max(0, openings - 1))
}
