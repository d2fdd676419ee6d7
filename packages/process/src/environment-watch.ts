// Finds out when it is worth trying again after a configuration failure: the error lists paths in `details.watch`, and
// the watch compares what `stat` says of them twice a second.
import { statSync } from 'node:fs'
import type { SupervisorClock } from '@terrarium/supervisor/base'

/** Time between two looks at the paths, in ms. */
const LOOK_EVERY = 500
/**
 * Time until the first probe, in ms. It doubles with each probe. A probe finds what no path shows: a system library.
 */
const FIRST_PROBE = 30_000
/** The longest time between two probes, in ms. */
const LAST_PROBE = 600_000
/** Time until the next try when paths have changed during one, in ms. It doubles as long as each try sees a change. */
const TRY_AGAIN = 1_000

export interface EnvironmentWatchOptions {
  readonly clock: SupervisorClock
  /** Called when a path has changed, and for each probe. */
  readonly changed: () => void
  /** Called with what `changed` throws. */
  readonly onError: (error: unknown) => void
  /** Whether `changed` is also called while no path changes: after 30 s, then ever more rarely. Default true. */
  readonly probes?: boolean
}

/**
 * Watches the paths that a configuration failure depends on: the folders that modules are imported from, the file with
 * the mistake, a folder that does not exist yet. Calls `changed` when a path has changed and then stayed the same for
 * one look. No process is started to find a change.
 */
export class EnvironmentWatch {
  readonly #options: EnvironmentWatchOptions
  /** The last known state of each path. */
  #paths = new Map<string, string>()
  /** The state of all paths at the last call of `changed`. */
  #tried = ''
  /** The state of all paths at the last look. */
  #seen = ''
  /** The state of each path when a try began that has not ended yet. */
  #began: ReadonlyMap<string, string> | undefined
  #againAt = Infinity
  #againDelay = TRY_AGAIN
  #timer: unknown
  #probeAt = 0
  #probeDelay = FIRST_PROBE

  constructor(options: EnvironmentWatchOptions) {
    this.#options = options
  }

  /**
   * Watches these paths instead of the ones before. Changes are compared with the present state of the paths. But what
   * has changed since the last call of `changed` may have come too late for the try that the call has begun: it is
   * worth another one.
   */
  watch(paths: readonly string[]): void {
    if (this.#timer === undefined) this.#probeDelay = FIRST_PROBE
    const began = [...(this.#began ?? [])]
    this.stop()
    this.#paths = new Map(paths.map((path) => [path, '']))
    this.#tried = this.#seen = this.#fingerprint()
    const isLate = began.some(([path, state]) => (this.#paths.get(path) ?? state) !== state)
    this.#againAt = isLate ? this.#options.clock.now() + this.#againDelay : Infinity
    this.#againDelay = isLate ? Math.min(this.#againDelay * 2, LAST_PROBE) : TRY_AGAIN
    this.#probeLater()
    this.#lookLater()
  }

  /** Stops watching. */
  stop(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#began = undefined
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#look()
    }, LOOK_EVERY)
  }

  #probeLater(): void {
    const { clock, probes = true } = this.#options
    this.#probeAt = probes ? clock.now() + this.#probeDelay : Infinity
  }

  #look(): void {
    const now = this.#fingerprint()
    const settled = now === this.#seen
    this.#seen = now
    const time = this.#options.clock.now()
    const due = time >= this.#probeAt
    this.#lookLater()
    if ((now !== this.#tried && settled) || due || time >= this.#againAt) {
      if (due) this.#probeDelay = Math.min(this.#probeDelay * 2, LAST_PROBE)
      this.#tried = now
      this.#againAt = Infinity
      this.#began ??= new Map(this.#paths)
      this.#probeLater()
      try {
        this.#options.changed()
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }

  #fingerprint(): string {
    for (const [path, before] of this.#paths) this.#paths.set(path, lookAt(path) ?? before)
    return [...this.#paths.values()].join()
  }
}

/** Error codes for a path that does not exist or cannot be reached. Each counts as a state of the path. */
const STATES = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'])

/** The state of a path. Undefined for a fault of the system, such as too little memory: a fault is no change. */
function lookAt(path: string): string | undefined {
  try {
    // ctime changes with permissions and owner, mtime does not.
    const { ino, mtimeNs, ctimeNs, size } = statSync(path, { bigint: true })
    return `${ino}:${mtimeNs}:${ctimeNs}:${size}`
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return STATES.has(code) ? code : undefined
  }
}
