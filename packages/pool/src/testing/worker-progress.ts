// The progress of one call of a worker of a test, as `_progress.py` sends it in Python: the latest at most every 10 ms,
// the last before the answer.
import type { SupervisorClock } from '@terrarium/supervisor/base'
import type { WorkerFrame } from '@terrarium/worker'

/** Between two Progress frames of one call, in ms. */
const INTERVAL = 10

export class TestProgress {
  readonly #id: number
  readonly #clock: SupervisorClock
  readonly #say: (frame: WorkerFrame) => void
  #held: WorkerFrame | undefined
  #sent = -Infinity
  #timer: unknown
  #hasEnded = false

  /** `id`: of the call. */
  constructor(id: number, clock: SupervisorClock, say: (frame: WorkerFrame) => void) {
    this.#id = id
    this.#clock = clock
    this.#say = say
  }

  report(done: number | undefined, total?: number, text = ''): void {
    if (this.#hasEnded) return
    this.#held = { kind: 'progress', id: this.#id, done: done ?? null, total: total ?? null, text }
    const left = this.#sent + INTERVAL - this.#clock.now()
    if (left <= 0) this.#send()
    else
      this.#timer ??= this.#clock.setTimeout(() => {
        this.#send()
      }, left)
  }

  /** The answer follows. */
  end(): void {
    this.#send()
    this.#hasEnded = true
  }

  /** The worker has ended. */
  drop(): void {
    this.#held = undefined
    this.end()
  }

  #send(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return
    this.#sent = this.#clock.now()
    this.#say(held)
  }
}
