// The contender `pool.call`.
import { join } from 'node:path'
import { createPool, type Pool } from '@terrarium/pool'
import { findTagged, readIdentity } from '@terrarium/process'
import type { Transport } from '../../support/transport.ts'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'

/** The file with the tools of the other verbs. */
export const VERB_TOOLS = 'verb_tools.py'

/** How a pool of the bench is made. The options that are not given are the pool's defaults. */
export interface PoolShape {
  readonly transport?: Transport
  readonly size?: number
  readonly concurrency?: number
  /** The file with the tools. Default `echo_tools.py`. */
  readonly tools?: string
  /** The tool that is called. Default `echo`. */
  readonly tool?: string
}

/** A pool that is measured, with a view of the pool itself. */
export interface OpenPool extends OpenContender {
  readonly pool: Pool
}

/** Terrarium: `pool.call` on a pool. Rejects on close when a process of the pool is left. */
export async function openPool({ python, directory }: Opening, shape: PoolShape = {}): Promise<OpenPool> {
  const { transport = 'socket', size, concurrency, tools = 'echo_tools.py', tool = 'echo' } = shape
  const pool = createPool({
    name: uniqueName('bench'),
    tools: new URL(`../../../bench/wire/${tools}`, import.meta.url),
    python,
    stateDir: join(directory, 'state'),
    transport,
    ...(size === undefined ? {} : { size }),
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
    name: nameOf(shape),
    pool,
    echo: (data: unknown) => pool.call(tool, { data }),
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

function nameOf({ transport = 'socket', concurrency, tools }: PoolShape): string {
  const over = transport === 'socket' ? '' : ' over gRPC'
  const kind = tools === undefined ? '' : ' of an async tool'
  return `pool.call${kind}${over}${concurrency === undefined ? '' : ` with concurrency ${concurrency}`}`
}
