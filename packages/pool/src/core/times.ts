// How long the calls of each tool took on their workers, counted in buckets that double. Counted always: an answer
// costs one look into a map and one count.

/** Bucket k has the times below 2 ** k / 16 ms; the last one has all that are longer. */
export const BUCKETS = 22
/** Of so many tools the times are kept. */
const MOST_TOOLS = 256

export class Times {
  readonly #counts = new Map<string, Uint32Array>()

  /** `ms`: from the hand-over to a worker until its answer. */
  add(tool: string, ms: number): void {
    let counts = this.#counts.get(tool)
    if (counts === undefined) {
      if (this.#counts.size >= MOST_TOOLS) return
      this.#counts.set(tool, (counts = new Uint32Array(BUCKETS)))
    }
    const bucket = Math.min(BUCKETS - 1, 32 - Math.clz32(Math.min(ms * 16, 2 ** 31)))
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }

  /** The counts so far, by tool. They go on rising. */
  get counts(): ReadonlyMap<string, Uint32Array> {
    return this.#counts
  }
}
