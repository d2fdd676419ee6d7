// The contender `pool.call`.
import { join } from 'node:path'
import { createPool } from '@terrarium/pool'
import { findTagged, readIdentity } from '@terrarium/process'
import type { Contender } from '../measure.ts'

/** Terrarium: `pool.call` on a pool of one worker that takes `concurrency` calls at a time, by default one. */
export async function openPool(
  python: string,
  directory: string,
  concurrency?: number,
): Promise<Contender & { close: () => Promise<void> }> {
  const pool = createPool({
    name: concurrency === undefined ? 'bench' : `bench-${concurrency}`,
    tools: new URL('../../../bench/wire/echo_tools.py', import.meta.url),
    python,
    stateDir: join(directory, 'state'),
    ...(concurrency === undefined ? {} : { concurrency }),
  })
  try {
    await pool.start()
  } catch (error) {
    await pool.stop()
    throw error
  }
  const worker = readIdentity(pool.workers[0]?.pid ?? 0)
  return {
    name: concurrency === undefined ? 'pool.call' : `pool.call with concurrency ${concurrency}`,
    echo: (data) => pool.call('echo', { data }),
    close: async () => {
      const { processesLeft } = await pool.stop()
      if (worker === undefined) throw new Error('the worker of the pool has no spawn tag')
      const left = findTagged({ installation: worker.installation, run: worker.run })
      if (processesLeft > 0 || left.length > 0) {
        throw new Error(`processes are left behind: ${left.map(({ pid }) => pid).join(', ')}`)
      }
    },
  }
}
