import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { Call } from '../../src/core/call.ts'
import { Stand } from './support.ts'

// What the core of a pool does with calls, one rule each, on the virtual clock. `rules.test.ts` shows what a rule means
// for real workers.

const crashes = (stand: Stand, times: number): void => {
  for (let each = 0; each < times; each += 1) {
    stand.crash()
    stand.ready()
  }
}

test('calls wait in order of arrival, and each is handed out as soon as a worker has room', () => {
  const pool = Stand.started({ concurrency: 2 })
  const [first] = ['a', 'b', 'c', 'd'].map((tool) => pool.call(tool))
  expect(pool.sent).toEqual(['a to worker-1', 'b to worker-1'])
  pool.answer(first as Call)
  expect(pool.sent.slice(2)).toEqual(['c to worker-1'])
})

test('F8: a call goes to the worker that has the fewest, whichever slot that is', () => {
  const pool = Stand.started({ size: 3, concurrency: 3 })
  const calls = ['a', 'b', 'c', 'd'].map((tool) => pool.call(tool))
  expect(pool.sent).toEqual(['a to worker-1', 'b to worker-2', 'c to worker-3', 'd to worker-1'])
  pool.answer(calls[1] as Call)
  pool.call('e')
  expect(pool.sent.at(-1)).toBe('e to worker-2')
})

test('F8: a worker gets the remaining time of a call, rounded up, at least 1 ms; 0 without a deadline', async () => {
  const pool = Stand.started()
  await pool.clock.advance(5_000)
  const first = pool.call('first')
  const second = pool.call('second', { timeout: 1_000 })
  const third = pool.call('third', { timeout: 1_000.5 })
  await pool.clock.advance(400.5)
  pool.answer(first)
  await pool.clock.advance(599)
  pool.answer(second)
  expect(pool.of('send').map(({ timeLeft }) => timeLeft)).toEqual([0, 600, 1])
  expect(pool.told.get(third)).toBeUndefined()
})

test('a call that is handed out while the timer of its deadline is late is given 1 ms: 0 would be no limit', async () => {
  const pool = Stand.started()
  const first = pool.call('first')
  const late = new Call('late', { timeout: 300 })
  pool.tell({ type: 'call.offered', call: late, isWatched: false })
  await pool.clock.advance(400)
  pool.answer(first)
  expect(pool.of('send').at(-1)).toMatchObject({ call: late, timeLeft: 1 })
})

test('53: a call whose deadline passes in the queue rejects with its times, and is never sent', async () => {
  const pool = Stand.started()
  pool.call('first')
  const late = pool.call('late', { timeout: 300 })
  await pool.clock.advance(300)
  const [settled] = pool.of('settle')
  expect(settled).toMatchObject({
    call: late,
    error: { code: 'QUEUE_TIMEOUT', details: { tool: 'late', attempts: 0, queueTime: 300, runTime: 0, timeout: 300 } },
  })
  expect([pool.sent, pool.state.waiting.size]).toEqual([['first to worker-1'], 0])
})

test('a call whose deadline passes while it is to be run again is not said to have never been run', async () => {
  const pool = Stand.started()
  const call = pool.call('again', { idempotent: true, timeout: 300 })
  pool.crash()
  await pool.clock.advance(300)
  expect(pool.of('settle')[0]?.error).toMatchObject({ code: 'QUEUE_TIMEOUT', details: { attempts: 1 } })
  expect(pool.of('settle')[0]?.error?.message).toMatch(/it was not run again$/)
  expect(call.state).toBe('settled')
})

