import { expect, test } from '@jest/globals'
import { Call } from '../../src/core/call.ts'
import { SessionUse, type Affinity } from '../../src/core/tool-session.ts'
import { Stand } from './support.ts'

// What the core of a pool does with sessions, one rule each, on the virtual clock. Numbers name the scenarios that any
// pool has to show.

const handle = (id: string, affinity: Affinity = 'strict_queue', ttl?: number): SessionUse =>
  new SessionUse(id, affinity, ttl)

function call(pool: Stand, use: SessionUse, more: { idempotent?: boolean; priority?: 'high' | 'low' } = {}): Call {
  const made = new Call(use.id, more)
  made.use = use
  pool.tell({ type: 'call.offered', call: made, isWatched: false })
  return made
}

const errorOf = (pool: Stand, made: Call) => pool.of('settle').find((each) => each.call === made)?.error

/** Lets the workers answer, oldest first, until nothing is left. Returns the tools in the order of their answers. */
function workOff(pool: Stand): string[] {
  const done: string[] = []
  for (;;) {
    const next = pool.state.slots.map(({ calls }) => calls.first).find((each) => each !== undefined)
    if (next === undefined) return done
    done.push(next.tool)
    pool.answer(next)
  }
}

test('64: the first call opens the session at a worker, and each later call finds it there', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('a')
  for (let n = 0; n < 3; n += 1) pool.answer(call(pool, use))
  expect(pool.of('session.open')).toMatchObject([{ number: 1, id: 'a' }])
  expect(pool.sent).toEqual(['a to worker-1', 'a to worker-1', 'a to worker-1'])
  pool.answer(call(pool, handle('b')))
  expect(pool.sent.at(-1)).toBe('b to worker-2') // sessions are spread
})

test('65: a busy worker: hint goes elsewhere, strict_queue waits, strict_fail_fast is refused', () => {
  const pool = Stand.started({ size: 2 })
  const [hint, queue, fast] = [handle('h', 'hint'), handle('q'), handle('f', 'strict_fail_fast')]
  for (const use of [hint, queue, fast]) pool.answer(call(pool, use)) // on worker-1, worker-2, worker-1
  const first = call(pool, hint)
  expect(pool.told.get(call(pool, fast))).toBe('WORKER_BUSY')
  const second = call(pool, hint)
  expect(pool.sent.slice(-2)).toEqual(['h to worker-1', 'h to worker-2'])
  const waiting = call(pool, queue)
  expect(waiting.state).toBe('queued')
  pool.answer(first)
  expect(waiting.state).toBe('queued') // a worker is free, and it is not its own
  pool.answer(second)
  expect(pool.sent.at(-1)).toBe('q to worker-2')
})

test('a strict_fail_fast session waits for its first worker, as any call does, and while the pool is paused', () => {
  const pool = Stand.started()
  const first = pool.call('other')
  const use = handle('f', 'strict_fail_fast')
  const [one, two] = [call(pool, use), call(pool, use)]
  expect([one.state, two.state]).toEqual(['queued', 'queued'])
  pool.answer(first)
  expect([one.state, pool.told.get(two)]).toEqual(['placed', 'WORKER_BUSY'])
  pool.answer(one)
  pool.tell({ type: 'pool.pause' })
  const paused = [call(pool, use), call(pool, use)]
  expect(paused.map(({ state }) => state)).toEqual(['queued', 'queued'])
  pool.tell({ type: 'pool.resume' })
  expect(paused.map(({ state }) => state)).toEqual(['placed', 'settled'])
})

test.each(['hint', 'strict_queue'] as const)(
  'two %s sessions with 1,000 and 10 calls on one worker: the 10 end within 3 times of their time alone',
  (affinity) => {
    const pool = Stand.started({ queueLimit: 10_000 })
    const [many, few] = [handle('many', affinity), handle('few', affinity)]
    for (let n = 0; n < 1_000; n += 1) call(pool, many)
    for (let n = 0; n < 10; n += 1) call(pool, few)
    const done = workOff(pool)
    expect(done).toHaveLength(1_010)
    expect(done.lastIndexOf('few') + 1).toBeLessThanOrEqual(30)
  },
)

