import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call } from '../../src/core/call.ts'
import { countsToKeep, createState } from '../../src/core/state.ts'
import { failureOf, missingModule, Stand } from './support.ts'

// The life of a pool and of its workers as the core decides it, one rule each, on the virtual clock: start and stop,
// parked and tried again.

test('10: start() is answered once all workers are ready', () => {
  const pool = new Stand({ size: 2 })
  pool.tell({ type: 'pool.start' })
  expect(pool.of('open')).toHaveLength(1)
  const early = pool.call('early')
  pool.tell({ type: 'pool.opened' })
  expect(pool.of('startWorkers')).toHaveLength(1)
  pool.ready('worker-2')
  expect([pool.of('started'), pool.state.status, early.state]).toEqual([[], 'starting', 'placed'])
  pool.ready('worker-1')
  expect([pool.of('started'), pool.state.status]).toEqual([[{ type: 'started', error: undefined }], 'running'])
})

test('start() is refused as soon as one worker is parked; the pool is parked once all are', () => {
  const pool = new Stand({ size: 2 })
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  const waiting = pool.call('waiting')
  pool.park('worker-1')
  expect(pool.of('started')).toMatchObject([{ error: { code: 'CONFIGURATION' } }])
  expect([pool.state.status, waiting.state]).toEqual(['running', 'queued'])
  pool.park('worker-2')
  expect([pool.state.status, pool.told.get(waiting)]).toEqual(['parked', 'PARKED'])
  expect(pool.told.get(pool.call('new'))).toBe('refused: PARKED')
  expect(pool.of('watchEnvironment').at(-1)?.paths).toEqual(['/lib', '/lib'])
  expect(pool.of('log')).toMatchObject([{ level: 'error' }, { message: 'parked: no module named numpy' }])
})

test('a change of the environment tries one parked worker; a worker that is ready tries the others, once each', () => {
  const pool = new Stand({ size: 3 })
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  for (const { id } of pool.state.slots) pool.park(id)
  pool.tell({ type: 'pool.environment' })
  pool.tell({ type: 'pool.environment' })
  expect(pool.of('unpark').map(({ slot }) => slot.id)).toEqual(['worker-1'])
  pool.ready('worker-1')
  expect(pool.of('unpark').map(({ slot }) => slot.id)).toEqual(['worker-1', 'worker-2', 'worker-3'])
  expect([pool.state.status, pool.effects.at(-1)?.type]).toEqual(['running', 'unpark'])
  pool.park('worker-2')
  pool.tell({ type: 'pool.environment' })
  expect(pool.of('unpark').at(-1)?.slot.id).toBe('worker-2')
})

test('a worker that no change of the environment repairs is not unparked', () => {
  const pool = Stand.started()
  pool.crash()
  pool.park('worker-1', new TerrariumError('WORKER_CRASHED', 'it dies again and again'))
  pool.tell({ type: 'pool.environment' })
  expect([pool.of('unpark'), pool.effects.at(-1)?.type]).toEqual([[], 'ignoreEnvironment'])
  expect(pool.state.status).toBe('parked')
})

test('F8: a pool that stops refuses waiting calls, drains calls in flight, and runs nothing again', async () => {
  const pool = Stand.started({ concurrency: 2, drainTimeout: 5_000 })
  const [first, second] = [pool.call('a'), pool.call('b', { idempotent: true })]
  const waiting = pool.call('c')
  pool.tell({ type: 'pool.stop' })
  expect([pool.told.get(waiting), pool.told.get(pool.call('d'))]).toEqual(['STOPPED', 'refused: STOPPED'])
  await pool.clock.advance(4_999)
  expect(pool.of('close')).toEqual([])
  pool.crash()
  expect([first, second].map((call) => pool.told.get(call))).toEqual(['WORKER_CRASHED', 'WORKER_CRASHED'])
  expect(pool.of('close')).toHaveLength(1)
  pool.tell({ type: 'pool.closed', left: [] })
  expect(pool.of('end')).toMatchObject([{ reason: { type: 'shutdown' }, left: 0 }])
  expect(pool.clock.pending).toBe(0)
})

test('calls in flight have `drainTimeout` and no more; an idle pool is closed at once', async () => {
  const pool = Stand.started({ drainTimeout: 5_000 })
  const call = pool.call('a')
  pool.tell({ type: 'pool.stop' })
  await pool.clock.advance(5_000)
  expect([pool.of('close').length, pool.told.get(call)]).toEqual([1, undefined])
  const left = [1, 2].map((pid) => ({
    pid,
    startTicks: 1,
    bootId: 'b',
    installation: 'i',
    run: 'r',
    spawn: `${pid}-s`,
  }))
  pool.tell({ type: 'pool.closed', left })
  expect(pool.told.get(call)).toBe('STOPPED')
  expect(pool.of('log')).toMatchObject([{ level: 'error', message: 'processes are left', fields: { left } }])
  expect(pool.of('end')).toMatchObject([{ left: 2 }])
  const idle = Stand.started()
  idle.tell({ type: 'pool.stop' })
  expect(idle.of('close')).toHaveLength(1)
})

