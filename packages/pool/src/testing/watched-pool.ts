// A pool that a habitat watches: which of its workers have failed, and which were never ready.
import { VirtualClock, type Watched } from '@terrarium/supervisor/testing'
import type { Pool } from '../api.ts'
import { PoolHandle } from '../handle.ts'

/** How long a pool that a test has left running may take to stop, in ms of real time. */
const STOP_WITHIN = 10_000
/** How far a virtual clock moves at a time while the pool stops, in ms. */
const STEP = 250

export class WatchedPool implements Watched {
  readonly #pool: Pool
  readonly #ready = new Set<string>()
  #hasFailed = false

  /** `note`: called with each failure of a worker. */
  constructor(pool: Pool, note: (what: string, error: unknown) => void) {
    this.#pool = pool
    pool.on('worker.ready', ({ worker }) => this.#ready.add(worker))
    const failed = (worker: string, error: unknown): void => {
      this.#hasFailed = true
      note(`${pool.name}/${worker}`, error)
    }
    const told = new Set<unknown>()
    pool.on('worker.exit', ({ worker, reason }) => {
      if (reason.type !== 'error') return
      told.add(reason.error)
      failed(worker, reason.error)
    })
    pool.on('worker.parked', ({ worker, error }) => {
      if (error.code === 'PARKED') return // by hand
      if (!told.has(error) && !told.has(error.cause)) failed(worker, error)
    })
  }

  complaints(): readonly string[] {
    const { name, status, workers } = this.#pool
    if (this.#hasFailed) return []
    const missing = workers.map(({ id }) => id).filter((id) => !this.#ready.has(id))
    if (missing.length === workers.length) return [`${name} never became ready: it is ${status}`]
    return missing.map((id) => `${name}/${id} never became ready`)
  }

  /** On a virtual clock the time passes that calls in flight and workers have for their end. */
  async stop(): Promise<void> {
    if (this.#pool.status === 'idle') return
    const state = { isStopped: false }
    const stopped = this.#pool.stop().finally(() => (state.isStopped = true))
    const clock = PoolHandle.clockOf(this.#pool)
    const end = performance.now() + STOP_WITHIN
    while (!state.isStopped) {
      if (performance.now() > end) throw new Error(`${this.#pool.name} did not stop within ${STOP_WITHIN} ms`)
      if (clock instanceof VirtualClock) await clock.advance(STEP)
      else await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, STEP))])
    }
    await stopped
  }
}
