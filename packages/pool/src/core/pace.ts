// How long the tools of a pool take, learned from the answers of the workers. Only calls of tools that are known to be
// short are sent ahead.

/** A tool whose calls take less is short, in ms. */
export const SHORT = 2
/** So much work of short tools may be ahead of one worker, in ms. */
const MOST_WORK = 2
/** And so many calls. */
const MOST_AHEAD = 32
/** The weight of one answer in the mean. A batch of answers brings the time of all of them with its first answer. */
const WEIGHT = 1 / 8
/** The calls of the first probation of a tool, and of the longest one. */
const FIRST_PROBATION = 16
const LONGEST_PROBATION = 4_096
/** A probation is forgotten after so many times its calls. */
const FORGOTTEN_AFTER = 8
/** Of so many tools the pace is kept. */
const MOST_TOOLS = 1_024

/**
 * The pace of one tool: the running mean of the time between the answers of a worker, which rises and falls by an
 * eighth of the difference with each answer. A tool that kept a worker silent while calls were ahead is on probation:
 * for 16 short calls none is sent ahead, and for twice as many after each further time.
 */
export class Pace {
  /** In ms. */
  time: number
  /** The calls of the last probation; 0: none, or it is forgotten. */
  #probation = 0
  /** The short calls that are left of it; below 0: since its end. */
  #left = 0

  /** `time`: of the first call, in ms. */
  constructor(time: number) {
    this.time = time
  }

  get isShort(): boolean {
    return this.time < SHORT && this.#left <= 0
  }

  /** How many calls of the tool may be ahead of one worker, if it is short. */
  get depth(): number {
    return Math.min(MOST_AHEAD, Math.max(1, Math.floor(MOST_WORK / this.time)))
  }

  /** A worker has answered a call of the tool `ms` ms after the answer before. Tells if that made the tool long. */
  answered(ms: number): boolean {
    const { isShort } = this
    this.time += (ms - this.time) * WEIGHT
    if (this.#probation > 0 && ms < SHORT) {
      this.#left -= 1
      if (this.#left <= -FORGOTTEN_AFTER * this.#probation) this.#probation = this.#left = 0
    }
    return isShort && this.time >= SHORT
  }

  /** A call of the tool has kept a worker silent for `ms` ms while calls were ahead of it. */
  keptWaiting(ms: number): void {
    this.time = Math.max(this.time, ms)
    this.#probation = Math.min(LONGEST_PROBATION, Math.max(FIRST_PROBATION, 2 * this.#probation))
    this.#left = this.#probation
  }
}

/** The paces of the tools that have answered, by name. Of too many tools, the tool known first is forgotten. */
export class Paces {
  readonly #paces = new Map<string, Pace>()

  get size(): number {
    return this.#paces.size
  }

  /** Undefined for a tool of which no call has been answered. */
  of(tool: string): Pace | undefined {
    return this.#paces.get(tool)
  }

  /** The first call of a tool was answered after `ms` ms. */
  add(tool: string, ms: number): void {
    for (const longest of this.#paces.keys()) {
      if (this.#paces.size < MOST_TOOLS) break
      this.#paces.delete(longest)
    }
    this.#paces.set(tool, new Pace(ms))
  }
}