test('a call that a worker gives back while the pool stops is refused', () => {
  const pool = Stand.started({ concurrency: 2 })
  const [, back] = [pool.call('a'), pool.call('b')]
  pool.tell({ type: 'pool.stop' })
  pool.giveBack(back)
  expect(pool.told.get(back)).toBe('STOPPED')
})

test('a pool whose supervisor gives up ends with that, and says so to every call', () => {
  const pool = Stand.started()
  const [running, waiting] = [pool.call('a'), pool.call('b')]
  pool.tell({ type: 'pool.over', reason: { type: 'error', error: new Error('too many restarts') } })
  expect(pool.told.get(waiting)).toBe('STOPPED')
  pool.answer(running)
  pool.tell({ type: 'pool.closed', left: [] })
  expect(pool.of('end')).toMatchObject([
    { reason: { type: 'error', error: { code: 'STOPPED', message: 'pool p is over: too many restarts' } } },
  ])
  pool.call('c')
  expect(pool.of('refuse')[0]?.error.message).toBe('pool p is over: too many restarts')
})

test('a pool that cannot be opened refuses waiting calls and is idle again', () => {
  const pool = new Stand()
  pool.tell({ type: 'pool.start' })
  const call = pool.call('a')
  pool.tell({ type: 'pool.failed', error: missingModule() })
  expect([pool.told.get(call), pool.of('close').length]).toEqual(['CONFIGURATION', 1])
  pool.tell({ type: 'pool.closed', left: [] })
  expect(pool.of('started')).toMatchObject([{ error: { code: 'CONFIGURATION' } }])
  expect([pool.state.status, pool.effects.at(-1)?.type]).toEqual(['idle', 'end'])
})

test('a pool that cannot be opened has not started, although a worker becomes ready', () => {
  const pool = new Stand()
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  pool.tell({ type: 'pool.failed', error: missingModule() })
  pool.ready()
  expect([pool.of('started'), pool.state.status]).toEqual([[], 'starting'])
  pool.tell({ type: 'pool.closed', left: [] })
  expect(pool.of('started')).toMatchObject([{ error: { code: 'CONFIGURATION' } }])
})

test('stop() while the workers start answers start() at once, and once', () => {
  const pool = new Stand()
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  pool.tell({ type: 'pool.stop' })
  expect(pool.of('started')).toMatchObject([{ error: { code: 'STOPPED', message: 'pool p was stopped' } }])
  pool.tell({ type: 'pool.closed', left: [] })
  expect([pool.of('started').length, pool.state.status]).toEqual([1, 'stopped'])
})

test('a pool that cannot be opened is closed once, although it is stopped meanwhile and that takes long', async () => {
  const pool = new Stand({ drainTimeout: 5_000 })
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.failed', error: missingModule() })
  pool.tell({ type: 'pool.stop' })
  await pool.clock.advance(5_000)
  expect(pool.of('close')).toHaveLength(1)
})

test('a hard stop leaves no timer, and later events change nothing', () => {
  const pool = Stand.started({ size: 2, concurrency: 2 })
  const [running, , back] = ['a', 'b', 'c'].map((tool) => pool.call(tool)) as [Call, Call, Call]
  pool.giveBack(back) // its worker is to be killed after a while
  pool.tell({ type: 'pool.stop' })
  expect(pool.clock.pending).toBe(2)
  pool.tell({ type: 'pool.halt' })
  expect([pool.clock.pending, pool.told.get(running), pool.effects.at(-1)?.type]).toEqual([0, 'STOPPED', 'abandon'])
  const { length } = pool.effects
  pool.answer(running)
  pool.ready()
  pool.tell({ type: 'pool.environment' })
  expect([pool.effects.length, pool.slot().occupant]).toEqual([length, 'none'])
})

test('while a worker is down its slot says until when, and why', async () => {
  const pool = Stand.started()
  await pool.clock.advance(500)
  pool.crash()
  const failure = failureOf(new Error('boom'))
  pool.tell({ type: 'worker.backoff', worker: 'worker-1', incarnation: 1, failure, delay: 200, attempt: 1 })
  expect(pool.slot()).toMatchObject({ until: 700, failure, occupant: 'none', pid: undefined })
  pool.ready()
  expect(pool.slot()).toMatchObject({ until: undefined, failure: undefined, pid: 1_002 })
})

test('a life that goes on with the counts of another one does not count what was never settled', () => {
  const pool = Stand.started()
  for (const tool of ['a', 'b', 'c']) pool.call(tool)
  pool.answer(pool.of('send')[0]?.call as Call)
  const counts = countsToKeep(pool.state.counts)
  expect(counts).toEqual({ accepted: 1, completed: 1, failed: 0, retried: 0, starts: 1, crashes: 0 })
  expect(createState(pool.state.settings, counts).counts).toEqual(counts)
})
