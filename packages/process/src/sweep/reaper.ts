import type { AnyLogger } from '../guarded-logger.ts'
import { patience } from '../pacing/patience.ts'
import { sameProcess, type Identity } from '../table/identity.ts'
import type { Outcome } from './sweep-helper.ts'

/** What the reaper works with: the system, and the table of spawns. */
export interface ReaperDependencies {
  /** Every process that carries a spawn tag of this run. */
  scan(): Identity[]
  /** Every process that carries the mark of one of these spawns, whatever its environment says. */
  scanRlimitTags(spawns: readonly string[]): Identity[]
  kill(strays: readonly Identity[]): Promise<readonly Outcome[]>
  /** Whether this run has made that spawn and not yet released it. */
  knows(spawn: string): boolean
  /** Its death is proven. */
  release(spawn: string): Promise<void>
  readonly logger: AnyLogger
  /** Between two looks at what resists, ms. */
  readonly interval: number
}

interface Dead {
  /** The shepherd has exited before it has ended what the process left behind. */
  readonly orphaned: boolean
  emptyPasses: number
  /** What still carried its spawn tag in the last pass. */
  seen: readonly Identity[]
}

const SETTLE_MS = 20
const FAST_PASSES = 10
const EMPTY_PASSES = 2

/**
 * Proves the death of spawns whose process has exited: nothing carries their spawn tag any more, in two passes. What
 * does, in two passes, and is thus not merely on its way out, is killed. Acts on nothing but spawns that are dead to
 * us; scans only while there are such spawns, quickly at first and every `interval` ms when something resists.
 */
export class Reaper {
  readonly #dependencies: ReaperDependencies
  readonly #dead = new Map<string, Dead>()
  readonly #reported = new Set<string>()
  #timer: { readonly handle: NodeJS.Timeout; readonly fast: boolean } | undefined
  #pass: Promise<void> | undefined
  #fastPasses = 0
  #killed = 0
  #finished = false

  constructor(dependencies: ReaperDependencies) {
    this.#dependencies = dependencies
  }

  /** Strays killed so far. */
  get killed(): number {
    return this.#killed
  }

  /**
   * Takes over a spawn whose process has exited. If its shepherd went first, it is looked for by its mark too, which
   * takes longer.
   */
  takeOver(spawn: string, orphaned: boolean): void {
    this.#dead.set(spawn, { orphaned, emptyPasses: 0, seen: [] })
    this.#fastPasses = FAST_PASSES
    this.#schedule()
  }

  /** Works until everything it was given is released, or until the deadline (ms); then stops. */
  async finish(deadline: number): Promise<void> {
    const late = new AbortController()
    void patience(deadline).then(() => {
      late.abort()
    })
    this.#fastPasses = Infinity
    while (this.#dead.size > 0 && !late.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      await this.#runPass()
    }
    this.#finished = true
    clearTimeout(this.#timer?.handle)
  }

  #schedule(): void {
    const fast = this.#fastPasses > 0
    // A pass that is due is never put off: exits may keep coming.
    if (this.#finished || this.#timer?.fast === true) return
    clearTimeout(this.#timer?.handle)
    const handle = setTimeout(
      () => {
        this.#timer = undefined
        void this.#runPass()
      },
      fast ? SETTLE_MS : this.#dependencies.interval,
    )
    // A quick proof is worth waiting for; something that resists must not keep the host alive.
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
        if (this.#dead.size > 0) this.#schedule()
      })
    return this.#pass
  }

  async #examine(): Promise<void> {
    // Only spawns that were dead before the scan: what it did not see of them was gone.
    const dead = [...this.#dead]
    const tagged = this.#dependencies.scan()
    this.#reportUnknown(tagged)
    const orphans = dead.filter(([, { orphaned }]) => orphaned).map(([spawn]) => spawn)
    const pids = new Set(tagged.map(({ pid }) => pid))
    const found = [...tagged, ...this.#dependencies.scanRlimitTags(orphans).filter(({ pid }) => !pids.has(pid))]
    const strays: Identity[] = []
    const proven: string[] = []
    for (const [spawn, state] of dead) {
      const seen = found.filter((process) => process.spawn === spawn)
      if (seen.length > 0) {
        strays.push(...seen.filter((process) => state.seen.some((before) => sameProcess(before, process))))
        this.#dead.set(spawn, { ...state, emptyPasses: 0, seen })
      } else if (state.emptyPasses + 1 < EMPTY_PASSES) {
        this.#dead.set(spawn, { ...state, emptyPasses: state.emptyPasses + 1, seen })
      } else {
        this.#dead.delete(spawn)
        proven.push(spawn)
      }
    }
    // Together, and so with one write.
    await Promise.all(proven.map((spawn) => this.#dependencies.release(spawn)))
    if (strays.length === 0) return
    const outcomes = await this.#dependencies.kill(strays)
    for (const [index, stray] of strays.entries()) {
      const outcome = outcomes[index]
      if (outcome === 'killed') {
        this.#killed++
        this.#dependencies.logger.debug({ stray }, 'killed a process that its worker had left behind')
      } else if (outcome !== 'gone' && this.#once(`${stray.pid}:${stray.startTicks}`)) {
        this.#dependencies.logger.warn({ stray, outcome }, 'a process that its worker left behind cannot be ended')
      }
    }
  }

  #reportUnknown(found: readonly Identity[]): void {
    for (const process of found) {
      if (!this.#dependencies.knows(process.spawn) && this.#once(`${process.pid}:${process.startTicks}`)) {
        this.#dependencies.logger.warn(
          { process },
          'left alone: a process of this run that no living spawn accounts for',
        )
      }
    }
  }

  #once(key: string): boolean {
    if (this.#reported.has(key)) return false
    this.#reported.add(key)
    return true
  }
}
