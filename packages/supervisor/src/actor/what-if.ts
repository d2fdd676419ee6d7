// The answer to a what-if of a supervisor that runs. The shell loads this module when the first is asked, so that an
// application that asks none does without the rehearsal.
import type { Effect, Result } from '../core/effect.ts'
import { IDEAL, type World } from '../core/rehearsal.ts'
import type { CoreState } from '../core/state.ts'
import { imagined } from '../core/what-if.ts'
import { isAskedToEnd } from './child-actor.ts'

/**
 * Answers a what-if.
 *
 * @param now - in ms
 *
 * @param time - the wall clock at this time, in ms
 */
export function answerWhatIf(
  state: CoreState,
  question: Extract<Effect, { type: 'imagine' }>,
  now: number,
  time: number,
): Result {
  return imagined(state, question, now, worldLike(state, now, time))
}

/**
 * A world in which children are asked to end if the present actors of the same children are.
 *
 * @param now - in ms
 *
 * @param time - the wall clock at this time, in ms
 */
function worldLike({ children }: CoreState, now: number, time: number): World {
  return {
    ...IDEAL,
    time: (later) => time + later - now,
    listens: (child) => {
      const { ref } = children.get(child.id) ?? {}
      return ref === undefined || isAskedToEnd(child, ref)
    },
  }
}
