import { expect, test } from '@jest/globals'
import { Call } from '../../src/core/call.ts'
import { aheadOf, calls, Stand } from './support.ts'

// What the core of a pool does with calls that wait for functions of the host, and with nested calls, one rule each.

const wait = (pool: Stand, call: Call): void => {
  pool.tell({ type: 'host.called', call })
}
const go = (pool: Stand, call: Call): void => {
  pool.tell({ type: 'host.answered', call })
}
/** A function of the host, which `parent` waits for, makes a call. */
function nested(pool: Stand, parent: Call, tool: string): Call {
  const path = [...(parent.nested?.path ?? [parent.tool]), 'host f', tool]
  const call = new Call(tool, { timeout: undefined, idempotent: false, nested: { parent, path } })
  pool.tell({ type: 'call.offered', call, isWatched: false })
  return call
}
const errorOf = (pool: Stand, call: Call) => pool.of('settle').find((each) => each.call === call)?.error
/** A call that waits for a function of the host. */
function waiting(pool: Stand, tool: string): Call {
  const call = pool.call(tool)
  wait(pool, call)
  return call
}

test('the time in host calls is told apart, however many are open at a time', async () => {
  const pool = Stand.started()
  const call = pool.call('a')
  await pool.clock.advance(10)
  wait(pool, call)
  await pool.clock.advance(20)
  wait(pool, call)
  await pool.clock.advance(30)
  go(pool, call)
  go(pool, call)
  await pool.clock.advance(5)
  wait(pool, call)
  await pool.clock.advance(7)
  pool.tell({ type: 'call.aborted', call, cause: undefined })
  expect(errorOf(pool, call)?.details).toMatchObject({ queueTime: 0, runTime: 15, hostTime: 57 })
})

test('a call without host calls has no hostTime', () => {
  const pool = Stand.started()
  const call = pool.call('a')
  pool.tell({ type: 'call.aborted', call, cause: undefined })
  expect(errorOf(pool, call)?.details).not.toHaveProperty('hostTime')
})

test('host calls end with their call: answered, stopped, or with its worker', () => {
  const pool = Stand.started({ size: 4 })
  const [answered, aborted, crashed, late] = ['a', 'b', 'c', 'd'].map((tool) => waiting(pool, tool)) as [
    Call,
    Call,
    Call,
    Call,
  ]
  pool.answer(answered)
  pool.tell({ type: 'call.aborted', call: aborted, cause: undefined })
  pool.crash('worker-3')
  pool.tell({ type: 'call.expired', call: late })
  const ended = pool.of('endHostCalls').map(({ call, error: { code, message } }) => [call.tool, code, message])
  expect(ended).toEqual([
    ['a', 'CANCELLED', 'the call of a has ended, and its host calls with it'],
    ['b', 'CANCELLED', 'the call of b was stopped: it was cancelled'],
    ['c', 'WORKER_CRASHED', 'worker p/worker-3 died'],
    ['d', 'DEADLINE_EXCEEDED', 'the call of d was stopped: its deadline has passed'],
  ])
  expect([answered, aborted, crashed, late].map(({ hosts }) => hosts)).toEqual([0, 0, 0, 0])
  expect(pool.state.slots.map(({ hosts }) => hosts)).toEqual([0, 0, 0, 0])
})

test('nothing is sent ahead to a worker whose main thread waits for the host', async () => {
  const pool = await Stand.reporting()
  const first = pool.call('short')
  const second = pool.call('short')
  expect(aheadOf(pool)).toEqual([1])
  wait(pool, first)
  calls(pool, 3)
  expect([aheadOf(pool), second.isAhead]).toEqual([[1], true])
  go(pool, first)
  calls(pool, 1)
  expect(aheadOf(pool)).toEqual([2])
})

test('size 1: a nested call is refused at once, with the cycle named', () => {
  const pool = Stand.started()
  const outer = waiting(pool, 'a')
  const inner = nested(pool, outer, 'b')
  expect(errorOf(pool, inner)).toMatchObject({
    code: 'DEADLOCK',
    message: 'b would wait for ever: a → host f → b, and no worker of pool p can become free',
    details: { cycle: ['a', 'host f', 'b'], size: 1, concurrency: 1, pool: 'p' },
  })
  expect(pool.told.has(outer)).toBe(false)
  go(pool, outer)
  pool.answer(outer)
  expect(pool.told.get(outer)).toBe('value')
})

test('size 2: depth 2 is answered, depth 3 refused at once', () => {
  const pool = Stand.started({ size: 2 })
  const a = waiting(pool, 'a')
  const b = nested(pool, a, 'b')
  expect(pool.sent).toEqual(['a to worker-1', 'b to worker-2'])
  wait(pool, b)
  const c = nested(pool, b, 'c')
  expect(errorOf(pool, c)).toMatchObject({ code: 'DEADLOCK', details: { cycle: ['a', 'host f', 'b', 'host f', 'c'] } })
  go(pool, b)
  pool.answer(b)
  go(pool, a)
  pool.answer(a)
  expect([pool.told.get(b), pool.told.get(a)]).toEqual(['value', 'value'])
})

