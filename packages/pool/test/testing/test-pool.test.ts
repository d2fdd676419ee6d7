import { expect, test } from '@jest/globals'
import { testPool, VirtualClock, type TestPool, type TestPoolOptions } from '@terrarium/pool/testing'
import { silent } from '../../../../test/support/loggers.ts'

const tools: TestPoolOptions['tools'] = {
  double: ({ n }: { n: number }) => 2 * n,
  wait: async ({ ms }: { ms: number }, { sleep }) => {
    await sleep(ms)
    return 'waited'
  },
  hold: ({ ms }: { ms: number }, { sleep }) => sleep(ms).then(() => 'held'),
}

interface Stand {
  readonly pool: TestPool
  readonly clock: VirtualClock
}

async function started(options: Partial<TestPoolOptions> = {}): Promise<Stand> {
  const clock = new VirtualClock()
  const pool = testPool({ name: 'p', tools, clock, logger: silent, ...options })
  await pool.start()
  return { pool, clock }
}

test('a call runs a function of the test, and the pool ends with nothing left', async () => {
  const { pool } = await started({ size: 2 })
  expect(await pool.call('double', { n: 21 })).toBe(42)
  expect(pool.stats).toMatchObject({ ready: 2, starts: 2, completed: 1, crashes: 0 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(pool.status).toBe('stopped')
})

test('on a virtual clock what follows from a moment has happened when the clock has moved there', async () => {
  const { pool, clock } = await started({ size: 2, concurrency: 4 })
  const calls = Array.from({ length: 8 }, () => pool.call('wait', { ms: 100 }))
  await clock.advance(99)
  expect(pool.stats).toMatchObject({ inFlight: 8, completed: 0 })
  await clock.advance(1)
  expect(pool.stats).toMatchObject({ inFlight: 0, completed: 8 })
  expect(await Promise.all(calls)).toEqual(calls.map(() => 'waited'))
  await pool.stop()
})

test('a worker crashes when told to, and the slot is refilled', async () => {
  const { pool, clock } = await started()
  const call = pool.call('hold', { ms: 1_000 })
  const crashed = expect(call).rejects.toMatchObject({
    code: 'WORKER_CRASHED',
    details: { code: 3, stderr: 'no more' },
  })
  await clock.advance(0) // the call is sent; a call that was not would move to the next worker
  pool.faults.crash('worker-1', { code: 3, stderr: 'no more' })
  await crashed
  await clock.advance(1_000)
  expect(pool.stats).toMatchObject({ ready: 1, starts: 2, crashes: 1 })
  await pool.stop()
})

test('a worker that hangs is killed when it is idle and silent, and an overdue call takes it along', async () => {
  const { pool, clock } = await started({ heartbeat: { interval: 1_000, misses: 2 } })
  pool.faults.hang('worker-1')
  await clock.advance(10_000)
  expect(pool.stats).toMatchObject({ ready: 1, starts: 2, crashes: 1 })
  pool.faults.hang('worker-1')
  const late = pool.call('double', { n: 1 }, { timeout: 100 })
  const refused = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await clock.advance(10_000)
  await refused
  expect(pool.stats).toMatchObject({ ready: 1, starts: 3, crashes: 2 })
  pool.faults.hang('worker-1')
  const kept = pool.call('double', { n: 1 })
  await clock.advance(1_000)
  expect(pool.stats).toMatchObject({ inFlight: 1 })
  pool.faults.heal('worker-1')
  expect(await kept).toBe(2)
  await pool.stop()
})

test('a slow worker takes longer for each call', async () => {
  const { pool, clock } = await started()
  pool.faults.slow('worker-1', 500)
  const call = pool.call('double', { n: 1 })
  await clock.advance(499)
  expect(pool.stats.completed).toBe(0)
  await clock.advance(1)
  expect(pool.stats.completed).toBe(1)
  expect(await call).toBe(2)
  await pool.stop()
})

test('starts that fail park the pool', async () => {
  const { pool, clock } = await started()
  pool.faults.failStarts('worker-1', { times: Infinity })
  pool.faults.crash('worker-1')
  await clock.advance(3_600_000)
  expect(pool.status).toBe('parked')
  expect(pool.workers[0]?.error).toMatchObject({ code: 'START_FAILED' })
  await expect(pool.call('double', { n: 1 })).rejects.toMatchObject({ code: 'PARKED' })
  await pool.stop()
})
