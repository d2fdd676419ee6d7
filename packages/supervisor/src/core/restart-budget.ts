// How much of its restart budget a supervisor has used, as an observer shows it.
import type { CoreState } from './state.ts'

/** Restarts beyond which a supervisor gives up. Plain data. */
export interface RestartBudget {
  /** The strategy's name. */
  readonly strategy: string
  /** How many restarts count now. With one more than `intensity` the supervisor gives up. */
  readonly used: number
  readonly intensity: number
  /** In ms. */
  readonly period: number
  /** How long the oldest restart that counts will count, in ms. Missing while none counts. */
  readonly freeIn?: number
}

/** `now`: in ms. */
export function restartBudget({ settings, window }: CoreState, now: number): RestartBudget {
  const { strategy, intensity, period } = settings
  const freeIn = window.freeIn(now)
  return {
    strategy: settings.kind === 'static' ? strategy.name : settings.kind,
    used: window.used(now),
    intensity,
    period,
    ...(freeIn === undefined ? {} : { freeIn }),
  }
}
