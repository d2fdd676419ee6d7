import { expect, test } from '@jest/globals'
import { STREAM_WINDOW } from '@terrarium/worker'
import { Call } from '../../src/core/call.ts'
import { GIVEN_BACK, StreamState } from '../../src/core/stream.ts'
import { Stand } from './support.ts'

// What the core of a pool does with streams, one rule each, on the virtual clock.

function stream(pool: Stand, { idle, timeout }: { idle?: number; timeout?: number } = {}): Call {
  const call = new Call('stream', { timeout })
  call.stream = new StreamState(idle)
  pool.tell({ type: 'call.offered', call, isWatched: timeout !== undefined })
  return call
}

const item = (pool: Stand, call: Call, bytes = 1_000): void => {
  pool.tell({ type: 'stream.item', call, bytes })
}
const take = (pool: Stand, call: Call, bytes = 1_000): void => {
  pool.tell({ type: 'stream.taken', call, bytes })
}
const leave = (pool: Stand, call: Call): void => {
  pool.tell({ type: 'stream.left', call })
}
const credits = (pool: Stand): number[] => pool.of('credit').map(({ bytes }) => bytes)
const errorOf = (pool: Stand, call: Call) => pool.of('settle').find((each) => each.call === call)?.error

test('a stream waits in the queue as calls do, has a place, and ends with its answer', () => {
  const pool = Stand.started()
  const first = pool.call('first')
  const call = stream(pool)
  expect([call.state, pool.sent]).toEqual(['queued', ['first to worker-1']])
  pool.answer(first)
  expect([call.state, pool.sent.at(-1), pool.slot().inFlight]).toEqual(['placed', 'stream to worker-1', 1])
  item(pool, call)
  expect(pool.told.has(call)).toBe(false)
  pool.answer(call)
  expect([pool.told.get(call), pool.slot().inFlight]).toEqual(['value', 0])
})

test('what the reader has taken is given back once it is half of the window', () => {
  const pool = Stand.started()
  const call = stream(pool)
  for (let n = 0; n < 4; n += 1) item(pool, call, STREAM_WINDOW / 4)
  take(pool, call, STREAM_WINDOW / 4)
  expect(credits(pool)).toEqual([])
  take(pool, call, STREAM_WINDOW / 4)
  expect(credits(pool)).toEqual([GIVEN_BACK])
  take(pool, call, STREAM_WINDOW / 4)
  pool.answer(call)
  take(pool, call, STREAM_WINDOW / 4)
  expect(credits(pool)).toEqual([GIVEN_BACK]) // the worker has let go of it
})

test('an item that is longer than the window is given back as a whole', () => {
  const pool = Stand.started()
  const call = stream(pool)
  item(pool, call, 5 * STREAM_WINDOW)
  take(pool, call, 5 * STREAM_WINDOW)
  expect(credits(pool)).toEqual([5 * STREAM_WINDOW])
})

test('a stream that is left in the queue is gone, and never sent', () => {
  const pool = Stand.started()
  const first = pool.call('first')
  const call = stream(pool)
  leave(pool, call)
  pool.answer(first)
  expect(pool.sent).toEqual(['first to worker-1'])
  expect([pool.told.get(call), pool.state.counts.completed, pool.state.counts.failed]).toEqual(['value', 2, 0])
})

test('a stream that is left is cancelled, its worker gets no call until it has let go of it, and that is no failure', async () => {
  const pool = Stand.started()
  const call = stream(pool)
  item(pool, call)
  leave(pool, call)
  expect(pool.of('cancel').map(({ unlessBegun }) => unlessBegun)).toEqual([false])
  const next = pool.call('next')
  expect([next.state, pool.of('released')]).toEqual(['queued', []])
  pool.giveBack(call)
  expect(pool.of('released')).toHaveLength(1)
  expect([next.state, pool.state.counts.completed]).toEqual(['placed', 1])
  await pool.clock.advance(10_000)
  expect(pool.kills).toEqual([])
})

test('a worker that goes on with a stream that was left is killed after the grace', async () => {
  const pool = Stand.started({ cancelGrace: 100 })
  leave(pool, stream(pool))
  await pool.clock.advance(100)
  expect(pool.kills).toEqual(['worker p/worker-1 was killed: stream went on after it was stopped'])
  pool.crash()
  expect(pool.of('released')).toHaveLength(1)
})

