// What becomes of calls that were sent ahead when their worker is silent, dies or ends, when another worker is free,
// and when they are stopped: one rule each, on the virtual clock.
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call } from '../../src/core/call.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import { inFlightIn, queuedIn } from '../../src/core/state.ts'
import { aheadOf, calls, Stand } from './support.ts'

test('calls ahead of a worker that is silent for 10 ms are asked back, and go first, in their order', async () => {
  const pool = await Stand.reporting({ size: 2 })
  const [, other, ...rest] = calls(pool, 4)
  const [third, fourth] = rest as [Call, Call]
  await pool.clock.advance(9)
  pool.answer(other as Call) // the second worker goes on: the call ahead of it begins
  expect(pool.recalled).toEqual([])
  const [fifth, sixth] = [pool.call('new'), pool.call('new')]
  await pool.clock.advance(1)
  expect(pool.recalled).toEqual([third])
  pool.giveBack(third)
  expect([pool.state.waiting.first, third.next, fifth.next, third.attempts]).toEqual([third, fifth, sixth, 0])
  pool.answer(fourth)
  expect(pool.sent.at(-1)).toBe('short to worker-2')
  expect([third.state, third.attempts]).toEqual(['placed', 1])
})

test('the tool that kept calls waiting is not sent ahead again before it has proven itself', async () => {
  const pool = await Stand.reporting()
  const [first, second] = calls(pool, 2) as [Call, Call]
  await pool.clock.advance(10)
  pool.giveBack(second)
  pool.answer(first)
  expect(aheadOf(pool)).toEqual([0])
  pool.answer(second)
  for (let run = 0; run < 14; run += 1) await pool.run('short', 0)
  calls(pool, 2)
  expect(aheadOf(pool)).toEqual([0])
  for (let left = 2; left > 0; left -= 1) pool.answer(pool.slot().calls.first as Call)
  calls(pool, 2)
  expect(aheadOf(pool)).toEqual([1])
})

test('a silence counts once, however often it is looked at', async () => {
  const pool = await Stand.reporting({ size: 2 }, [])
  await pool.run('varying', 0)
  await pool.run('quick', 0)
  const [first, , third] = ['varying', 'quick', 'varying'].map((tool) => pool.call(tool))
  for (let ms = 0; ms < 100; ms += 1) {
    await pool.clock.advance(1) // the other worker has calls ahead, and answers
    for (let calls = 2; calls > 0; calls -= 1) pool.call('quick')
    pool.answer(pool.slot('worker-2').calls.first as Call)
  }
  expect(pool.recalled.filter((call) => call === third)).toHaveLength(1)
  pool.giveBack(third as Call)
  pool.answer(first as Call)
  const pace = pool.state.paces.of('varying')
  pace?.keptWaiting(10)
  let probation = 0
  for (; pace?.isShort === false; probation += 1) pace.answered(0)
  expect(probation).toBe(32) // its second one
})

test('a host that stood still hears what its workers have said before it asks calls back', async () => {
  const pool = await Stand.reporting()
  const [first] = calls(pool, 2)
  const [timer] = [...pool.state.timers.keys()]
  pool.clock.advance = () => Promise.reject(new Error('not in this test'))
  const effects: unknown[] = []
  dispatch(pool.state, { type: 'pool.timer', timer: timer as number }, pool.clock.now() + 500, {
    push: (effect) => effects.push(effect),
  })
  expect(effects).toMatchObject([{ type: 'setTimer', delay: 1 }])
  pool.answer(first as Call)
  expect(pool.recalled).toEqual([])
})

test('one timer watches all calls ahead, and none is left without them', async () => {
  const pool = await Stand.reporting({ size: 2 })
  const all = calls(pool, 6)
  expect(pool.clock.pending).toBe(1)
  for (const call of all) pool.answer(call)
  await pool.clock.advance(10)
  expect([pool.clock.pending, pool.state.look]).toEqual([0, 0])
})

test('a worker that is free for a moment takes nothing over', async () => {
  const pool = await Stand.reporting({ size: 2 })
  const [first, second, , fourth, , sixth] = calls(pool, 6)
  pool.answer(second as Call)
  pool.answer(fourth as Call)
  expect(pool.recalled).toEqual([])
  pool.answer(sixth as Call)
  await pool.clock.advance(0.9)
  pool.answer(first as Call)
  expect([aheadOf(pool), pool.recalled]).toEqual([[1, 0], []])
})

test('half of the calls that are ahead of a worker is taken over by a worker that has had none for 1 ms', async () => {
  const pool = await Stand.reporting({ size: 2, queueLimit: 100 }, [])
  for (const ms of [0.25, 0.25]) await pool.run('quick', ms)
  const all = calls(pool, 14, 'quick')
  for (let n = 1; n < 14; n += 2) pool.answer(all[n] as Call)
  expect([aheadOf(pool), pool.recalled]).toEqual([[6, 0], []])
  await pool.clock.advance(1)
  pool.answer(all[0] as Call)
  expect([aheadOf(pool), pool.recalled]).toEqual([
    [5, 0],
    [all[12], all[10], all[8]],
  ])
  pool.giveBack(all[12] as Call)
  expect(pool.sent.at(-1)).toBe('quick to worker-2')
})

