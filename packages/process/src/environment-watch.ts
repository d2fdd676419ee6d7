import { statSync } from 'node:fs'
import type { SupervisorClock } from '@terrarium/supervisor/base'

/** How often the paths are looked at, in ms. */
const LOOK_EVERY = 500
/** Something may change that no path shows (a system library): a first probe after this long, then doubling, in ms. */
const FIRST_PROBE = 30_000
const LAST_PROBE = 600_000

export interface EnvironmentWatchOptions {
  readonly clock: SupervisorClock
  /** What the failure depends on has changed, or it is time to see whether something else has. */
  readonly changed: () => void
  /** Takes what `changed` throws. */
  readonly report: (error: unknown) => void
  /** Whether `changed` is also called when no path has changed: after 30 s, then ever more rarely. Default true. */
  readonly probes?: boolean
}

/**
 * Watches what a configuration failure depends on: the folders modules are imported from, the file with the mistake, a
 * folder that does not exist yet. Says `changed` once a change has settled. While nothing changes, no process is
 * started to find that out.
 */
export class EnvironmentWatch {
  readonly #options: EnvironmentWatchOptions
  /** What was seen last of each path. */
  #paths = new Map<string, string>()
  #tried = ''
  #seen = ''
  #timer: unknown
  #probeAt = 0
  #probeDelay = FIRST_PROBE

  constructor(options: EnvironmentWatchOptions) {
    this.#options = options
  }

  /** Watches these paths from how they are now. */
  watch(paths: readonly string[]): void {
    if (this.#timer === undefined) this.#probeDelay = FIRST_PROBE
    this.stop()
    this.#paths = new Map(paths.map((path) => [path, '']))
    this.#tried = this.#seen = this.#fingerprint()
    this.#probeLater()
    this.#lookLater()
  }

  stop(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
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
    const due = this.#options.clock.now() >= this.#probeAt
    this.#lookLater()
    if ((now !== this.#tried && settled) || due) {
      if (due) this.#probeDelay = Math.min(this.#probeDelay * 2, LAST_PROBE)
      this.#tried = now
      this.#probeLater()
      try {
        this.#options.changed()
      } catch (error) {
        this.#options.report(error)
      }
    }
  }

  #fingerprint(): string {
    for (const [path, before] of this.#paths) this.#paths.set(path, lookAt(path) ?? before)
    return [...this.#paths.values()].join()
  }
}

/** What the system says when a path is not there, or may not be looked at. */
const ANSWERS = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'])

/** Undefined when the system has no answer now (out of memory, a fault of the disk): that is no change. */
function lookAt(path: string): string | undefined {
  try {
    // The change time too: it tells of permissions and owners.
    const { ino, mtimeNs, ctimeNs, size } = statSync(path, { bigint: true })
    return `${ino}:${mtimeNs}:${ctimeNs}:${size}`
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return ANSWERS.has(code) ? code : undefined
  }
}
