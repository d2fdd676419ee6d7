// The kill drill: SIGKILLs workers while the job runs, to show that the result is the same.
import type { Pool } from '@terrarium/pool'
import { count } from './report.ts'

/** Kills one busy worker half way through the job, and reports it. */
export class Drill {
  readonly #pool: Pool
  readonly #half: number
  readonly #say: (line: string) => void
  #recovered: Promise<void> | undefined

  constructor(pool: Pool, total: number, say: (line: string) => void) {
    this.#pool = pool
    this.#half = Math.floor(total / 2)
    this.#say = say
  }

  /** Called for every answer, and once before the first. */
  afterAnswers(done: number): void {
    if (this.#recovered !== undefined || done < this.#half) return
    const busy = new Map(this.#pool.workers.map(({ id, inFlight }) => [id, inFlight]))
    const killed = this.#pool.kill()
    if (killed === undefined) return // no worker is busy now
    const { worker, pid } = killed
    const calls = count(busy.get(worker) ?? 0, 'call')
    this.#say(`Half way: SIGKILL to ${worker} (pid ${pid}), busy with ${calls}, which will be run again.`)
    this.#recovered = this.#successorOf(worker)
  }

  /** Resolves when the killed worker has a successor, or will have none. Rejects when the signal is aborted first. */
  async recovered(signal: AbortSignal): Promise<void> {
    if (this.#recovered === undefined) this.#say('No worker was busy half way: none was killed.')
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve()
      })
    })
    await Promise.race([this.#recovered, aborted])
    signal.throwIfAborted()
  }

  /** Resolves when the worker is ready again, or will not be started again. */
  #successorOf(worker: string): Promise<void> {
    return new Promise((resolve) => {
      const onReady = (event: { worker: string; pid: number }): void => {
        if (event.worker !== worker) return
        this.#say(`${worker} is back (pid ${event.pid}).`)
        settle()
      }
      const onParked = (event: { worker: string }): void => {
        if (event.worker === worker) settle()
      }
      const settle = (): void => {
        this.#pool.off('worker.ready', onReady)
        this.#pool.off('worker.parked', onParked)
        resolve()
      }
      this.#pool.on('worker.ready', onReady)
      this.#pool.on('worker.parked', onParked)
    })
  }
}