test('42: a worker that dies with a stream ends it with the number of its items, and it is not run again', () => {
  const pool = Stand.started()
  const call = stream(pool)
  for (let n = 0; n < 3; n += 1) item(pool, call)
  pool.crash()
  pool.ready()
  expect(pool.sent).toHaveLength(1)
  const error = errorOf(pool, call)
  expect(error?.code).toBe('WORKER_CRASHED')
  expect(error?.message).toBe('stream was with a worker that died after 3 items: worker p/worker-1 died')
  expect(error?.details).toMatchObject({ items: 3, attempts: 1 })
  expect(error?.hint).toBeUndefined()
})

test('a stream that had not begun moves silently when its worker dies', () => {
  const pool = Stand.started()
  const call = stream(pool)
  pool.crash('worker-1', [call])
  pool.ready()
  expect([pool.sent, pool.told.has(call)]).toEqual([['stream to worker-1', 'stream to worker-1'], false])
})

test('a stream whose items have arrived has begun, whatever the worker says', () => {
  const pool = Stand.started()
  const [one, two] = [stream(pool), stream(pool)]
  item(pool, one)
  pool.giveBack(one)
  expect(pool.told.get(one)).toBe('CANCELLED')
  item(pool, two)
  pool.crash('worker-1', [two])
  expect(pool.told.get(two)).toBe('WORKER_CRASHED')
})

test('the deadline of the whole is told with the number of items', async () => {
  const pool = Stand.started()
  const call = stream(pool, { timeout: 300 })
  item(pool, call)
  await pool.clock.advance(300)
  expect(errorOf(pool, call)).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { timeout: 300, items: 1 } })
})

test('idle: a worker that sends nothing for so long although it has credit ends the stream', async () => {
  const pool = Stand.started()
  const call = stream(pool, { idle: 100 })
  await pool.clock.advance(99)
  item(pool, call)
  await pool.clock.advance(99)
  item(pool, call)
  await pool.clock.advance(99)
  expect(pool.told.has(call)).toBe(false)
  await pool.clock.advance(1)
  const error = errorOf(pool, call)
  expect(error?.message).toBe('stream has sent no item for 100 ms, after 2 items')
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { idle: 100, items: 2 } })
})

test('idle: neither the queue nor a slow reader counts', async () => {
  const pool = Stand.started()
  const first = pool.call('first')
  const call = stream(pool, { idle: 100 })
  await pool.clock.advance(1_000)
  pool.answer(first)
  item(pool, call, STREAM_WINDOW)
  await pool.clock.advance(1_000)
  take(pool, call, STREAM_WINDOW)
  await pool.clock.advance(99)
  expect(pool.told.has(call)).toBe(false)
  await pool.clock.advance(1)
  expect(pool.told.get(call)).toBe('DEADLINE_EXCEEDED')
})

test('idle: nothing is left to be due when the stream has ended', async () => {
  const pool = Stand.started()
  pool.answer(stream(pool, { idle: 100 }))
  expect(pool.state.timers.size).toBe(0)
  await pool.clock.advance(1_000)
  expect(pool.clock.pending).toBe(0)
})

test('a stream is never sent ahead, no call is sent ahead of it, and its tool does not become a short one', async () => {
  const pool = await Stand.reporting({}, ['short'])
  const call = stream(pool)
  pool.call('short')
  expect(pool.sent).toEqual(['stream to worker-1'])
  item(pool, call)
  pool.answer(call)
  expect(pool.state.paces.of('stream')).toBeUndefined()
  await pool.run('short', 1)
  stream(pool)
  expect(pool.sent.at(-1)).toBe('short to worker-1')
})

test('stop() lets a stream finish within `drainTimeout`, and then ends it with STOPPED', async () => {
  const pool = Stand.started({ drainTimeout: 1_000 })
  const call = stream(pool)
  pool.tell({ type: 'pool.stop' })
  item(pool, call)
  await pool.clock.advance(999)
  expect([pool.told.has(call), pool.state.isClosing]).toEqual([false, false])
  await pool.clock.advance(1)
  expect(pool.state.isClosing).toBe(true)
  pool.tell({
    type: 'worker.exited',
    worker: 'worker-1',
    incarnation: 1,
    reason: { type: 'shutdown' },
    unbegun: new Set(),
  })
  expect(pool.told.get(call)).toBe('STOPPED')
})
