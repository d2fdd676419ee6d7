import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'

const explode = (): never => {
  throw new Error('boom')
}

test('C1: a listener for call.retry that throws keeps no call from being settled', async () => {
  const home = habitat()
  home.expectedErrors.push(/^a listener for call.retry failed$/)
  const pool = createPool({ ...home.common, name: 'p', python: TOOLS, concurrency: 4, drainTimeout: 0 })
  await pool.start()
  let heard = 0
  pool.on('call.retry', explode)
  pool.on('call.retry', () => (heard += 1))
  const calls = Array.from({ length: 4 }, (_, value) => pool.call('echo_slowly', { value }, { idempotent: true }))
  await eventually('all are with the worker', () => pool.stats.inFlight === 4)
  expect(pool.kill()).toMatchObject({ worker: 'worker-1' })
  expect(await Promise.all(calls)).toEqual([0, 1, 2, 3])
  expect(heard).toBe(4)
  expect(pool.stats).toMatchObject({ accepted: 4, completed: 4, failed: 0, retried: 4, inFlight: 0, queued: 0 })
  const reports = home.log.filter(({ msg }) => msg === 'a listener for call.retry failed')
  expect(reports).toHaveLength(4) // once for each event
  expect(reports[0]).toMatchObject({ level: 50, pool: 'p', err: { message: 'boom' } })
  await pool.stop()
})
