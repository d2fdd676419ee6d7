// Which calls are sent ahead, to which worker, and how many: one rule each, on the virtual clock.
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call } from '../../src/core/call.ts'
import { inFlightIn, queuedIn } from '../../src/core/state.ts'
import { aheadOf, calls, Stand } from './support.ts'

/** Two millisecond-long calls may be ahead of a worker. */
const DEPTH = 2

test('calls of a tool that is known to be short are sent ahead, and count as calls that wait', async () => {
  const pool = await Stand.reporting()
  calls(pool, 1 + DEPTH + 1)
  expect([pool.of('send').length, aheadOf(pool), inFlightIn(pool.state), queuedIn(pool.state)]).toEqual([3, [2], 1, 3])
  expect(pool.state.waiting.size).toBe(1)
})

test('an answer gives its place to the first call ahead, and the next call is sent ahead', async () => {
  const pool = await Stand.reporting()
  const [first, second, third, fourth] = calls(pool, 4) as [Call, Call, Call, Call]
  await pool.clock.advance(1)
  pool.answer(first)
  expect([first, second, third, fourth].map(({ state, attempts }) => `${state} ${attempts}`)).toEqual([
    'settled 1',
    'placed 1',
    'queued 0',
    'queued 0',
  ])
  expect([pool.of('send').at(-1)?.call, aheadOf(pool)]).toEqual([fourth, [2]])
  pool.answer(second)
  pool.answer(third)
  pool.answer(fourth)
  expect([queuedIn(pool.state), inFlightIn(pool.state), pool.state.counts.completed]).toEqual([0, 0, 5])
})

test('the time that a call was ahead is time in the queue', async () => {
  const pool = await Stand.reporting()
  const [first, second] = calls(pool, 2) as [Call, Call]
  await pool.clock.advance(3)
  pool.answer(first)
  await pool.clock.advance(4)
  pool.tell({
    type: 'call.answered',
    call: second,
    outcome: { error: new TerrariumError('PYTHON_ERROR', 'x'), notBegun: false },
  })
  expect(pool.of('settle').at(-1)?.error?.details).toMatchObject({
    queueTime: 3,
    runTime: 4,
    attempts: 1,
    worker: 'worker-1',
  })
})

test.each<[string, (pool: Stand) => void]>([
  ['a tool of which nothing is known', (pool) => calls(pool, 2, 'new')],
  ['a tool that is known to be long', (pool) => calls(pool, 2, 'long')],
  ['a call behind a tool of which nothing is known', (pool) => [pool.call('new'), pool.call('short')]],
  ['a long call behind a short one', (pool) => [pool.call('short'), pool.call('long')]],
  ['a call behind a long one', (pool) => [pool.call('long'), pool.call('short')]],
  ['a call with long arguments', (pool) => [pool.call('short'), pool.call('short', { size: 16_385 })]],
])('not sent ahead: %s', async (_, act) => {
  const pool = await Stand.reporting({}, ['short'])
  await pool.run('long', 2)
  pool.effects.length = 0
  act(pool)
  expect([pool.of('send').length, pool.state.waiting.size]).toEqual([1, 1])
})

test('nothing is sent ahead of a worker that does not report begun calls', async () => {
  const pool = Stand.started()
  await pool.run('short', 1)
  calls(pool, 3)
  expect(aheadOf(pool)).toEqual([0])
})

test('async tools keep within `concurrency`: none goes ahead, none before calls ahead', async () => {
  const pool = new Stand({ concurrency: 2 })
  pool.reportsBegun = true
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  pool.ready('worker-1', ['async'])
  for (const tool of ['short', 'async']) await pool.run(tool, 1)
  calls(pool, 3, 'async')
  expect([inFlightIn(pool.state), aheadOf(pool)]).toEqual([2, [0]])
  pool.answer(pool.slot().calls.first as Call)
  pool.answer(pool.slot().calls.first as Call)
  pool.call('short')
  pool.call('short')
  expect([inFlightIn(pool.state), aheadOf(pool), pool.state.waiting.size]).toEqual([2, [0], 1])
})

test('32 calls are ahead at most, and 64 KiB', async () => {
  const pool = await Stand.reporting({ queueLimit: 100 }, [])
  await pool.run('quick', 0)
  calls(pool, 40, 'quick')
  expect([aheadOf(pool), pool.state.waiting.size]).toEqual([[32], 7])
  const other = await Stand.reporting({}, [])
  await other.run('quick', 0)
  calls(other, 10, 'quick', { size: 16_384 })
  expect([aheadOf(other), other.state.waiting.size]).toEqual([[4], 5])
})

test('a call that cannot be sent ahead is not overtaken by calls that could', async () => {
  const pool = await Stand.reporting()
  const [, big, behind] = [pool.call('short'), pool.call('short', { size: 20_000 }), pool.call('short')] as const
  expect([aheadOf(pool), pool.state.waiting.first, big.next]).toEqual([[0], big, behind])
})

test('a free worker comes first, then the worker with the fewest calls ahead', async () => {
  const pool = await Stand.reporting({ size: 2 })
  calls(pool, 5)
  expect(pool.sent).toEqual([1, 2, 1, 2, 1].map((n) => `short to worker-${n}`))
})

test('calls that are ahead count for the limit of the queue', async () => {
  const pool = await Stand.reporting({ queueLimit: 2 })
  calls(pool, 3)
  expect([aheadOf(pool), pool.told.get(pool.call('short'))]).toEqual([[2], 'refused: POOL_SATURATED'])
})

test('the time of a call counts from the answer before it', async () => {
  const pool = await Stand.reporting()
  const [first, second] = calls(pool, 3)
  for (const call of [first, second]) {
    await pool.clock.advance(1.5)
    pool.answer(call as Call)
  }
  expect(aheadOf(pool)).toEqual([0])
  pool.call('short')
  expect(aheadOf(pool)).toEqual([1])
})

test('nothing is sent ahead of a worker that has not answered for as long as a short call takes', async () => {
  const pool = await Stand.reporting()
  pool.call('short')
  await pool.clock.advance(2)
  pool.call('short')
  expect([aheadOf(pool), pool.state.waiting.size]).toEqual([[0], 1])
})