test('sessions take turns with calls of no session, whether they wait for one worker or for any', () => {
  const pool = Stand.started({ queueLimit: 10_000 })
  const [bound, loose] = [handle('bound'), handle('loose', 'hint')]
  pool.answer(call(pool, bound))
  for (let n = 0; n < 100; n += 1) {
    call(pool, bound)
    call(pool, loose)
    pool.call('plain')
  }
  const done = workOff(pool).slice(0, 60)
  for (const tool of ['bound', 'loose', 'plain'])
    expect(done.filter((each) => each === tool).length).toBeGreaterThan(10)
})

test('within a session calls go by their priority', () => {
  const pool = Stand.started()
  const use = handle('a')
  const first = call(pool, use)
  const [low, normal, high] = [
    call(pool, use, { priority: 'low' }),
    call(pool, use),
    call(pool, use, { priority: 'high' }),
  ]
  const order = [first, high, normal, low]
  for (const each of order) {
    expect(each.state).toBe('placed')
    pool.answer(each)
  }
})

test('while a session waits for a worker, no calls are sent ahead of it', async () => {
  const pool = await Stand.reporting()
  const use = handle('a')
  pool.answer(call(pool, use))
  const running = pool.call('short')
  const ahead = pool.call('short')
  expect(ahead.isAhead).toBe(true)
  call(pool, use)
  const later = pool.call('short')
  expect([later.isAhead, later.slot]).toEqual([false, undefined])
  pool.answer(running)
  pool.answer(ahead)
  expect(pool.sent.slice(-2)).toEqual(['a to worker-1', 'short to worker-1'])
})

test('I6: a call of a strict session waits for its worker although another one is free', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('a')
  const first = call(pool, use)
  const second = call(pool, use)
  expect([second.state, pool.sent]).toEqual(['queued', ['a to worker-1']])
  pool.answer(first)
  expect(pool.sent).toEqual(['a to worker-1', 'a to worker-1'])
})

test('I6: a strict session is lost with its worker: its calls are told so until it is begun anew', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('a')
  const begun = call(pool, use)
  const again = call(pool, use, { idempotent: true })
  pool.crash('worker-1')
  expect([pool.told.get(begun), pool.told.get(again)]).toEqual(['WORKER_CRASHED', 'SESSION_LOST'])
  expect(errorOf(pool, again)).toMatchObject({ details: { session: 'a', worker: 'worker-1', reason: 'worker_died' } })
  for (const each of [use, handle('a')]) expect(pool.told.get(call(pool, each))).toBe('refused: SESSION_LOST')
  pool.ready('worker-1')
  expect(pool.told.get(call(pool, use))).toBe('refused: SESSION_LOST')
  pool.tell({ type: 'session.restart', use })
  pool.answer(call(pool, use))
  expect(pool.of('session.open')).toMatchObject([{ number: 1 }, { number: 2 }])
  expect(pool.of('tell').filter(({ event }) => event === 'session.lost')).toHaveLength(1)
})

test('I6: a call marked idempotent that had begun is not run again in another process: its strict session is lost', () => {
  const pool = Stand.started({ size: 2 })
  const made = call(pool, handle('a'), { idempotent: true })
  pool.crash('worker-1')
  expect(errorOf(pool, made)).toMatchObject({ code: 'SESSION_LOST', cause: { code: 'WORKER_CRASHED' } })
  expect(pool.state.counts.retried).toBe(0)
})

test('a hint session goes on elsewhere after its worker has died, and its calls as calls of no session', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('a', 'hint')
  const made = call(pool, use, { idempotent: true })
  pool.crash('worker-1')
  expect(pool.sent).toEqual(['a to worker-1', 'a to worker-2'])
  pool.answer(made)
  expect([pool.told.get(made), pool.state.counts.retried]).toEqual(['value', 1])
  const later = call(pool, use)
  expect([later.state, pool.sent.at(-1)]).toEqual(['placed', 'a to worker-2'])
})

