import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'
import { block, turns } from '../../../test/support/waiting.ts'

const poolOf = (home: Habitat, options: Partial<PoolOptions> = {}): Pool =>
  createPool({ ...home.common, name: 'late', tools: TOOLS, ...options })

test('D7: a worker whose start takes longer than its limit only because the host stands still becomes ready', async () => {
  const home = habitat()
  const pool = poolOf(home, { startTimeout: 2_000 })
  const started = pool.start()
  await eventually('its process is there', () => home.workers().length === 1)
  await new Promise((resolve) => setTimeout(resolve, 50)) // and the host knows of it
  block(3_000)
  await started
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0, ready: 1 })
  await pool.stop()
})

test('D7: a call whose result has arrived when the host goes on resolves, although its deadline has passed', async () => {
  const home = habitat()
  const pool = poolOf(home)
  await pool.start()
  const answer = pool.call('echo_slowly', { value: 7, seconds: 0.1 }, { timeout: 500 })
  await turns(5)
  block(1_000)
  expect(await answer).toBe(7)
  await pool.stop()
})

test('D7: a worker that ended a cancelled call in time is not killed, although the host reads that late', async () => {
  const home = habitat()
  const pool = poolOf(home, { cancelGrace: 100 })
  await pool.start()
  const controller = new AbortController()
  const call = pool.call('sleep_async', { seconds: 60 }, { signal: controller.signal })
  await eventually('it is with the worker', () => pool.stats.inFlight === 1)
  controller.abort()
  block(1_000) // the worker is not even told meanwhile
  await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
  await eventually('the worker has let go of it', () => pool.stats.inFlight === 0)
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  await pool.stop()
})

test('D7: a worker whose answer to a ping is unread is not taken for silent', async () => {
  const home = habitat()
  const interval = 300
  let pings = 0
  // The host stands still right after it has sent a ping.
  const clock: SupervisorClock = {
    ...systemClock,
    setTimeout: (callback, delay) =>
      systemClock.setTimeout(() => {
        callback()
        if (delay !== interval) return
        pings += 1
        setImmediate(() => {
          setImmediate(block, 1_000)
        })
      }, delay),
  }
  const pool = poolOf(home, { clock, heartbeat: { interval, misses: 1 } })
  await pool.start()
  await eventually('pings have been sent', () => pings >= 4)
  await turns(5)
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  await pool.stop()
})

test('D7: calls in flight are drained, and workers end in order, although the host stands still while it stops', async () => {
  const home = habitat()
  const left = join(home.directory, 'left')
  const tools = home.file(
    'tools.py',
    `import atexit, time\nfrom terrarium import tool\natexit.register(lambda: open(${JSON.stringify(left)}, "w").close())\n` +
      '@tool\ndef nap(seconds):\n    time.sleep(seconds)\n    return seconds\n',
  )
  const pool = poolOf(home, { tools, drainTimeout: 500 })
  await pool.start()
  const call = pool.call('nap', { seconds: 0.2 })
  await eventually('it is with the worker', () => pool.stats.inFlight === 1)
  await turns(5)
  const stopped = pool.stop()
  block(1_500)
  expect(await call).toBe(0.2)
  await turns(5)
  block(3_000) // longer than the grace of its end
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(pool.stats.crashes).toBe(0)
  expect(existsSync(left)).toBe(true)
})
