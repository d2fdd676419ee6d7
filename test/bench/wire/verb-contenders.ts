// The contenders that are other verbs of a pool: calls of a session, host calls, and calls that come as batches.
import type { Measurement } from '../measure.ts'
import type { OpenContender, Opening } from './open-contender.ts'
import { openPool, VERB_TOOLS } from './pool-call.ts'

/** `session.call` on one session. */
export async function openToolSession(opening: Opening): Promise<OpenContender> {
  const { pool, close } = await openPool(opening)
  const session = pool.session('bench', { affinity: 'strict_queue' })
  return { name: 'session.call', echo: (data: unknown) => session.call('echo', { data }), close }
}

/** `host.call`: Python measures it, as the caller does the other way. */
export async function openHostCalls(opening: Opening): Promise<OpenContender> {
  const { pool, close } = await openPool(opening, { tools: VERB_TOOLS })
  pool.expose('echo', ({ data }: { data: unknown }) => data)
  return {
    name: 'host.call',
    echo: () => Promise.reject(new Error('host calls are measured in Python')),
    measure: ([data], { duration, signal }) =>
      pool.call<Measurement>('ask', { data, seconds: duration / 1_000 }, { signal }),
    close,
  }
}

/** A tool with batches of 64, on one worker. While one batch is worked at, the calls of the next arrive. */
export async function openBatches(opening: Opening): Promise<OpenContender> {
  const contender = await openPool(opening, { tools: VERB_TOOLS, tool: 'work', size: 1, concurrency: 128 })
  return { ...contender, name: 'batches of 64' }
}
