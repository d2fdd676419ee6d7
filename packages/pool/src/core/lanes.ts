// The queue: calls that wait, in three lanes by their priority. The highest lane goes first, but none waits for ever.
import { CallList, type Call } from './call.ts'

/** The lanes, the highest first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const

export type Priority = (typeof PRIORITIES)[number]

/** So many calls of higher lanes go before a call that is the first of its lane. */
export const MOST_BEFORE = 16

/** Calls that wait. Within a lane they go in order of arrival. */
export class Lanes {
  readonly high = new CallList()
  readonly normal = new CallList()
  readonly low = new CallList()
  /** How many calls have gone from lanes above the lane. */
  #aboveNormal = 0
  #aboveLow = 0

  get size(): number {
    return this.high.size + this.normal.size + this.low.size
  }

  /** The call that goes next. */
  get first(): Call | undefined {
    return this.#next.first
  }

  get #next(): CallList {
    const { high, normal, low } = this
    if (high.size === 0 && low.size === 0) return normal
    if (isDue(low, this.#aboveLow)) return low
    if (isDue(normal, this.#aboveNormal)) return normal
    if (high.size > 0) return high
    return normal.size > 0 ? normal : low
  }

  add(call: Call): void {
    this[call.priority].add(call)
  }

  /** A call that had gone is back. It has had its turn, so it is due. */
  putBack(call: Call): void {
    call.mark = (call.priority === 'low' ? this.#aboveLow : this.#aboveNormal) - MOST_BEFORE
    this[call.priority].putBack(call)
  }

  /** Removes the call that goes next, and returns it. */
  take(): Call | undefined {
    const lane = this.#next
    if (lane !== this.low) this.#aboveLow += 1
    if (lane === this.high) this.#aboveNormal += 1
    return lane.take()
  }
}

/** `gone`: how many calls have gone from lanes above. */
function isDue({ first }: CallList, gone: number): boolean {
  if (first === undefined) return false
  if (first.mark === -1) first.mark = gone
  return gone - first.mark >= MOST_BEFORE
}