test('67: a session more than the limit is refused, until a session is closed or has expired', async () => {
  const pool = Stand.started({ sessionLimit: 2 })
  const [first, second, third] = [handle('a', 'hint', 100), handle('b'), handle('c')]
  pool.answer(call(pool, first))
  pool.answer(call(pool, second))
  expect(pool.told.get(call(pool, third))).toBe('refused: SESSION_LIMIT')
  await pool.clock.advance(100)
  pool.answer(call(pool, third))
  expect(pool.told.get(call(pool, first))).toBe('refused: SESSION_LIMIT')
  pool.tell({ type: 'session.close', use: second })
  pool.answer(call(pool, first))
  expect(pool.of('session.close')).toMatchObject([{ number: 1 }, { number: 2 }])
})

test('68: two handles of one id begin one session', () => {
  const pool = Stand.started({ size: 2, concurrency: 2 })
  const calls = [call(pool, handle('a')), call(pool, handle('a'))]
  expect(pool.of('session.open')).toHaveLength(1)
  for (const each of calls) pool.answer(each)
  expect([...pool.told.values()]).toEqual(['value', 'value'])
})

test('I15: a session is idle from its last answer on, and an expired one is expired on use, whatever its timer says', async () => {
  const pool = Stand.started()
  const use = handle('a', 'strict_queue', 100)
  const made = call(pool, use)
  await pool.clock.advance(1_000)
  expect(pool.of('session.close')).toEqual([])
  pool.answer(made)
  await pool.clock.advance(99)
  pool.answer(call(pool, use))
  await pool.clock.advance(100)
  expect(pool.of('session.close')).toHaveLength(1)
  expect(pool.told.get(call(pool, use))).toBe('refused: SESSION_LOST')
  expect(pool.state.timers.size).toBe(0)

  const late = Stand.started()
  const other = handle('b', 'hint', 100)
  late.answer(call(late, other))
  const [timer] = [...late.state.timers.keys()]
  late.state.timers.delete(timer ?? 0) // the host stands still
  await late.clock.advance(500)
  call(late, other)
  expect(late.of('session.close')).toHaveLength(1)
  expect(late.of('session.open')).toHaveLength(2)
})

test('a handle that differs in its options is refused', () => {
  const pool = Stand.started()
  pool.answer(call(pool, handle('a', 'strict_queue', 100)))
  pool.answer(call(pool, new SessionUse('a', undefined, undefined)))
  expect(pool.told.get(call(pool, handle('a', 'hint')))).toBe('refused: INVALID_ARGUMENT')
  expect(pool.told.get(call(pool, handle('a', 'strict_queue', 99)))).toBe('refused: INVALID_ARGUMENT')
})

test('another strict handle of a session that was closed is told so', () => {
  const pool = Stand.started()
  const [one, two] = [handle('a'), handle('a')]
  pool.answer(call(pool, one))
  pool.answer(call(pool, two))
  pool.tell({ type: 'session.close', use: one })
  expect(pool.of('session.closed')).toMatchObject([{ use: one }])
  const told = call(pool, two)
  expect(pool.told.get(told)).toBe('refused: SESSION_LOST')
  pool.tell({ type: 'session.restart', use: two })
  pool.answer(call(pool, two))
  expect(pool.told.get(call(pool, one))).toBe('refused: INVALID_ARGUMENT')
})

test('calls of sessions count against queueLimit', () => {
  const pool = Stand.started({ queueLimit: 2 })
  const use = handle('a')
  const calls = [1, 2, 3, 4].map(() => call(pool, use))
  expect(calls.map((each) => pool.told.get(each))).toEqual([undefined, undefined, undefined, 'refused: POOL_SATURATED'])
})
