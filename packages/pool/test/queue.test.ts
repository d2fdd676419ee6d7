// The queue under many calls that are given up: nothing of them stays. On a virtual clock, without Python.
import { expect, test } from '@jest/globals'
import { isTerrariumError } from '@terrarium/supervisor'
import { testPool, VirtualClock, type TestPool } from '@terrarium/pool/testing'

const codeOf = (error: unknown): string => (isTerrariumError(error) ? error.code : String(error))

async function paused(queueLimit?: number): Promise<{ pool: TestPool; clock: VirtualClock }> {
  const clock = new VirtualClock()
  const tools = { double: ({ n }: { n: number }) => 2 * n }
  const pool = testPool({ name: 'queue', clock, tools, ...(queueLimit !== undefined && { queueLimit }) })
  await pool.start()
  pool.pause()
  return { pool, clock }
}

test('55: 1,200 calls that are late in the queue leave neither call nor timer behind', async () => {
  const { pool, clock } = await paused()
  const before = clock.pending
  const calls = Array.from({ length: 1_200 }, (_, n) => pool.call('double', { n }, { timeout: 100 }).catch(codeOf))
  expect([pool.stats.queued, clock.pending > before]).toEqual([1_200, true])
  await clock.advance(100)
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['QUEUE_TIMEOUT']))
  expect(pool.stats).toMatchObject({ queued: 0, inFlight: 0, accepted: 1_200, failed: 1_200 })
  expect(clock.pending).toBe(before)
  pool.resume()
  expect(await pool.call('double', { n: 2 })).toBe(4)
  await pool.stop()
})

test('56: a full queue whose callers have left takes new calls', async () => {
  const { pool } = await paused(4)
  const controller = new AbortController()
  const { signal } = controller
  const left = Array.from({ length: 4 }, (_, n) => pool.call('double', { n }, { signal }).catch(codeOf))
  await expect(pool.call('double', { n: 5 })).rejects.toMatchObject({ code: 'POOL_SATURATED' })
  controller.abort()
  expect(await Promise.all(left)).toEqual(Array(4).fill('CANCELLED'))
  const taken = Array.from({ length: 4 }, (_, n) => pool.call('double', { n }))
  await expect(pool.call('double', { n: 5 })).rejects.toMatchObject({ code: 'POOL_SATURATED' })
  pool.resume()
  expect(await Promise.all(taken)).toEqual([0, 2, 4, 6])
  await pool.stop()
})
