// What tests of values share: a pool with the tools that compare them.
import { expect } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import type { Habitat } from '../../../test/support/terrarium.ts'
import { VALUE_TOOLS } from '../../../test/support/values.ts'

export async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'values', tools: VALUE_TOOLS, concurrency: 16, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  return pool
}
