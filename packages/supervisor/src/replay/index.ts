/**
 * Runs the journal of a supervisor again, as it was or with another strategy, backoff, breaker or intensity:
 *
 * ```ts
 * import { replay } from '@terrarium/supervisor/replay'
 *
 * const { differences } = replay(journal, { strategy: 'one_for_all' })
 * ```
 */
export { replay, type Replay, type ReplayChanges } from './replay.ts'
export type { Difference } from './differences.ts'
export type { EffectJson } from './effect-json.ts'
export type { JournalJson } from './journal-json.ts'
export type { ErrorJson } from './encoder.ts'
