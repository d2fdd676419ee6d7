// The faults of a pool without Python, as a test asks for them.
import { Checker, isDuration, isName, messageOf, TerrariumError } from '@terrarium/supervisor/base'
import type { FailStartsOptions, FaultOptions } from '@terrarium/supervisor/testing'
import type { TestResources } from './test-resources.ts'
import type { TestWorker } from './test-worker.ts'
import type { TestExit } from './tool.ts'

/** Faults of the workers of a pool without Python, by slot, `worker-1` for instance. */
export interface PoolFaults {
  /** Ends the worker of a slot, as if by itself. Default: exit status 1. Throws INVALID_ARGUMENT if there is none. */
  crash(worker: string, exit?: TestExit): void
  /** The next starts in the slot fail. */
  failStarts(worker: string, options?: FailStartsOptions): void
  /** The worker hears and says nothing any more, pings included, until it is healed or killed. */
  hang(worker: string, options?: FaultOptions): void
  /** Each call takes `ms` ms longer, on the pool's clock. */
  slow(worker: string, ms: number, options?: FaultOptions): void
  /**
   * Starts in the slot fail with CONFIGURATION, as if the module were not installed, until the slot is healed. A worker
   * that is there goes on. Throws INVALID_ARGUMENT for a name that is no text, or empty.
   */
  lackModule(worker: string, module: string): void
  /**
   * Takes back the faults of a slot, or all, and tells the pool that its environment has changed, as when a missing
   * module was installed: the pool starts a worker that is parked for CONFIGURATION, and the others once it is ready.
   */
  heal(worker?: string): void
}

export class SlotFaults implements PoolFaults {
  readonly #resources: TestResources
  readonly #ids: readonly string[]
  readonly #healed: () => void

  constructor(resources: TestResources, ids: readonly string[], healed: () => void) {
    this.#resources = resources
    this.#ids = ids
    this.#healed = healed
  }

  crash(id: string, exit?: TestExit): void {
    const worker = this.#workerOf(id)
    if (worker === undefined) {
      throw new TerrariumError('INVALID_ARGUMENT', `${id} has no worker now`, {
        hint: 'Wait until it is started, or use failStarts() for its next starts.',
      })
    }
    this.#resources.faults.harm(worker)
    worker.exit(exit)
  }

  failStarts(id: string, options: FailStartsOptions = {}): void {
    const { times = 1, error = new Error(`${id} was told not to start`) } = options
    this.#mustBeSlot(id)
    checkCount('times', times)
    this.#resources.faults.failStarts(id, times, error)
  }

  hang(id: string, { incarnations = 1 }: FaultOptions = {}): void {
    const worker = this.#workerOf(id)
    checkCount('incarnations', incarnations)
    this.#resources.faults.hang(id, worker, incarnations)
  }

  slow(id: string, ms: number, { incarnations = 1 }: FaultOptions = {}): void {
    const worker = this.#workerOf(id)
    check('ms', ms, isDuration, 'ms, 0 or more')
    checkCount('incarnations', incarnations)
    this.#resources.faults.slow(id, worker, ms, incarnations)
  }

  lackModule(id: string, module: string): void {
    this.#mustBeSlot(id)
    check('module', module, isName, 'a non-empty string')
    const error = new TerrariumError('CONFIGURATION', `no module named '${module}' in a worker of a test`, {
      hint: `Call faults.heal('${id}') where the module is to be installed.`,
      details: { kind: 'missing_module', module, modules: [module] },
    })
    this.#resources.faults.failStarts(id, Infinity, error)
  }

  heal(id?: string): void {
    for (const each of id === undefined ? this.#ids : [id]) this.#resources.faults.heal(each, this.#workerOf(each))
    this.#healed()
  }

  #workerOf(id: string): TestWorker | undefined {
    this.#mustBeSlot(id)
    return this.#resources.living().find((worker) => worker.id === id)
  }

  #mustBeSlot(id: string): void {
    if (this.#ids.includes(id)) return
    throw new TerrariumError('INVALID_ARGUMENT', `the pool has no worker ${messageOf(id)}`, {
      hint: `Name one of ${this.#ids.slice(0, 8).join(', ')}${this.#ids.length > 8 ? ', …' : ''}.`,
    })
  }
}

const isCount = (value: unknown): boolean => value === Infinity || (Number.isInteger(value) && (value as number) > 0)

function checkCount(name: string, value: unknown): void {
  check(name, value, isCount, 'a whole number from 1, or Infinity')
}

function check(name: string, value: unknown, isValid: (value: unknown) => boolean, expected: string): void {
  const checker = new Checker()
  checker.required({ [name]: value }, name, isValid, expected)
  checker.finish('fault')
}