test('the times in an error add up over all attempts of the call', async () => {
  const pool = Stand.started({ maxDeaths: 1 })
  const first = pool.call('first')
  const call = pool.call('again', { idempotent: true })
  await pool.clock.advance(100)
  pool.answer(first)
  await pool.clock.advance(20)
  const unbegun = new Set([call])
  const error = new TerrariumError('WORKER_CRASHED', 'died')
  pool.tell({ type: 'worker.exited', worker: 'worker-1', incarnation: 1, reason: { type: 'error', error }, unbegun })
  await pool.clock.advance(30)
  pool.ready()
  await pool.clock.advance(7)
  pool.crash()
  expect(pool.of('settle').at(-1)?.error).toMatchObject({
    code: 'POISON_CALL',
    details: { queueTime: 130, runTime: 7, attempts: 1, incarnation: 2 },
  })
})

test('an aborted call is cancelled where it is: in the queue it leaves no trace, with a worker it is asked to stop', () => {
  const pool = Stand.started()
  const running = pool.call('running')
  const waiting = pool.call('waiting')
  pool.tell({ type: 'call.aborted', call: waiting, cause: 'enough' })
  expect([pool.told.get(waiting), pool.of('cancel')]).toEqual(['CANCELLED', []])
  pool.tell({ type: 'call.aborted', call: running, cause: 'enough' })
  pool.tell({ type: 'call.aborted', call: running, cause: 'again' })
  expect(pool.of('cancel')).toMatchObject([{ call: running, unlessBegun: false }])
  expect(pool.of('settle').map(({ error }) => error?.cause)).toEqual(['enough', 'enough'])
  pool.answer(running, 'too late')
  expect(pool.told.get(running)).toBe('CANCELLED')
})

test('53: a full queue refuses one call more, unless a worker takes it at once', () => {
  const pool = Stand.started({ queueLimit: 1 })
  for (const tool of ['a', 'b']) pool.call(tool)
  expect(pool.told.get(pool.call('c'))).toBe('refused: POOL_SATURATED')
  expect(pool.of('refuse')[0]?.error).toMatchObject({ details: { pool: 'p', queueLimit: 1, tool: 'c' } })
  expect(pool.state.counts.accepted).toBe(2)
  const none = Stand.started({ queueLimit: 0 })
  none.call('a')
  expect([none.sent, none.told.get(none.call('b'))]).toEqual([['a to worker-1'], 'refused: POOL_SATURATED'])
})

test('the queue keeps its limit while a suspect waits for a worker of its own', () => {
  const pool = Stand.started({ size: 2, concurrency: 2, queueLimit: 1 })
  const calls = ['a', 'b', 'c', 'd'].map((tool) => pool.call(tool, { idempotent: true }))
  pool.crash('worker-1')
  pool.answer(calls[1] as Call)
  // The other worker has room, but a suspect runs alone.
  expect(pool.slot('worker-2').inFlight).toBe(1)
  expect(pool.told.get(pool.call('e'))).toBeUndefined()
  expect(pool.told.get(pool.call('f'))).toBe('refused: POOL_SATURATED')
})

test('F8: calls that shared a worker are run again alone and first, and the call that kills again is to blame', () => {
  const pool = Stand.started({ concurrency: 4, maxDeaths: 2 })
  const [good, bad] = ['good', 'bad'].map((tool) => pool.call(tool, { idempotent: true })) as [Call, Call]
  pool.crash()
  pool.call('new')
  pool.ready()
  expect(pool.sent.slice(2)).toEqual(['good to worker-1'])
  pool.answer(good)
  expect(pool.sent.slice(3)).toEqual(['bad to worker-1'])
  crashes(pool, 2)
  expect(pool.told.get(bad)).toBe('POISON_CALL')
  const poison = pool.of('settle').at(-1)?.error
  expect(poison?.details).toMatchObject({ deaths: 2, attempts: 3, worker: 'worker-1', incarnation: 3 })
  expect(pool.sent.at(-1)).toBe('new to worker-1')
  expect(pool.state.counts).toMatchObject({ retried: 3, crashes: 3, completed: 1, failed: 1 })
})

