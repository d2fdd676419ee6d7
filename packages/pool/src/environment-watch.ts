import { statSync } from 'node:fs'
import type { SupervisorClock } from '@terrarium/supervisor'

/** How often the paths are looked at, in ms. */
const LOOK_EVERY = 500
/** Something may change that no path shows (a system library): a first probe after this long, then doubling, in ms. */
const FIRST_PROBE = 30_000
const LAST_PROBE = 600_000

/**
 * Watches what a configuration failure depends on: the folders modules are imported from, the file with the mistake.
 * Says `changed` once a change has settled. While nothing changes, no process is started to find that out.
 */
export class EnvironmentWatch {
  readonly #clock: SupervisorClock
  readonly #changed: () => void
  #paths: readonly string[] = []
  #tried = ''
  #seen = ''
  #timer: unknown
  #probeAt = 0
  #probeDelay = FIRST_PROBE

  constructor(clock: SupervisorClock, changed: () => void) {
    this.#clock = clock
    this.#changed = changed
  }

  /** Watches these paths from how they are now. */
  watch(paths: readonly string[]): void {
    if (this.#timer === undefined) this.#probeDelay = FIRST_PROBE
    this.stop()
    this.#paths = paths
    this.#tried = this.#seen = fingerprint(paths)
    this.#probeAt = this.#clock.now() + this.#probeDelay
    this.#lookLater()
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #lookLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#look()
    }, LOOK_EVERY)
  }

  #look(): void {
    const now = fingerprint(this.#paths)
    const settled = now === this.#seen
    this.#seen = now
    const due = this.#clock.now() >= this.#probeAt
    this.#lookLater()
    if ((now !== this.#tried && settled) || due) {
      if (due) this.#probeDelay = Math.min(this.#probeDelay * 2, LAST_PROBE)
      this.#tried = now
      this.#probeAt = this.#clock.now() + this.#probeDelay
      this.#changed()
    }
  }
}

function fingerprint(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        const { ino, mtimeNs, size } = statSync(path, { bigint: true })
        return `${ino}:${mtimeNs}:${size}`
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code)
      }
    })
    .join()
}
