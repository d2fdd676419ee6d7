// The host of a pool that the chaos kills.
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createPool, type Pool } from '@terrarium/pool'
import type { AnyActorRef, InspectionEvent } from 'xstate'

/**
 * A pool of two workers, in a process of its own. It prints each event at once, one JSON object a line, and carries out
 * orders, one word a line. Its environment names the containment level.
 */
const TOOLS = fileURLToPath(new URL('../../chaos/tools.py', import.meta.url))
const [stateDir = '', interpreter = ''] = process.argv.slice(2)

/** Writes synchronously, so that a SIGKILL loses nothing that was printed before. */
function say(event: object): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}

/** Prints the states of worker machines, from XState's inspection. */
function inspect(event: InspectionEvent): void {
  if (event.type !== '@xstate.snapshot' || !(event.actorRef as AnyActorRef).id.startsWith('worker-')) return
  const { value, context } = event.snapshot as unknown as {
    value?: unknown
    context?: { spawnId?: string; pid?: number }
  }
  if (value === undefined) return
  const state = typeof value === 'string' ? value : 'terminating'
  say({ is: 'state', worker: (event.actorRef as AnyActorRef).id, state, spawn: context?.spawnId, pid: context?.pid })
}

const wait = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const areReady = (pool: Pool): boolean => pool.stats.ready === 2

const orders: Readonly<Record<string, (pool: Pool) => Promise<void>>> = {
  /** Makes both workers busy with calls, after they have started descendants of several kinds. */
  async call(pool) {
    const planted = await Promise.all([0, 1].map(() => pool.call('plant')))
    for (const _ of planted) pool.call('sleep', { seconds: 60 }).catch(() => undefined)
    say({ is: 'calling' })
  },
  crash(pool) {
    pool.kill('worker-1')
    say({ is: 'restarting' })
    return Promise.resolve()
  },
  /** Waits until both workers are ready and serve a call. */
  async check(pool) {
    await wait(() => areReady(pool))
    say({ is: 'well', answer: await pool.call('echo', { value: 42 }, { timeout: 20_000, idempotent: true }) })
  },
  async stop(pool) {
    say({ is: 'stopping' })
    say({ is: 'stopped', ...(await pool.stop()) })
    process.exit(0)
  },
}

say({ is: 'begun' })
const pool = createPool({
  name: 'chaos',
  tools: TOOLS,
  size: 2,
  python: interpreter,
  stateDir,
  drainTimeout: 0,
  backoff: { first: 0, base: 20, factor: 1.5, jitter: 'none' },
  breaker: 'off',
  inspect,
})
createInterface({ input: process.stdin })
  .on(
    'line',
    (order) =>
      void orders[order]?.(pool).catch((error: unknown) => {
        say({ is: 'failed', order, error: String(error) })
      }),
  )
  .on('close', () => process.exit(1))
await pool.start().catch((error: unknown) => {
  say({ is: 'failed', order: 'start', error: String(error) })
  process.exit(1)
})
await wait(() => areReady(pool))
say({ is: 'ready' })
