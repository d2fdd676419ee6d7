/**
 * Keeps the journal of a supervisor, and runs it again, as it was or with another strategy, backoff, breaker or
 * intensity:
 *
 * ```ts
 * import { createSupervisor } from '@terrarium/supervisor'
 * import { keepJournal, replay } from '@terrarium/supervisor/replay'
 *
 * const app = createSupervisor({ id: 'app', journal: keepJournal(), children })
 * …
 * const { differences } = replay(app.journal(), { strategy: 'one_for_all' })
 * ```
 */
export { replay, type Replay, type ReplayChanges } from './replay/replay.ts'
export type { Difference } from './replay/differences.ts'
export type { EffectJson } from './replay/effect-json.ts'
export type { ErrorJson } from './replay/encoder.ts'
export type { JournalJson } from './replay/journal-json.ts'
export type { Step } from './core/rehearsal.ts'
export type { Budget, WhatIfOptions, WhatIfPlan } from './core/what-if.ts'
export { keepJournal, type JournalOptions } from './replay/journal.ts'
