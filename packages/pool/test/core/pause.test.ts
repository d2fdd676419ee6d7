import { expect, test } from '@jest/globals'
import { Stand, calls } from './support.ts'

// What pause, resume and drain do with calls, on the virtual clock.

const drains = (pool: Stand): (string | undefined)[] => pool.of('drained').map(({ error }) => error?.code)

test('a paused pool accepts calls and hands none out; resume hands them out in order', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell({ type: 'pool.pause' })
  const [first] = ['a', 'b', 'c'].map((tool) => pool.call(tool))
  expect([pool.sent, pool.told.get(first as never)]).toEqual([[], undefined])
  pool.tell({ type: 'pool.resume' })
  expect(pool.sent).toEqual(['a to worker-1', 'b to worker-2'])
})

test('the calls that a worker has begun when the pool is paused are answered, and nothing follows them', () => {
  const pool = Stand.started()
  const [begun, waiting] = calls(pool, 2, 'a')
  pool.tell({ type: 'pool.pause' })
  pool.answer(begun as never)
  expect([pool.told.get(begun as never), pool.told.get(waiting as never), pool.sent.length]).toEqual([
    'value',
    undefined,
    1,
  ])
})

test('calls that were sent ahead are asked back by a pause, and wait before calls that came later', async () => {
  const pool = await Stand.reporting({ queueLimit: 100 })
  const all = calls(pool, 3)
  expect(pool.sent.length).toBe(3)
  pool.tell({ type: 'pool.pause' })
  expect(pool.recalled).toEqual(all.slice(1))
  const later = pool.call('short')
  for (const call of all.slice(1)) pool.giveBack(call)
  pool.answer(all[0] as never)
  pool.effects.length = 0
  pool.tell({ type: 'pool.resume' })
  expect(pool.of('send').map(({ call }) => call)).toEqual([...all.slice(1), later])
})

test('queueLimit holds while the pool is paused, also for a call for which a worker is free', () => {
  const pool = Stand.started({ queueLimit: 1 })
  pool.tell({ type: 'pool.pause' })
  const [kept, refused] = calls(pool, 2, 'a')
  expect([pool.told.get(kept as never), pool.told.get(refused as never)]).toEqual([
    undefined,
    'refused: POOL_SATURATED',
  ])
})

test('a call whose deadline passes while the pool is paused is a QUEUE_TIMEOUT that says why, and is never run', async () => {
  const pool = Stand.started()
  pool.tell({ type: 'pool.pause' })
  pool.call('late', { timeout: 300 })
  await pool.clock.advance(300)
  expect(pool.of('settle')).toMatchObject([
    { error: { code: 'QUEUE_TIMEOUT', message: 'pool p is paused; late was not run', details: { timeout: 300 } } },
  ])
  pool.tell({ type: 'pool.resume' })
  expect(pool.sent).toEqual([])
})

test('a drain is over at once when no worker has a call, and else with the last answer; the queue stays', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell({ type: 'pool.drain' })
  expect(drains(pool)).toEqual([undefined])
  pool.tell({ type: 'pool.resume' })
  const [one, other, waiting] = calls(pool, 3, 'a')
  pool.tell({ type: 'pool.drain' })
  pool.answer(one as never)
  expect(drains(pool)).toEqual([undefined])
  pool.answer(other as never)
  expect(drains(pool)).toEqual([undefined, undefined])
  expect(pool.told.get(waiting as never)).toBe(undefined)
  pool.tell({ type: 'pool.resume' })
  expect(pool.sent.length).toBe(3)
})

test('a drain waits for a call that was cancelled until its worker has let go of it', () => {
  const pool = Stand.started()
  const call = pool.call('a')
  pool.tell({ type: 'call.aborted', call, cause: 'enough' })
  pool.tell({ type: 'pool.drain' })
  expect(drains(pool)).toEqual([])
  pool.answer(call)
  expect(drains(pool)).toEqual([undefined])
})

test('a resume gives up the drain: CANCELLED', () => {
  const pool = Stand.started()
  pool.call('a')
  pool.tell({ type: 'pool.drain' })
  pool.tell({ type: 'pool.resume' })
  expect(drains(pool)).toEqual(['CANCELLED'])
})

test('a call that was lost with its worker waits while the pool is paused, and the drain is over', () => {
  const pool = Stand.started()
  const call = pool.call('a', { idempotent: true })
  pool.tell({ type: 'pool.drain' })
  pool.crash()
  expect(drains(pool)).toEqual([undefined])
  pool.ready()
  expect([pool.sent.length, pool.told.get(call)]).toEqual([1, undefined])
  pool.tell({ type: 'pool.resume' })
  expect(pool.sent.length).toBe(2)
})

test('a stop of a paused pool rejects the calls that wait, and ends the drain', () => {
  const pool = Stand.started()
  const [begun, waiting] = calls(pool, 2, 'a')
  pool.tell({ type: 'pool.drain' })
  pool.tell({ type: 'pool.stop' })
  expect(pool.told.get(waiting as never)).toBe('STOPPED')
  pool.answer(begun as never)
  expect(drains(pool)).toEqual([undefined])
  pool.tell({ type: 'pool.closed', left: [] })
  pool.tell({ type: 'pool.drain' })
  expect(drains(pool)).toEqual([undefined, undefined])
})