test('the worker with the most work ahead gives calls back, not the first worker', async () => {
  const pool = await Stand.reporting({ size: 3 }, [])
  await pool.run('quick', 0.1)
  await pool.run('middling', 1.6)
  await pool.run('slow', 1.9)
  const tools = ['middling', 'slow', 'quick', 'middling', 'slow', 'quick']
  const [, , third, , slow, sixth] = tools.map((tool) => pool.call(tool))
  expect(aheadOf(pool)).toEqual([1, 1, 1])
  for (const call of [third, sixth]) pool.answer(call as Call)
  await pool.clock.advance(1.5)
  pool.tell({ type: 'call.watched' })
  expect([aheadOf(pool), pool.recalled]).toEqual([[1, 1, 0], [slow]])
})

test('work that is done sooner than it could be sent elsewhere is left where it is', async () => {
  const pool = await Stand.reporting({ size: 2 }, [])
  for (let run = 0; run < 2; run += 1) await pool.run('quick', 0.1)
  const all = calls(pool, 6, 'quick')
  for (const n of [1, 3, 5]) pool.answer(all[n] as Call)
  await pool.clock.advance(1.5)
  pool.tell({ type: 'call.watched' })
  expect([aheadOf(pool), pool.recalled]).toEqual([[2, 0], []])
})

test('a worker that starts takes over, too', async () => {
  const pool = await Stand.reporting({ size: 2 })
  pool.crash('worker-2')
  const [, , third] = calls(pool, 3)
  pool.ready('worker-2')
  expect([aheadOf(pool), pool.recalled]).toEqual([[2, 0], [third]])
})

test('calls ahead of a worker that dies move silently, to the front and in their order', async () => {
  const pool = await Stand.reporting({ size: 2 })
  const all = calls(pool, 7)
  const [first, , third, , fifth, , seventh] = all
  pool.crash('worker-1', [third, fifth] as Call[])
  expect([pool.told.get(first as Call), third?.attempts]).toEqual(['WORKER_CRASHED', 0])
  expect([pool.state.waiting.first, third?.next, fifth?.next]).toEqual([third, fifth, seventh])
  pool.ready('worker-1')
  expect(pool.sent.slice(-3)).toEqual(Array.from({ length: 3 }, () => 'short to worker-1'))
  expect([third, fifth, seventh].map((call) => call?.state)).toEqual(['placed', 'queued', 'queued'])
})

test('of the calls of a dead worker exactly the calls that had begun are to blame, also calls ahead', async () => {
  const pool = await Stand.reporting({ maxDeaths: 5 })
  const [first, second, third] = calls(pool, 3, 'short', { idempotent: true }) as [Call, Call, Call]
  pool.crash('worker-1', [second, third])
  expect([first, second, third].map(({ deaths, suspect }) => [deaths, suspect])).toEqual([
    [1, false],
    [0, false],
    [0, false],
  ])
  pool.ready()
  expect(aheadOf(pool)).toEqual([0]) // a call with which a worker died has its worker for itself as far as can be
  pool.answer(first)
  await pool.clock.advance(0)
  const [, fourth] = [second, pool.call('short', { idempotent: true })]
  pool.crash('worker-1', [fourth])
  expect([second, third, fourth].map(({ deaths, suspect, attempts }) => [deaths, suspect, attempts])).toEqual([
    [0, true, 1],
    [0, true, 1],
    [0, false, 0],
  ])
})

test('a suspect has its worker alone', async () => {
  const pool = await Stand.reporting({ concurrency: 2 })
  const [first, second] = calls(pool, 2, 'short', { idempotent: true }) as [Call, Call]
  pool.crash()
  pool.ready()
  calls(pool, 3)
  expect([
    pool
      .of('send')
      .slice(2)
      .map(({ call }) => call),
    aheadOf(pool),
  ]).toEqual([[first], [0]])
  pool.answer(first)
  expect(pool.of('send').at(-1)?.call).toBe(second)
  expect([inFlightIn(pool.state), aheadOf(pool)]).toEqual([1, [0]])
})

test('a call whose deadline passes while it is ahead was not run, if its worker says so', async () => {
  const pool = await Stand.reporting()
  pool.call('short')
  const late = pool.call('short', { timeout: 5 })
  await pool.clock.advance(5)
  expect([pool.told.get(late), pool.recalled]).toEqual([undefined, [late]])
  pool.giveBack(late)
  expect(pool.of('settle').at(-1)?.error).toMatchObject({
    code: 'QUEUE_TIMEOUT',
    message: 'no worker was free for short within 5 ms; it was not run',
    details: { attempts: 0, queueTime: 5, runTime: 0 },
  })
  expect([pool.state.counts.failed, queuedIn(pool.state)]).toEqual([1, 0])
})