test('a call that had not begun on a dead worker moves silently; a call that may have begun is reported', () => {
  const pool = Stand.started({ concurrency: 3 })
  const [begun, again, unbegun] = [pool.call('a'), pool.call('b', { idempotent: true }), pool.call('c')]
  pool.crash('worker-1', [unbegun])
  expect([begun, again, unbegun].map((call) => pool.told.get(call))).toEqual(['WORKER_CRASHED', undefined, undefined])
  expect(pool.of('tell').filter(({ event }) => event === 'call.retry')).toMatchObject([
    { told: { tool: 'b', attempts: 1 } },
  ])
  expect([begun.attempts, again.attempts, unbegun.attempts]).toEqual([1, 1, 0])
  // Two calls may have begun, so the retried one is a suspect; the moved one is not.
  expect([again.suspect, unbegun.suspect]).toEqual([true, false])
})

test('the only call that may have begun is to blame at once', () => {
  const pool = Stand.started({ concurrency: 3, maxDeaths: 1 })
  const [bad, unbegun] = [pool.call('bad', { idempotent: true }), pool.call('other')]
  pool.crash('worker-1', [unbegun])
  expect([pool.told.get(bad), bad.deaths, bad.suspect]).toEqual(['POISON_CALL', 1, false])
})

test('a worker that ended because it was told to is reported as that, also for calls that had not begun', () => {
  const pool = Stand.started({ concurrency: 2 })
  const calls = [pool.call('a', { idempotent: true }), pool.call('b')]
  const unbegun = new Set([calls[1] as Call])
  pool.tell({ type: 'worker.exited', worker: 'worker-1', incarnation: 1, reason: { type: 'shutdown' }, unbegun })
  expect(calls.map((call) => pool.told.get(call))).toEqual(['STOPPED', 'STOPPED'])
  expect(pool.state.counts).toMatchObject({ crashes: 0, retried: 0 })
})

test('I5: a worker whose session is gone, or that is killed, gets no call any more', () => {
  for (const end of ['worker.lost', 'worker.kill'] as const) {
    const pool = Stand.started({ concurrency: 2 })
    const error = new TerrariumError('WORKER_CRASHED', 'drill')
    pool.tell({ type: end, worker: 'worker-1', incarnation: 1, error })
    pool.call('a')
    expect([pool.slot().occupant, pool.sent]).toEqual(['doomed', []])
    expect(pool.kills).toEqual(end === 'worker.kill' ? ['drill'] : [])
    pool.crash()
    pool.ready()
    expect(pool.sent).toEqual(['a to worker-1'])
  }
})

test('a worker that goes on with a stopped call gets no new call; it is kept if it ends the call in time', async () => {
  const pool = Stand.started({ concurrency: 4, cancelGrace: 100 })
  const stopped = pool.call('stopped', { timeout: 50 })
  await pool.clock.advance(50)
  pool.call('next')
  expect(pool.sent).toEqual(['stopped to worker-1'])
  await pool.clock.advance(99)
  pool.answer(stopped)
  expect([pool.sent, pool.kills]).toEqual([['stopped to worker-1', 'next to worker-1'], []])
  expect(pool.state.timers.size).toBe(0)
  await pool.clock.advance(10_000)
  expect(pool.kills).toEqual([])
})

test('calls behind a stopped call are recalled after 20 ms, and move when they are given back', async () => {
  const pool = Stand.started({ concurrency: 4, cancelGrace: 100 })
  pool.call('stopped', { timeout: 50 })
  const behind = pool.call('behind')
  await pool.clock.advance(69)
  expect(pool.of('cancel')).toHaveLength(1)
  await pool.clock.advance(1)
  expect(pool.of('cancel').slice(1)).toMatchObject([{ call: behind, unlessBegun: true }])
  pool.giveBack(behind)
  expect([pool.slot().occupant, pool.state.again.first, behind.attempts]).toEqual(['ready', behind, 0])
  // The call behind came back, but the stopped call did not: its grace goes on.
  await pool.clock.advance(79)
  expect(pool.kills).toEqual([])
  await pool.clock.advance(1)
  expect(pool.kills).toHaveLength(1)
})

