// The stage of a scenario: what a program can do with a real pool and with a pool without Python alike, to compare what
// a caller sees of both.
import { existsSync, writeFileSync } from 'node:fs'
import type { CallOptions, Pool, PoolOptions } from '@terrarium/pool'
import type { VirtualClock } from '@terrarium/pool/testing'
import { isTerrariumError } from '@terrarium/supervisor/base'
import { eventually } from '../../../../test/support/waiting.ts'

/** A pool that has not started, and what a scenario can do with it. */
export interface Stage {
  readonly pool: Pool
  readonly clock: VirtualClock
  /** The path of a file that does not exist yet. */
  readonly path: (name: string) => string
  /** Makes the worker of a slot stand still. */
  readonly freeze: (worker: string) => void
}

export interface Scenario {
  readonly options?: Partial<Omit<PoolOptions, 'tools'>>
  /** Tools that cannot be loaded: the module `absent` is missing, or loading throws. */
  readonly broken?: 'module' | 'exception' | 'slow'
  /** True if texts differ, because they name what only Python has. */
  readonly without?: readonly ('message' | 'hint' | 'details')[]
  readonly run: (stage: Stage) => Promise<unknown>
}

/** How a call or an operation ended. */
export async function outcomeOf(operation: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await operation }
  } catch (error) {
    if (!isTerrariumError(error)) throw error
    const { code, message, hint, details } = error
    const { cause } = error as { readonly cause?: unknown }
    return { code, message, hint, details, ...(isTerrariumError(cause) ? { cause: cause.code } : {}) }
  }
}

/** Lets time pass until the condition holds. */
export const passes = ({ clock }: Stage, what: string, condition: () => boolean, step = 25): Promise<void> =>
  eventually(what, async () => {
    await clock.advance(step)
    return condition()
  })

const begins = (path: string): Promise<void> => eventually(`${path} is there`, () => existsSync(path))

export const call = (
  { pool }: Stage,
  tool: string,
  args?: Record<string, unknown>,
  options?: CallOptions,
): Promise<unknown> => outcomeOf(pool.call(tool, args, options))

export const inFlight = ({ pool }: Stage): number[] => pool.workers.map((worker) => worker.inFlight)

export const isBack = (stage: Stage, ready = 1): Promise<void> =>
  passes(stage, 'every worker is ready', () => stage.pool.stats.ready === ready && stage.pool.stats.inFlight === 0)

/** Makes a call that occupies a worker until the file of its gate exists. */
export async function held(
  stage: Stage,
  name: string,
  tool = 'hold',
  options?: CallOptions,
): Promise<{ ends: Promise<unknown>; open: () => void }> {
  const [begun, gate] = [stage.path(`${name} begun`), stage.path(`${name} gate`)]
  const ends = call(stage, tool, { begun, gate, name }, options)
  await begins(begun)
  return {
    ends,
    open: () => {
      writeFileSync(gate, '')
    },
  }
}

export const started = async (stage: Stage): Promise<Stage> => {
  await stage.pool.start()
  return stage
}
