// A pool of real workers that is paused, drained and reloaded while it has calls.
import { writeFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, isAlive, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

/** Each version has a length of its own: Python knows a changed file by its time in seconds, and by its length. */
const code = (version: number): string => `
import os, time${' '.repeat(version)}
from terrarium import tool

@tool
def version(seconds: float = 0) -> list:
    time.sleep(seconds)
    return [${version}, os.getpid()]
`

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'upkeep', tools: TOOLS, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return pool
}

test.each(TRANSPORTS)(
  '78, I9, %s: recycling drains: the replacement is ready first, calls in flight finish, the count never dips or overshoots',
  async (transport) => {
    const home = habitat()
    const tools = home.file('versions.py', code(1))
    const pool = await started(home, { size: 2, tools, transport })
    const before = pool.workers.map(({ pid }) => pid ?? 0)
    const counts = { fewest: 2, most: 2 }
    const look = (): void => {
      counts.fewest = Math.min(counts.fewest, pool.stats.ready)
      counts.most = Math.max(counts.most, pool.stats.ready)
    }
    for (const event of ['worker.start', 'worker.ready', 'worker.exit'] as const) pool.on(event, look)
    const inFlight = [1, 2].map(() => pool.call<number[]>('version', { seconds: 0.3 }))
    writeFileSync(tools, code(2))
    const stop = { now: false }
    const caller = async (): Promise<number[]> => {
      const seen = []
      while (!stop.now) {
        seen.push((await pool.call<number[]>('version'))[0] ?? 0)
        look()
      }
      return seen
    }
    const callers = [caller(), caller(), caller()]
    await pool.reload()
    stop.now = true
    const seen = (await Promise.all(callers)).flat()
    expect((await Promise.all(inFlight)).map(([version]) => version)).toEqual([1, 1])
    expect([...new Set(seen)].sort()).toEqual([1, 2])
    expect((await pool.call<number[]>('version'))[0]).toBe(2)
    expect(counts).toEqual({ fewest: 2, most: 2 })
    expect(pool.workers.map(({ id, state }) => [id, state])).toEqual([
      ['worker-1', 'ready'],
      ['worker-2', 'ready'],
    ])
    expect(before.filter(isAlive)).toEqual([])
    expect(pool.stats).toMatchObject({ crashes: 0, failed: 0, starts: 5, queued: 0 })
    await pool.stop()
  },
)

test('a reload to code that does not import is refused with its reason, and the old workers go on', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const tools = home.file('versions.py', code(1))
  const pool = await started(home, { tools })
  writeFileSync(tools, 'import no_such_snake\n')
  await expect(pool.reload()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('no_such_snake'),
  })
  expect((await pool.call<number[]>('version'))[0]).toBe(1)
  await eventually('the spare is gone', () => pool.workers.length === 1)
  writeFileSync(tools, code(3))
  await pool.reload()
  expect((await pool.call<number[]>('version'))[0]).toBe(3)
  await pool.stop()
})

test('78: a paused pool keeps what is asked of it, a drained one has nothing in flight, resume goes on', async () => {
  const pool = await started(habitat(), { size: 2 })
  const begun = pool.call('sleep', { seconds: 0.2 })
  const drained = pool.drain().then(() => pool.stats.inFlight)
  const waiting = pool.call('echo', { value: 1 })
  expect(await drained).toBe(0)
  expect(pool.paused).toBe(true)
  expect(await Promise.race([waiting, begun])).toBe('slept')
  expect(pool.stats).toMatchObject({ queued: 1, inFlight: 0 })
  const again = pool.drain()
  await again
  pool.resume()
  expect([await waiting, pool.paused]).toEqual([1, false])
  const busy = pool.call('sleep', { seconds: 0.1 })
  const given = pool.drain()
  pool.resume()
  await expect(given).rejects.toMatchObject({ code: 'CANCELLED' })
  await busy
  await pool.stop()
  await expect(pool.reload()).rejects.toMatchObject({ code: 'STOPPED' })
  await expect(pool.drain()).resolves.toBe(undefined)
})

test('a pool that is stopped during a reload leaves no process, and its reload is STOPPED', async () => {
  const pool = await started(habitat(), { size: 2 })
  const reload = pool.reload()
  const refused = expect(reload).rejects.toMatchObject({ code: 'STOPPED' })
  await eventually('the spare is there', () => pool.workers.length === 3)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await refused
})
