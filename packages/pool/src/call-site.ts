// Where a call was made, for the stack of its error.
import { siteAbove, type CallSite } from '@terrarium/supervisor/base'

/** How many places are remembered a second, by all pools of this process together. */
const MOST_A_SECOND = 100
/** When no more are left, the clock is looked at for one call in so many: a look takes as long as a step of a call. */
const LOOKS = 16

let second = 0
let left = 0
let calls = 0

/**
 * The place of a call, for the stack of its error. To remember one takes about 7 µs, nearly as long as a short call
 * itself, so under load most places are not remembered: an error then shows the async functions that await the call
 * (see `pool.ts`).
 */
export function callSite(above: unknown): CallSite | undefined {
  if (left === 0 && calls > 0) {
    calls -= 1
    return undefined
  }
  const now = Math.floor(performance.now() / 1_000)
  if (now !== second) {
    second = now
    left = MOST_A_SECOND
  }
  if (left === 0) {
    calls = LOOKS - 1
    return undefined
  }
  left -= 1
  return siteAbove(above)
}
