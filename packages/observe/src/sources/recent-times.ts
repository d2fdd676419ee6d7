// How long the calls of a pool took within the last minute, from counts that only rise. Nothing is kept of a pool that
// no reader watches.
import type { CallTimes } from '@terrarium/inspector/protocol'

/** How far back the counts go, in ms, and how often a copy of them is kept. */
const SPAN = 60_000
const EVERY = 10_000
/** Tools that are told: the ones with the most calls. */
const TOOLS = 8

type Counts = ReadonlyMap<string, Uint32Array>

interface Copy {
  readonly at: number
  readonly counts: Counts
}

export class RecentTimes {
  #copies: Copy[] = []

  /** `now`: in ms. The first answer is empty: the minute begins with the first look. */
  of(counts: Counts, now: number): readonly CallTimes[] {
    const last = this.#copies.at(-1)
    if (last === undefined || now - last.at >= EVERY) this.#copies.push({ at: now, counts: copyOf(counts) })
    this.#copies = this.#copies.filter(({ at }, index, all) => index === all.length - 1 || now - at <= SPAN)
    const before = this.#copies[0]?.counts
    return [...counts]
      .map(([tool, each]) => [tool, trimmed(each, before?.get(tool))] as const)
      .filter(([, buckets]) => buckets.length > 0)
      .sort(([, a], [, b]) => sum(b) - sum(a))
      .slice(0, TOOLS)
  }

  /** No reader watches any more. */
  forget(): void {
    this.#copies = []
  }
}

const copyOf = (counts: Counts): Counts => new Map([...counts].map(([tool, each]) => [tool, each.slice()]))

const sum = (buckets: readonly number[]): number => buckets.reduce((total, count) => total + count, 0)

/** The calls since the copy, without the empty buckets at the end. */
function trimmed(counts: Uint32Array, before: Uint32Array | undefined): readonly number[] {
  const fresh = Array.from(counts, (count, bucket) => count - (before?.[bucket] ?? 0))
  return fresh.slice(0, fresh.findLastIndex((count) => count > 0) + 1)
}
