// The delays between restarts of one child: options, defaults, and the next delay. Pure.
import { askUser } from '../base/user-code.ts'
import { show } from '../base/show.ts'

/** Delays between restarts of one child. All times in ms. */
export interface BackoffOptions {
  /** Delay of the first restart; default 0. */
  readonly first?: number
  /** Delay of the second restart; default 200. */
  readonly base?: number
  /** Growth from one delay to the next; default 2. */
  readonly factor?: number
  /** Longest delay, jitter included; default 30,000. */
  readonly max?: number
  /**
   * How a delay d is spread. `equal` (default): from d/2 to d. `full`: from 0 to d. `decorrelated`: from `base` to
   * three times the previous delay. `none`: d.
   */
  readonly jitter?: Jitter
  /**
   * Your own schedule instead of `first`, `base`, `factor` and `jitter`: returns the delay in ms, without side effects.
   * `max`, `stableAfter`, `maxAttempts` and `maxElapsed` still apply. The delay is rounded and cut to `max`. If the
   * function throws or returns anything but a number of 0 or more, the delay is `max`.
   */
  readonly delay?: (input: DelayInput) => number
  /** A child that was ready for this many ms starts again at `first`; default 10,000. */
  readonly stableAfter?: number
  /** The number of failures in a row, without a stable life, that are answered by a restart; default 10. */
  readonly maxAttempts?: number
  /** The time in ms, from the first failure in a row, in which failures are answered by a restart; default 300,000. */
  readonly maxElapsed?: number
}

export type Jitter = 'equal' | 'full' | 'decorrelated' | 'none'

export type Backoff = Required<Omit<BackoffOptions, 'delay'>> & Pick<BackoffOptions, 'delay'>

export const DEFAULT_BACKOFF: Backoff = {
  first: 0,
  base: 200,
  factor: 2,
  max: 30_000,
  jitter: 'equal',
  stableAfter: 10_000,
  maxAttempts: 10,
  maxElapsed: 300_000,
}

export interface DelayInput {
  /** Failures in a row without a stable life, including the current one: 1 or more. */
  readonly attempt: number
  /** The delay before this one, in ms; 0 if there was none. */
  readonly previous: number
  /** From 0 inclusive to 1 exclusive. */
  readonly random: number
  /** Multiplies `base`; a `delay` of your own should multiply too. 5 for a failure of class `overload`, else 1. */
  readonly scale: number
}

/** Called with the fault of a `delay` function of the user's. */
type Failed = (error: unknown) => void

/** The delay before the next start, in whole ms. Never more than `max`. */
export function nextDelay(backoff: Backoff, input: DelayInput, failed: Failed = () => undefined): number {
  const { max, delay } = backoff
  const drawn = delay === undefined ? scheduled(backoff, input) : (own(delay, input, failed) ?? max)
  return Math.min(Math.floor(max), Math.round(drawn))
}

function scheduled(backoff: Backoff, { attempt, previous, random, scale }: DelayInput): number {
  const { first, factor, max, jitter } = backoff
  if (attempt <= 1) return first
  const base = backoff.base * scale
  const delay = Math.min(max, base * factor ** (attempt - 2))
  switch (jitter) {
    case 'none':
      return delay
    case 'equal':
      return delay / 2 + random * (delay / 2)
    case 'full':
      return random * delay
    case 'decorrelated': {
      const highest = Math.max(base, 3 * previous)
      return base + random * (highest - base)
    }
  }
}

/**
 * Calls the user's `delay`. `undefined` if it fails, so that a faulty schedule neither ends the supervisor nor restarts
 * a child without pause.
 */
function own(delay: NonNullable<Backoff['delay']>, input: DelayInput, failed: Failed): number | undefined {
  try {
    const answer: unknown = askUser(() => delay(input))
    if (typeof answer === 'number' && answer >= 0) return answer
    throw new TypeError(`it must answer with a number of 0 or more, not ${show(answer)}`)
  } catch (error) {
    failed(error)
    return undefined
  }
}

/** The shortest time that `failures` failures in a row can take, jitter at its lowest, in ms. */
export function shortestTime(backoff: Backoff, failures: number): number {
  let total = 0
  for (let attempt = 1; attempt <= failures; attempt += 1) {
    const drawn = (random: number): number => nextDelay(backoff, { attempt, previous: 0, random, scale: 1 })
    // With a `delay` of the user's, `random` 0 need not give the shortest one.
    total += backoff.delay === undefined ? drawn(0) : Math.min(drawn(0), drawn(1 - Number.EPSILON))
  }
  return total
}