test('size 2: of two calls that both nest the later is refused, and the other one goes on', () => {
  const pool = Stand.started({ size: 2 })
  const [first, second] = [waiting(pool, 'a'), waiting(pool, 'a')]
  const inner = nested(pool, first, 'b')
  expect(pool.told.has(inner)).toBe(false) // the other call may end yet
  const later = nested(pool, second, 'b')
  expect([pool.told.has(inner), pool.told.get(later)]).toEqual([false, 'DEADLOCK'])
  go(pool, second)
  pool.answer(second)
  expect(pool.sent.at(-1)).toBe('b to worker-2')
})

test('a nested call waits for a worker that runs something, and is refused when that comes to wait as well', () => {
  const pool = Stand.started({ size: 2 })
  const outer = waiting(pool, 'a')
  const busy = pool.call('busy')
  const inner = nested(pool, outer, 'b')
  wait(pool, busy)
  expect(pool.told.has(inner)).toBe(false)
  const other = nested(pool, busy, 'c')
  expect([pool.told.has(inner), pool.told.get(other)]).toEqual([false, 'DEADLOCK'])
})

test('a nested call waits for a worker that is being restarted, and is refused when that is parked', () => {
  const pool = Stand.started({ size: 2 })
  pool.crash('worker-2')
  const outer = waiting(pool, 'a')
  const inner = nested(pool, outer, 'b')
  expect(pool.told.has(inner)).toBe(false)
  pool.park('worker-2')
  expect(pool.told.get(inner)).toBe('DEADLOCK')
  pool.ready('worker-2')
  const again = nested(pool, outer, 'b')
  expect(pool.sent.at(-1)).toBe('b to worker-2')
  expect(again.state).toBe('placed')
})

test('an async tool leaves places for the calls it waits for, but none behind a sync tool that waits', () => {
  const pool = Stand.started({ concurrency: 4 }, ['async'])
  const outer = waiting(pool, 'async')
  const inner = nested(pool, outer, 'sync')
  expect(inner.state).toBe('placed')
  wait(pool, inner)
  expect(nested(pool, inner, 'async').state).toBe('placed')
  const behind = nested(pool, inner, 'sync')
  expect(pool.told.has(behind)).toBe(false) // the async call may be all that its function waits for
  pool.answer(pool.state.slots[0]?.calls.last as Call)
  expect(pool.told.get(behind)).toBe('DEADLOCK')
})

test('nested calls go before all that wait, whatever their priority, and while the pool is paused', () => {
  const pool = Stand.started({ size: 2 })
  const outer = waiting(pool, 'a')
  const busy = pool.call('busy')
  pool.call('high', { priority: 'high' })
  const inner = nested(pool, outer, 'b')
  pool.tell({ type: 'pool.pause' })
  pool.answer(busy)
  expect([inner.state, pool.sent.at(-1)]).toEqual(['placed', 'b to worker-2'])
})

test('nested calls are refused when `queueLimit` of them wait, whatever else waits', () => {
  const pool = Stand.started({ size: 2, queueLimit: 1 })
  const outer = waiting(pool, 'a')
  pool.call('busy')
  pool.call('queued')
  const [first, second] = [nested(pool, outer, 'b'), nested(pool, outer, 'b')]
  expect([pool.told.get(first), pool.told.get(second)]).toEqual([undefined, 'refused: POOL_SATURATED'])
})

test('a nested call that was placed behind a main thread is asked back once that waits', () => {
  const pool = Stand.started({ size: 2, concurrency: 2 })
  const outer = waiting(pool, 'a')
  const busy = pool.call('busy')
  const inner = nested(pool, outer, 'b')
  expect(pool.sent.at(-1)).toBe('b to worker-2')
  wait(pool, busy)
  expect(pool.recalled).toEqual([inner])
  pool.giveBack(inner)
  expect(inner.state).toBe('queued')
  go(pool, busy)
  pool.answer(busy)
  expect(inner.state).toBe('placed')
})

test('calls behind a main thread that waits give their places to nested calls', () => {
  const pool = Stand.started({ concurrency: 2 }, ['async'])
  const outer = waiting(pool, 'a')
  const behind = pool.call('behind')
  expect(behind.state).toBe('placed')
  const inner = nested(pool, outer, 'async')
  expect([inner.state, pool.recalled]).toEqual(['queued', [behind]])
  pool.giveBack(behind)
  expect([inner.state, behind.state]).toEqual(['placed', 'queued'])
})

test('a stop rejects nested calls that wait', () => {
  const pool = Stand.started({ size: 2 })
  const outer = waiting(pool, 'a')
  pool.call('busy')
  const inner = nested(pool, outer, 'b')
  pool.tell({ type: 'pool.stop' })
  expect(pool.told.get(inner)).toBe('STOPPED')
})
