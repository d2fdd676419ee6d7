// Functions of the host that make calls of sessions of the pool whose tool calls them, with real workers; and the turns
// that sessions take there.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { createPool, type Affinity, type Pool, type PoolOptions, type ToolSession } from '@terrarium/pool'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { eventually, habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const TOOLS = fileURLToPath(new URL('host-tools.py', import.meta.url))

const STATE = `
import os
from terrarium import session, tool

@tool
def keep(value):
    session().set("value", value)
    return os.getpid()

@tool
def kept():
    found = session()
    return [found.id, found.get("value")]
`

describe.each(TRANSPORTS)('over %s', (transport) => {
  async function stand(options: Partial<PoolOptions>) {
    const home = habitat()
    const clock = new VirtualClock()
    const tools = [TOOLS, home.file('state.py', STATE)]
    const backoff = { first: 1 }
    const pool = createPool({ ...home.common, name: 'p', tools, clock, transport, backoff, ...options })
    /** Makes a call of a session: the caller names the session, the tool, and its arguments. */
    pool.expose('within', ({ id, affinity, name, named }: Within) =>
      pool.session(id, { affinity }).call(name, named ?? {}),
    )
    await pool.start()
    expect(pool.stats.ready).toBe(options.size ?? 1)
    return { pool, clock, path: (name: string) => join(home.directory, name) }
  }

  interface Within {
    readonly id: string
    readonly affinity: Affinity
    readonly name: string
    readonly named?: Record<string, unknown>
  }

  const within = (affinity: Affinity, name = 'kept', named: Record<string, unknown> = {}) => ({
    name: 'within',
    named: { id: 'a', affinity, name, named } satisfies Within,
  })

  async function ends(pool: Pool): Promise<void> {
    await eventually('every call has ended', () => pool.stats.inFlight === 0 && pool.stats.queued === 0)
    await pool.stop()
  }

  test.each(['hint', 'strict_queue', 'strict_fail_fast'] as const)(
    '%s: a function of the host makes a call of a session, which finds its state',
    async (affinity) => {
      const { pool } = await stand({ size: 2 })
      const session = pool.session('a', { affinity })
      await session.call('keep', { value: 7 })
      await pool.session('b').call('keep', { value: 8 }) // at the other worker
      const other = pool.session('b')
      expect(await other.call('call', within(affinity))).toEqual(['a', 7])
      await ends(pool)
    },
  )

  test.each([1, 2])('size %i: a sync tool whose function calls its own session is refused at once', async (size) => {
    const { pool } = await stand({ size })
    const cycle = ['call', 'host within', 'kept']
    const strict = pool.session('a', { affinity: 'strict_queue' })
    await expect(strict.call('call', within('strict_queue'))).rejects.toMatchObject({
      cause: { code: 'DEADLOCK', hint: expect.stringMatching(/tools of the session async/), details: { cycle, size } },
    })
    expect(await strict.call('keep', { value: 1 })).toEqual(expect.any(Number)) // the session goes on
    await strict.close()
    const fast = pool.session('a', { affinity: 'strict_fail_fast' })
    await expect(fast.call('call', within('strict_fail_fast'))).rejects.toMatchObject({
      cause: { code: 'WORKER_BUSY', details: { session: 'a' } },
    })
    await ends(pool)
  })

  test.each([1, 2])('size %i: an async tool leaves a place for a call of its own session', async (size) => {
    const { pool } = await stand({ size, concurrency: 2 })
    for (const affinity of ['hint', 'strict_queue', 'strict_fail_fast'] as const) {
      const session = pool.session('a', { affinity })
      await session.call('keep', { value: affinity })
      expect(await session.call('acall', within(affinity))).toEqual(['a', affinity])
      await session.close()
    }
    await ends(pool)
  })

  test('the nested call of a session has no more time than the call around it', async () => {
    const { pool, clock, path } = await stand({ size: 2, cancelGrace: 60_000 })
    const hold = within('strict_queue', 'hold', { begun: path('begun'), gate: path('gate') })
    const late = pool.call('call', hold, { timeout: 1_000 }).catch((error: unknown) => error)
    await eventually('the nested call runs', () => existsSync(path('begun')))
    await clock.advance(1_000)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(pool.stats).toMatchObject({ failed: 2 }) // the nested call, too
    writeFileSync(path('gate'), '')
    await ends(pool)
  })

  test('the worker of the session dies: nested calls that wait for it are told, and the tool that asked goes on', async () => {
    const { pool, clock, path } = await stand({ size: 2 })
    const strict = pool.session('a', { affinity: 'strict_queue' })
    await strict.call('keep', { value: 1 }) // at worker-1
    const busy = strict.call('hold', { begun: path('begun'), gate: path('gate') }).catch((error: unknown) => error)
    await eventually('its worker is busy', () => existsSync(path('begun')))
    const asked = pool.call('caught', within('strict_queue'))
    await eventually('the nested call waits', () => pool.stats.queued === 1)
    process.kill(pool.workers.find(({ id }) => id === 'worker-1')?.pid ?? 0, 'SIGKILL')
    expect(await asked).toMatchObject({ code: 'SESSION_LOST' })
    expect(await busy).toMatchObject({ code: 'WORKER_CRASHED' })
    await eventually('both workers are ready', async () => {
      await clock.advance(25) // the backoff
      return pool.stats.ready === 2
    })
    await ends(pool)
  })

  test('two sessions with 1,000 and 10 calls on one worker: the 10 are answered among the first 30', async () => {
    const { pool } = await stand({})
    const many = pool.session('many', { affinity: 'strict_queue' })
    const few = pool.session('few', { affinity: 'strict_queue' })
    const answered: string[] = []
    const calls = (session: ToolSession, count: number): Promise<unknown>[] =>
      Array.from({ length: count }, () => session.call('leaf').then(() => answered.push(session.id)))
    await Promise.all([...calls(many, 1_000), ...calls(few, 10)])
    expect(answered).toHaveLength(1_010)
    expect(answered.lastIndexOf('few')).toBeLessThan(30)
    await ends(pool)
  })
})
