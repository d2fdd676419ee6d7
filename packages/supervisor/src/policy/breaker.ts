// Decides when a child is parked instead of restarted, and for how long. Pure.
import type { FailureClass, FailurePhase } from './failure.ts'

/** When a child is parked instead of restarted, and for how long. */
export interface BreakerOptions {
  /** The number of equal failures in a row, before the child was ready, that park it; default 3. */
  readonly identical?: number
  /**
   * The number of failures that park a child: failures of any kind before it was ever ready, or equal failures soon
   * after it was ready (within `minUptime`); default 6.
   */
  readonly unstable?: number
  /** A child that was ready for less than this many ms counts as unstable; default 5,000. */
  readonly minUptime?: number
  /**
   * How long a child is parked before it is probed, in ms. Doubles for each probe that fails in the same way; default
   * 30,000.
   */
  readonly openFor?: number
  /** The longest time that a child is parked before it is probed, in ms; default 600,000. */
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
 * Why a child is parked. `configuration` is latched: the child is never probed, and only `unpark()` starts it again.
 * `exhausted`: the attempts of the backoff are used up. `strategy`: a plan has parked the child. `request`: parked by
 * hand, with `park()`; only `unpark()` or `restartChild()` starts it again.
 */
export type ParkCause = 'configuration' | 'identical_failures' | 'unstable' | 'exhausted' | 'strategy' | 'request'

/** What the breaker remembers of one child. */
export interface BreakerMemory {
  /** The fingerprint of the last failure. */
  readonly fingerprint: string
  /** Equal failures in a row, without the child being ready in between. */
  readonly identical: number
  /** Failures of any kind in a row, without the child being ready in between. */
  readonly neverReady: number
  /** Equal failures in a row, each less than `minUptime` after the child was ready. */
  readonly unstable: number
  /** How often the child was parked in a row for the same failure. */
  readonly openings: number
}

export const FRESH_BREAKER: BreakerMemory = { fingerprint: '', identical: 0, neverReady: 0, unstable: 0, openings: 0 }

export interface BreakerInput {
  readonly fingerprint: string
  /** How long the child had been ready, in ms; `undefined` if it never was. */
  readonly readyFor: number | undefined
}

/** Counts one failure. */
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

/** Why the child has to be parked after the failure just recorded; `undefined` if it has not. */
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

/** Why a child stays parked whose probe has failed, whatever its counts. */
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
