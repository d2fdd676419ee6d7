// The calls of tools with batches that wait for others, as `_batches.py` keeps them in Python.
import type { SupervisorClock } from '@terrarium/supervisor/base'
import type { KnownTool } from './tool.ts'

interface Waiting<TCall> {
  readonly calls: TCall[]
  readonly timer: unknown
}

export class TestBatches<TCall extends { readonly tool: KnownTool }> {
  readonly #clock: SupervisorClock
  readonly #due: (calls: readonly TCall[]) => void
  readonly #waiting = new Map<KnownTool, Waiting<TCall>>()

  /** `due`: called with the calls of a batch that is full, or whose time has come. */
  constructor(clock: SupervisorClock, due: (calls: readonly TCall[]) => void) {
    this.#clock = clock
    this.#due = due
  }

  add(call: TCall): void {
    const { tool } = call
    let waiting = this.#waiting.get(tool)
    if (waiting === undefined) {
      const timer = this.#clock.setTimeout(() => {
        this.#begin(tool)
      }, tool.within)
      waiting = { calls: [], timer }
      this.#waiting.set(tool, waiting)
    }
    waiting.calls.push(call)
    if (waiting.calls.length >= tool.batch) this.#begin(tool)
  }

  /** The call does not wait any more. */
  remove(call: TCall): void {
    const { calls = [] } = this.#waiting.get(call.tool) ?? {}
    const index = calls.indexOf(call)
    if (index >= 0) calls.splice(index, 1)
  }

  /** All calls that wait. No batch of them begins. */
  takeAll(): readonly TCall[] {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { timer } of all) this.#clock.clearTimeout(timer)
    return all.flatMap(({ calls }) => calls)
  }

  #begin(tool: KnownTool): void {
    const waiting = this.#waiting.get(tool)
    if (waiting === undefined) return
    this.#waiting.delete(tool)
    this.#clock.clearTimeout(waiting.timer)
    this.#due(waiting.calls)
  }
}
