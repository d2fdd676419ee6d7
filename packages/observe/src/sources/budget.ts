// The restart budget of a supervisor as a reader sees it: with a time instead of an age, so that it is told only when
// it has changed.
import type { RestartBudget } from '@terrarium/supervisor'
import type { ActorView } from '../messages.ts'

/** Two readings of the clocks may differ by this much, in ms. */
const TOLERANCE = 250

export class BudgetView {
  readonly #now: () => number
  #frees = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** `undefined`: there is no supervisor yet. */
  view(budget: RestartBudget | undefined): Pick<ActorView, 'strategy' | 'budget'> {
    if (budget === undefined) return {}
    const { strategy, used, intensity, period, freeIn } = budget
    const counts = { used, intensity, period }
    if (freeIn === undefined) return { strategy, budget: counts }
    const frees = this.#now() + freeIn
    if (Math.abs(frees - this.#frees) > TOLERANCE) this.#frees = frees
    return { strategy, budget: { ...counts, frees: this.#frees } }
  }
}
