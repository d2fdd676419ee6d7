// What tests of verbs share: a pool with real workers and a clock that stands still.
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { habitat, type Habitat } from '../../../test/support/terrarium.ts'
import type { Transport } from '../../../test/support/transport.ts'

export interface Stand {
  readonly home: Habitat
  readonly clock: VirtualClock
  readonly pool: Pool
  /** Of a file in the folder of the test. */
  readonly path: (name: string) => string
}

/** Starts a pool with tools of this file, and asserts that its workers are ready. */
export const standWith =
  (tools: string) =>
  async (transport: Transport, options: Partial<PoolOptions> = {}): Promise<Stand> => {
    const home = habitat()
    const clock = new VirtualClock()
    const pool = createPool({ ...home.common, name: 'p', tools, clock, transport, ...options })
    await pool.start()
    expect(pool.stats.ready).toBe(options.size ?? 1)
    return { home, clock, pool, path: (name) => join(home.directory, name) }
  }