test('a late call ahead was not run either if the worker sees the deadline first, or after the call before it', async () => {
  const pool = await Stand.reporting()
  const [first, late] = [pool.call('short'), pool.call('short', { timeout: 5 })]
  const error = new TerrariumError('DEADLINE_EXCEEDED', 'the deadline passed before the call began')
  await pool.clock.advance(4)
  pool.answer(first)
  pool.tell({ type: 'call.answered', call: late, outcome: { error, notBegun: true } })
  expect(pool.of('settle').at(-1)?.error).toMatchObject({ code: 'QUEUE_TIMEOUT', details: { attempts: 0 } })
  await pool.clock.advance(10)
  expect([pool.of('settle').length, pool.clock.pending]).toEqual([2, 0])
})

test('a call ahead whose deadline passes has overrun if its worker had begun it, or does not say', async () => {
  const begun = await Stand.reporting()
  begun.call('short')
  const late = begun.call('short', { timeout: 5 })
  await begun.clock.advance(5)
  begun.answer(late)
  expect([begun.told.get(late), begun.state.counts.failed]).toEqual(['DEADLINE_EXCEEDED', 1])

  const silent = await Stand.reporting({ cancelGrace: 100 })
  silent.call('short')
  const other = silent.call('short', { timeout: 5 })
  await silent.clock.advance(14)
  expect(silent.told.get(other)).toBeUndefined()
  await silent.clock.advance(1)
  expect(silent.told.get(other)).toBe('DEADLINE_EXCEEDED')
  await silent.clock.advance(10_000)
  expect(silent.kills).toEqual([]) // the call before it has time left
})

test('a late call on a worker that dies is not run again: it had overrun, or it was not run', async () => {
  for (const unbegun of [true, false]) {
    const pool = await Stand.reporting()
    pool.call('short')
    const late = pool.call('short', { timeout: 5, idempotent: true })
    await pool.clock.advance(5)
    pool.crash('worker-1', unbegun ? [late] : [])
    expect(pool.told.get(late)).toBe(unbegun ? 'QUEUE_TIMEOUT' : 'DEADLINE_EXCEEDED')
    expect([queuedIn(pool.state), pool.state.timers.size]).toEqual([0, 1]) // the next look
  }
})

test('an aborted call is cancelled at once, and its worker is closed until the call has ended there', async () => {
  const pool = await Stand.reporting()
  const [first, second] = calls(pool, 2) as [Call, Call]
  pool.tell({ type: 'call.aborted', call: second, cause: 'enough' })
  expect([pool.told.get(second), pool.of('cancel')]).toMatchObject([
    'CANCELLED',
    [{ call: second, unlessBegun: false }],
  ])
  pool.call('short')
  expect(aheadOf(pool)).toEqual([1])
  pool.giveBack(second)
  expect([aheadOf(pool), pool.state.waiting.size, pool.slot().occupant]).toEqual([[1], 0, 'ready'])
  pool.answer(first)
  expect(pool.state.counts).toMatchObject({ completed: 2, failed: 1 })
})

test('a worker that gives calls back unasked is about to end: it gets none ahead, and they go first', async () => {
  const pool = await Stand.reporting()
  const [first, second, third] = calls(pool, 3) as [Call, Call, Call]
  pool.giveBack(second)
  pool.giveBack(third)
  expect([pool.slot().occupant, pool.state.waiting.first, second.next]).toEqual(['doomed', second, third])
  pool.answer(first)
  expect(pool.of('send')).toHaveLength(3)
})

test('a pool that stops asks calls ahead back: what had not begun was not run, what had begun is drained', async () => {
  const pool = await Stand.reporting()
  const [first, second, third] = calls(pool, 3) as [Call, Call, Call]
  pool.tell({ type: 'pool.stop' })
  expect(pool.recalled).toEqual([second, third])
  pool.answer(first)
  pool.answer(second)
  expect(pool.of('close')).toEqual([])
  pool.giveBack(third)
  expect([second, third].map((call) => pool.told.get(call))).toEqual(['value', 'STOPPED'])
  expect(pool.of('close')).toHaveLength(1)
})

test('an answer to a call ahead is taken, although the call before it has none yet', async () => {
  const pool = await Stand.reporting()
  const [first, second, third] = calls(pool, 3) as [Call, Call, Call]
  pool.answer(third)
  pool.answer(second)
  pool.answer(first)
  expect([pool.state.counts.completed, pool.state.ahead, pool.slot().firstAhead]).toEqual([4, 0, undefined])
  expect(third.attempts).toBe(1)
})
