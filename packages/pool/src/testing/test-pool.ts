// A pool without Python, for unit tests: the real pool, whose workers are functions of the test. All rules of the pool
// hold, since only processes and the socket are replaced: queue, deadlines, retries, parks, stats, events, the end.
import { fieldsOf, isFunction, ownOptions } from '@terrarium/supervisor/base'
import type { AnyActorRef } from 'xstate'
import type { Pool } from '../api.ts'
import { SPARE } from '../core/reload.ts'
import { createState } from '../core/state.ts'
import { PoolHandle } from '../handle.ts'
import { OPTIONS, settingsOf, validatePoolOptions, type PoolOptions, type Variant } from '../options.ts'
import { POOL_FIELDS } from '../own-options.ts'
import { poolLogic, shellOf, type PoolLogic } from '../pool.ts'
import { SlotFaults, type PoolFaults } from './slot-faults.ts'
import { testResources, type BootContext, type TestResources } from './test-resources.ts'
import { checkTestTools, knownTools, type TestTool, type ToolFunction } from './tool.ts'

/**
 * The options of a pool, with functions as tools. `expose`, `python`, `env`, `cwd`, `stateDir` and `containment` are
 * checked and have no effect.
 */
export interface TestPoolOptions extends Omit<PoolOptions, 'tools'> {
  /** By the names by which they are called. */
  readonly tools: Readonly<Record<string, ToolFunction | TestTool>>
  /**
   * What each worker does before it is ready, as Python imports the tools. What it throws is a failed start:
   * CONFIGURATION for a TerrariumError with that code, else START_FAILED. Default: nothing.
   */
  readonly boot?: (context: BootContext) => unknown
}

/** A pool whose workers are functions of the test. */
export interface TestPool extends Pool {
  readonly faults: PoolFaults
}

/**
 * Makes a pool without Python. Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing.
 *
 * ```ts
 * const pool = testPool({ name: 'text', tools: { double: ({ n }: { n: number }) => 2 * n } })
 * await pool.start()
 * console.log(await pool.call('double', { n: 2 })) // 4
 * await pool.stop()
 * ```
 */
export function testPool(options: TestPoolOptions): TestPool {
  const own = ownTestOptions(options)
  return new TestPoolHandle(own, testResources(knownTools(own.tools), own.boot))
}

/**
 * The same as actor logic, for a supervisor or machine: in a test it stands where `pool(options)` is. Its `faults` are
 * those of every actor of the logic.
 */
export function testPoolLogic(options: TestPoolOptions): PoolLogic & { readonly faults: PoolFaults } {
  const own = ownTestOptions(options)
  const resources = testResources(knownTools(own.tools), own.boot)
  const logic = poolLogic(realOptions(own), undefined, resources.open)
  const actors = new Set<AnyActorRef>()
  const faults = new SlotFaults(resources, slotsOf(own), () => {
    for (const actor of actors) shellOf(actor).post({ type: 'pool.environment' })
  })
  const { start } = logic
  return Object.assign(logic, {
    faults,
    start: (...[snapshot, scope]: Parameters<NonNullable<PoolLogic['start']>>) => {
      actors.add(scope.self)
      start?.(snapshot, scope)
    },
  })
}

const VARIANT: Variant = {
  names: { ...OPTIONS, boot: true },
  checkTools: (check, options) => {
    checkTestTools(check, options)
    check.field(options, 'boot', isFunction, 'a function')
  },
}

/** A tool may be a function, which is no object with options. */
const TEST_FIELDS = fieldsOf(VARIANT.names, { ...POOL_FIELDS, tools: fieldsOf(undefined) })

function ownTestOptions(options: TestPoolOptions): TestPoolOptions {
  const own = ownOptions(options, TEST_FIELDS)
  validatePoolOptions(own, VARIANT)
  return own
}

/** The options as the real pool gets them. The tools are functions of the test, so they need no file or module. */
function realOptions({ boot: _, ...options }: TestPoolOptions): PoolOptions {
  return { ...options, tools: [] }
}

/** With the spare of a reload, which may have faults too. */
const slotsOf = (options: TestPoolOptions): readonly string[] => [
  ...createState(settingsOf(realOptions(options), true)).slots.map(({ id }) => id),
  SPARE,
]

class TestPoolHandle extends PoolHandle implements TestPool {
  readonly faults: PoolFaults

  constructor(options: TestPoolOptions, resources: TestResources) {
    super(realOptions(options), resources.open)
    this.faults = new SlotFaults(resources, slotsOf(options), () => {
      this.environmentHasChanged()
    })
  }
}
