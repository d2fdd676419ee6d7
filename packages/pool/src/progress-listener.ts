// Who listens to the progress of one call: a function of the user's, which can do no harm.
import { tellUser } from '@terrarium/supervisor/base'
import type { AnyLogger } from '@terrarium/process'
import type { Progress } from '@terrarium/worker'

export type OnProgress = (progress: Progress) => void

/**
 * Tells the listener the latest progress, once the frames that have come together are read, and the last one before the
 * call is settled. After that it tells nothing.
 */
export class ProgressListener {
  readonly #listener: OnProgress
  readonly #failed: (error: unknown) => void
  #latest: Progress | undefined
  #hasEnded = false

  /** `tool`: of the call, for the log. */
  constructor(listener: OnProgress, tool: string, logger: AnyLogger) {
    this.#listener = listener
    this.#failed = (err) => {
      logger.error({ err }, `a listener for the progress of ${tool} failed`)
    }
  }

  readonly take = (progress: Progress): void => {
    if (this.#latest === undefined) {
      queueMicrotask(() => {
        this.#tell()
      })
    }
    this.#latest = progress
  }

  /** The call is about to be settled. */
  end(): void {
    this.#tell()
    this.#hasEnded = true
  }

  #tell(): void {
    const latest = this.#latest
    this.#latest = undefined
    if (latest !== undefined && !this.#hasEnded) tellUser(this.#listener, latest, this.#failed)
  }
}
