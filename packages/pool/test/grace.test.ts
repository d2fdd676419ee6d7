import { expect, test } from '@jest/globals'
import { Stand } from './core/support.ts'

// How long a worker may keep a call that was stopped. The test plays the worker.

const GRACE = 100

const stand = (): Stand => Stand.started({ concurrency: 2, cancelGrace: GRACE })

test('C5: a call stopped behind a call with time left has its whole grace from the end of that call', async () => {
  const pool = stand()
  const { clock, told } = pool
  const first = pool.call('first')
  const second = pool.call('second', { timeout: 1_000 })
  await clock.advance(1_000)
  expect(told.get(second)).toBe('DEADLINE_EXCEEDED')
  await clock.advance(GRACE - 1)
  pool.answer(first, 1)
  expect(told.get(first)).toBe('value')
  await clock.advance(GRACE - 1)
  expect(pool.kills).toEqual([]) // it may be just about to answer
  await clock.advance(1)
  expect(pool.kills).toEqual(['worker p/worker-1 was killed: second went on after it was stopped'])
})

test('C5: a call stopped with no call before it has its grace once', async () => {
  const pool = stand()
  pool.call('first', { timeout: 1_000 })
  await pool.clock.advance(1_000 + GRACE - 1)
  expect(pool.kills).toEqual([])
  await pool.clock.advance(1)
  expect(pool.kills).toHaveLength(1)
})
