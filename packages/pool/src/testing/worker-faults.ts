// What is wrong with the workers of a pool without Python, by slot: they hang, are slow, or do not start.
import { isTerrariumError } from '@terrarium/supervisor/base'
import type { TestWorker } from './test-worker.ts'

/** What the next workers of one slot have. */
interface Plan {
  hangs: number
  slow: { readonly ms: number; left: number } | undefined
  starts: { readonly error: unknown; left: number } | undefined
}

/** The pids of workers that have had a fault. */
const harmed = new Set<number>()

/** Whether the failure is of a worker that has had a fault, which may be why. */
export function isOfHarmedWorker(error: unknown): boolean {
  return isTerrariumError(error) && typeof error.details.pid === 'number' && harmed.has(error.details.pid)
}

export class WorkerFaults {
  readonly #plans = new Map<string, Plan>()

  /** `present`: the worker that has the fault first, if there is one now. */
  hang(id: string, present: TestWorker | undefined, incarnations: number): void {
    this.#planOf(id).hangs = present === undefined ? incarnations : incarnations - 1
    if (present !== undefined) this.#hang(present)
  }

  /** As {@link hang}. */
  slow(id: string, present: TestWorker | undefined, ms: number, incarnations: number): void {
    this.#planOf(id).slow = { ms, left: present === undefined ? incarnations : incarnations - 1 }
    if (present !== undefined) this.#slow(present, ms)
  }

  failStarts(id: string, times: number, error: unknown): void {
    this.#planOf(id).starts = { error, left: times }
  }

  heal(id: string, present: TestWorker | undefined): void {
    this.#plans.delete(id)
    if (present === undefined) return
    present.delay = 0
    present.setHanging(false)
  }

  harm(worker: TestWorker): void {
    harmed.add(worker.pid)
  }

  /** Gives a new worker the faults that are due to it. */
  started(worker: TestWorker): void {
    const plan = this.#plans.get(worker.id)
    if (plan === undefined) return
    if (plan.hangs > 0) {
      plan.hangs -= 1
      this.#hang(worker)
    }
    const { slow } = plan
    if (slow === undefined || slow.left === 0) return
    slow.left -= 1
    this.#slow(worker, slow.ms)
  }

  /** Throws what the start of a worker fails with, if it is to fail. */
  mustStart(worker: TestWorker): void {
    const starts = this.#plans.get(worker.id)?.starts
    if (starts === undefined || starts.left === 0) return
    starts.left -= 1
    this.harm(worker)
    throw starts.error
  }

  #hang(worker: TestWorker): void {
    this.harm(worker)
    worker.setHanging(true)
  }

  #slow(worker: TestWorker, ms: number): void {
    this.harm(worker)
    worker.delay = ms
  }

  #planOf(id: string): Plan {
    const plan = this.#plans.get(id) ?? { hangs: 0, slow: undefined, starts: undefined }
    this.#plans.set(id, plan)
    return plan
  }
}