test('a call is recalled once, however many calls before it were stopped', async () => {
  const pool = Stand.started({ concurrency: 4, cancelGrace: 100 })
  for (const timeout of [50, 60]) pool.call('stopped', { timeout })
  const behind = pool.call('behind')
  await pool.clock.advance(90)
  expect(pool.of('cancel').filter(({ unlessBegun }) => unlessBegun)).toMatchObject([{ call: behind }])
})

test('a stopped call that its worker has ended renews no grace', async () => {
  const pool = Stand.started({ concurrency: 2, cancelGrace: 100 })
  const first = pool.call('first', { timeout: 50 })
  pool.call('second', { timeout: 60 })
  await pool.clock.advance(100)
  pool.answer(first)
  await pool.clock.advance(59)
  expect(pool.kills).toEqual([])
  await pool.clock.advance(1)
  expect(pool.kills).toHaveLength(1)
})

test('a stopped sync call behind a call with time left ends neither that call nor the worker; an async one does', async () => {
  const pool = Stand.started({ concurrency: 4, cancelGrace: 100 }, ['async'])
  const running = pool.call('running')
  pool.call('behind', { timeout: 50 })
  await pool.clock.advance(10_000)
  expect(pool.kills).toEqual([])
  pool.answer(running)
  await pool.clock.advance(100)
  expect(pool.kills).toHaveLength(1)

  const other = Stand.started({ concurrency: 4, cancelGrace: 100 }, ['async'])
  other.call('running')
  other.call('async', { timeout: 50 })
  await other.clock.advance(150)
  expect(other.kills).toHaveLength(1)
})

test('a stopped call behind an async one with time left costs the worker: an async one keeps no main thread busy', async () => {
  const pool = Stand.started({ concurrency: 4, cancelGrace: 100 }, ['async'])
  pool.call('async')
  pool.call('stopped', { timeout: 50 })
  await pool.clock.advance(150)
  expect(pool.kills).toEqual(['worker p/worker-1 was killed: stopped went on after it was stopped'])
})

test('a worker that gives calls back unasked is about to end: it gets none, and is killed once idle for 2 s', async () => {
  const pool = Stand.started({ size: 2, concurrency: 2 })
  const [first, , third] = ['a', 'b', 'c'].map((tool) => pool.call(tool)) as [Call, Call, Call]
  pool.giveBack(third)
  expect(pool.slot().occupant).toBe('doomed')
  expect(pool.sent.slice(3)).toEqual(['c to worker-2'])
  await pool.clock.advance(2_000)
  expect(pool.kills).toEqual([]) // it has a call
  pool.answer(first)
  await pool.clock.advance(1_999)
  expect(pool.kills).toEqual([])
  await pool.clock.advance(1)
  expect(pool.kills).toEqual(['worker p/worker-1 was killed: it refused calls and did not end'])
})

test('a worker that refused calls is not killed if it ends by itself', async () => {
  const pool = Stand.started({ concurrency: 2 })
  pool.giveBack(pool.call('a'))
  pool.crash()
  await pool.clock.advance(10_000)
  expect(pool.kills).toEqual([])
})

test('an event of a worker that is no longer in its slot changes nothing', () => {
  const pool = Stand.started()
  pool.crash()
  pool.ready()
  const unbegun = new Set<never>()
  pool.tell({ type: 'worker.lost', worker: 'worker-1', incarnation: 1 })
  pool.tell({ type: 'worker.exited', worker: 'worker-1', incarnation: 1, reason: { type: 'killed' }, unbegun })
  pool.tell({ type: 'worker.ready', worker: 'worker-9', incarnation: 1, pid: 1, tools: [] })
  expect(pool.slot()).toMatchObject({ occupant: 'ready', incarnation: 2 })
})
