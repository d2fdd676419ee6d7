// The reaper proves that exited processes have left nothing behind, and releases their reservations. It is the last
// step in the life of a spawn.
import type { AnyLogger } from '../guarded-logger.ts'
import { patience } from '../pacing/patience.ts'
import { sameProcess, type Identity } from '../table/identity.ts'
import type { Outcome } from './sweep-helper.ts'

/** What a reaper is given: the process table, and the spawns of its run. */
export interface ReaperDependencies {
  /** Every process that carries a spawn tag of this run. */
  scan(): Identity[]
  /** Every process that carries the rlimit tag of one of these spawns, whatever its environment says. */
  scanRlimitTags(spawns: readonly string[]): Identity[]
  /** Kills processes and returns one outcome for each. */
  kill(strays: readonly Identity[]): Promise<readonly Outcome[]>
  /** Whether the spawn belongs to this run and is not released. */
  knows(spawn: string): boolean
  /** Called when nothing of the spawn is left. */
  release(spawn: string): Promise<void>
  readonly logger: AnyLogger
  /** Time between two passes while something resists its end, in ms. */
  readonly interval: number
}

/** A spawn whose process has exited and that is not released. */
interface Exited {
  /** Whether the shepherd exited before it had killed the process's descendants. */
  readonly orphaned: boolean
  /** Passes in a row that found nothing of the spawn. */
  emptyPasses: number
  /** What the last pass found of the spawn. */
  seen: readonly Identity[]
}

/** Time between two fast passes, in ms. */
const SETTLE_MS = 20
/** How many fast passes follow an exit. */
const FAST_PASSES = 10
/** After this many passes in a row that find nothing of a spawn, the spawn is released. */
const EMPTY_PASSES = 2

/**
 * Releases spawns whose process has exited, once two passes in a row find no process with their spawn tag. A process
 * that two passes in a row find is not merely exiting, and is killed. Processes of other spawns are never killed.
 *
 * The reaper scans only while there are such spawns: ten fast passes after an exit, then one pass every `interval` ms.
 */
export class Reaper {
  readonly #dependencies: ReaperDependencies
  readonly #exited = new Map<string, Exited>()
  /** Processes that were logged, by pid and start. */
  readonly #logged = new Set<string>()
  #timer: { readonly handle: NodeJS.Timeout; readonly fast: boolean } | undefined
  #pass: Promise<void> | undefined
  #fastPasses = 0
  #killed = 0
  #finished = false

  constructor(dependencies: ReaperDependencies) {
    this.#dependencies = dependencies
  }

  /** How many processes were killed so far. */
  get killed(): number {
    return this.#killed
  }

  /**
   * Takes over a spawn whose process has exited. `orphaned`: the shepherd exited first, so the spawn is looked for by
   * its rlimit tag too, which takes longer.
   */
  takeOver(spawn: string, orphaned: boolean): void {
    this.#exited.set(spawn, { orphaned, emptyPasses: 0, seen: [] })
    this.#fastPasses = FAST_PASSES
    this.#schedule()
  }

  /** Makes fast passes until every spawn is released, for at most `limit` ms; then stops for good. */
  async finish(limit: number): Promise<void> {
    const late = new AbortController()
    void patience(limit).then(() => {
      late.abort()
    })
    this.#fastPasses = Infinity
    while (this.#exited.size > 0 && !late.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      await this.#runPass()
    }
    this.#finished = true
    clearTimeout(this.#timer?.handle)
  }

  #schedule(): void {
    const fast = this.#fastPasses > 0
    // A fast pass is never put off, or exits in a row would put it off for ever.
    if (this.#finished || this.#timer?.fast === true) return
    clearTimeout(this.#timer?.handle)
    const handle = setTimeout(
      () => {
        this.#timer = undefined
        void this.#runPass()
      },
      fast ? SETTLE_MS : this.#dependencies.interval,
    )
    // A fast pass keeps the host alive until it is made. A process that resists its end does not.
    if (!fast) handle.unref()
    this.#timer = { handle, fast }
  }

  #runPass(): Promise<void> {
    this.#pass ??= this.#examine()
      .catch((error: unknown) => {
        this.#dependencies.logger.error({ err: error }, 'the reaper failed and will look again')
      })
      .finally(() => {
        this.#pass = undefined
        this.#fastPasses = Math.max(0, this.#fastPasses - 1)
        if (this.#exited.size > 0) this.#schedule()
      })
    return this.#pass
  }

  async #examine(): Promise<void> {
    // Taken before the scan: a process that exits during the scan may have been missed with its descendants.
    const exited = [...this.#exited]
    const tagged = this.#dependencies.scan()
    this.#logUnknown(tagged)
    const orphans = exited.filter(([, { orphaned }]) => orphaned).map(([spawn]) => spawn)
    const pids = new Set(tagged.map(({ pid }) => pid))
    const found = [...tagged, ...this.#dependencies.scanRlimitTags(orphans).filter(({ pid }) => !pids.has(pid))]
    const strays: Identity[] = []
    const proven: string[] = []
    for (const [spawn, state] of exited) {
      const seen = found.filter((process) => process.spawn === spawn)
      if (seen.length > 0) {
        strays.push(...seen.filter((process) => state.seen.some((before) => sameProcess(before, process))))
        this.#exited.set(spawn, { ...state, emptyPasses: 0, seen })
      } else if (state.emptyPasses + 1 < EMPTY_PASSES) {
        this.#exited.set(spawn, { ...state, emptyPasses: state.emptyPasses + 1, seen })
      } else {
        this.#exited.delete(spawn)
        proven.push(spawn)
      }
    }
    // Released together, which is one write to the log.
    await Promise.all(proven.map((spawn) => this.#dependencies.release(spawn)))
    if (strays.length === 0) return
    const outcomes = await this.#dependencies.kill(strays)
    for (const [index, stray] of strays.entries()) {
      const outcome = outcomes[index]
      if (outcome === 'killed') {
        this.#killed++
        this.#dependencies.logger.debug({ stray }, 'killed a process that its worker had left behind')
      } else if (outcome !== 'gone' && this.#once(`${stray.pid}:${stray.startTicks}`)) {
        this.#dependencies.logger.warn({ stray, outcome }, 'a process that its worker left behind cannot be killed')
      }
    }
  }

  /** Logs processes that carry the tag of this run and of no spawn of it. They are not killed. */
  #logUnknown(found: readonly Identity[]): void {
    for (const process of found) {
      if (!this.#dependencies.knows(process.spawn) && this.#once(`${process.pid}:${process.startTicks}`)) {
        this.#dependencies.logger.warn(
          { process },
          'left alone: a process of this run that no living spawn accounts for',
        )
      }
    }
  }

  /** Whether the key is asked for the first time. */
  #once(key: string): boolean {
    if (this.#logged.has(key)) return false
    this.#logged.add(key)
    return true
  }
}
