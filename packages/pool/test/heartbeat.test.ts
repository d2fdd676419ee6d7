import { expect, test } from '@jest/globals'
import { readIdentity } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, TOOLS } from '../../../test/support/terrarium.ts'

test('48, I4: an idle worker that does not answer is replaced after so many misses, not before', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = createPool({
    ...home.common,
    name: 'beat',
    tools: TOOLS,
    clock,
    heartbeat: { interval: 1_000, misses: 3 },
  })
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  await clock.advance(1_000) // a ping
  await clock.advance(2_000) // two misses
  expect(isAlive(pid)).toBe(true)
  expect(pool.stats.ready).toBe(1)
  await clock.advance(1_000)
  expect(pool.stats.ready).toBe(0) // no call is handed to it any more
  await eventually('it is gone', () => !isAlive(pid))
  await eventually('its successor is ready', async () => {
    await clock.advance(1)
    return pool.stats.ready === 1
  })
  expect(pool.workers[0]?.pid).not.toBe(pid)
  await pool.stop()
})

test('47: a worker that answers, or holds the GIL in a call, is left alone', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'beat', tools: TOOLS, heartbeat: { interval: 20, misses: 5 } })
  await pool.start()
  const pid = pool.workers[0]?.pid
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await pool.call('hold_gil', { seconds: 1 })
  expect(await pool.call('spawn')).toBe(readIdentity(pid ?? 0)?.spawn)
  expect(pool.stats.crashes).toBe(0)
  await pool.stop()
})
