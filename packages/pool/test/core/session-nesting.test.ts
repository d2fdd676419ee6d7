// What the core of a pool does with calls that functions of the host make, most of them of sessions, one rule each.
import { expect, test } from '@jest/globals'
import { Call } from '../../src/core/call.ts'
import { SessionUse, type Affinity } from '../../src/core/tool-session.ts'
import { inFlightIn, queuedIn } from '../../src/core/state.ts'
import { aheadOf, calls, Stand } from './support.ts'

const handle = (affinity: Affinity = 'strict_queue', id = 'a'): SessionUse => new SessionUse(id, affinity, undefined)

interface Made {
  readonly use?: SessionUse
  /** The call whose function makes it. */
  readonly parent?: Call
  readonly idempotent?: boolean
  readonly isWatched?: boolean
}

function call(pool: Stand, tool: string, { use, parent, idempotent = false, isWatched = false }: Made = {}): Call {
  const path = parent === undefined ? [] : [...(parent.nested?.path ?? [parent.tool]), 'host f', tool]
  const made = new Call(tool, {
    timeout: undefined,
    idempotent,
    ...(parent === undefined ? {} : { nested: { parent, path } }),
  })
  made.use = use
  pool.tell({ type: 'call.offered', call: made, isWatched })
  return made
}

/** A call that waits for a function of the host. */
function waiting(pool: Stand, tool: string, made: Made = {}): Call {
  const outer = call(pool, tool, made)
  pool.tell({ type: 'host.called', call: outer })
  return outer
}

function finish(pool: Stand, outer: Call): void {
  pool.tell({ type: 'host.answered', call: outer })
  pool.answer(outer)
}

const errorOf = (pool: Stand, made: Call) => pool.of('settle').find((each) => each.call === made)?.error

test.each([1, 2])('size %i: a sync tool whose function calls its own strict session: DEADLOCK at once', (size) => {
  const pool = Stand.started({ size })
  const use = handle()
  const outer = waiting(pool, 'a', { use })
  const inner = call(pool, 'b', { use, parent: outer })
  expect(errorOf(pool, inner)).toMatchObject({ code: 'DEADLOCK', details: { cycle: ['a', 'host f', 'b'], size } })
  finish(pool, outer)
  expect(pool.told.get(outer)).toBe('value')
  expect(call(pool, 'c', { use }).state).toBe('placed') // the session goes on
})

test('size 2: a strict session whose home comes to wait later: DEADLOCK then, though another worker is free', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle()
  const outer = waiting(pool, 'a')
  const home = call(pool, 'b', { use })
  const inner = call(pool, 'c', { use, parent: outer })
  expect([home.slot?.id, inner.state]).toEqual(['worker-2', 'queued'])
  finish(pool, outer)
  const other = waiting(pool, 'd')
  const waits = call(pool, 'e', { use, parent: other })
  pool.tell({ type: 'host.called', call: home })
  expect(pool.told.has(waits)).toBe(false) // its home may be answered
  const stuck = call(pool, 'f', { use, parent: home })
  expect([pool.told.get(stuck), pool.told.has(waits)]).toEqual(['DEADLOCK', false])
})

test.each([1, 2])('size %i: an async tool leaves a place for a call of its own strict session', (size) => {
  const pool = Stand.started({ size, concurrency: 2 }, ['async'])
  const use = handle()
  const outer = waiting(pool, 'async', { use })
  const inner = call(pool, 'b', { use, parent: outer })
  expect(pool.sent).toEqual(['async to worker-1', 'b to worker-1'])
  pool.answer(inner)
  finish(pool, outer)
  expect([...pool.told.values()]).toEqual(['value', 'value'])
})

test('a nested call of a strict session waits for its home, and not for another worker that is free', () => {
  const pool = Stand.started({ size: 3 })
  const use = handle()
  const home = call(pool, 'home', { use })
  const outer = waiting(pool, 'a')
  const inner = call(pool, 'b', { use, parent: outer })
  expect(inner.state).toBe('queued')
  pool.answer(home)
  expect(pool.sent.at(-1)).toBe('b to worker-1')
})

test('a hint session: the nested call goes to another worker when its own waits for the host', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('hint')
  const outer = waiting(pool, 'a', { use })
  call(pool, 'b', { use, parent: outer })
  expect(pool.sent).toEqual(['a to worker-1', 'b to worker-2'])
})

test('strict_fail_fast: a nested call is refused at once when its home has no place, whatever the home does', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle('strict_fail_fast')
  const outer = waiting(pool, 'a', { use })
  const own = call(pool, 'b', { use, parent: outer })
  expect(errorOf(pool, own)).toMatchObject({ code: 'WORKER_BUSY', details: { session: 'a', worker: 'worker-1' } })
  expect(pool.told.get(call(pool, 'b', { use, parent: outer, isWatched: true }))).toBe('WORKER_BUSY')
  finish(pool, outer)
  const busy = call(pool, 'busy', { use })
  const other = waiting(pool, 'c')
  expect(pool.told.get(call(pool, 'd', { use, parent: other }))).toBe('WORKER_BUSY')
  pool.answer(busy)
  expect(call(pool, 'e', { use, parent: other }).slot?.id).toBe('worker-1')
})

test('strict_fail_fast: a nested call that begins its session waits for a worker', () => {
  const pool = Stand.started({ size: 2 })
  const outer = waiting(pool, 'a')
  const busy = call(pool, 'busy')
  const inner = call(pool, 'b', { use: handle('strict_fail_fast'), parent: outer })
  expect(inner.state).toBe('queued')
  pool.answer(busy)
  expect(inner.slot?.id).toBe('worker-2')
})

test('strict_fail_fast: a nested call that waits for its first worker is refused when another call begins the session', () => {
  const pool = Stand.started({ size: 2, concurrency: 2 }, ['async'])
  const use = handle('strict_fail_fast')
  const outer = waiting(pool, 'a')
  waiting(pool, 'b')
  const inner = call(pool, 'c', { use, parent: outer })
  expect(inner.state).toBe('queued')
  expect(call(pool, 'async', { use, parent: outer }).state).toBe('placed')
  expect(pool.told.get(inner)).toBe('WORKER_BUSY')
})

test('a nested call that waits for its home is lost with it, and so is a call that is to run again', () => {
  const pool = Stand.started({ size: 2 })
  const use = handle()
  const outer = waiting(pool, 'a')
  const running = call(pool, 'b', { use, parent: outer, idempotent: true })
  const waits = call(pool, 'c', { use, parent: outer })
  expect([running.slot?.id, waits.state]).toEqual(['worker-2', 'queued'])
  pool.crash('worker-2')
  for (const each of [running, waits])
    expect(errorOf(pool, each)).toMatchObject({
      code: 'SESSION_LOST',
      cause: { code: 'WORKER_CRASHED' },
      details: { session: 'a', worker: 'worker-2', reason: 'worker_died' },
    })
  expect([pool.state.nested.size, pool.told.has(outer)]).toEqual([0, false])
})

test('a nested call begins the session: its other calls wait for that worker alone, and hold up no others', () => {
  const pool = Stand.started({ size: 3 })
  const use = handle()
  const outer = waiting(pool, 'a')
  pool.tell({ type: 'pool.pause' })
  const session = call(pool, 'session', { use })
  const plain = call(pool, 'plain')
  const inner = call(pool, 'b', { use, parent: outer })
  expect([inner.slot?.id, session.state, plain.state]).toEqual(['worker-2', 'queued', 'queued'])
  pool.tell({ type: 'pool.resume' })
  expect([session.state, plain.slot?.id]).toEqual(['queued', 'worker-3'])
  pool.answer(inner)
  expect(session.slot?.id).toBe('worker-2')
})

test('a nested call that has to wait for its home counts against `queueLimit`, though another worker is free', () => {
  const pool = Stand.started({ size: 3, queueLimit: 1 })
  const use = handle()
  call(pool, 'home', { use })
  const outer = waiting(pool, 'a')
  const [first, second] = ['b', 'c'].map((tool) => call(pool, tool, { use, parent: outer })) as [Call, Call]
  expect([first.state, pool.told.get(second)]).toEqual(['queued', 'refused: POOL_SATURATED'])
  expect(call(pool, 'd', { parent: outer }).slot?.id).toBe('worker-3') // it does not have to wait
})

test('a call of a strict session is not sent behind a main thread that waits, while a nested call waits', () => {
  const pool = Stand.started({ size: 2, concurrency: 2 }, ['async'])
  const [one, two] = [handle(), handle('strict_queue', 'b')]
  const first = waiting(pool, 'a', { use: one })
  const second = waiting(pool, 'b', { use: two })
  call(pool, 'c', { use: two, parent: first })
  expect(pool.state.nested.size).toBe(1) // what `second` waits for may be answered
  const behind = call(pool, 'behind', { use: one })
  expect([behind.state, pool.recalled]).toEqual(['queued', []]) // else it would be asked back, again and again
  finish(pool, second)
  expect([pool.sent.at(-2), pool.sent.at(-1)]).toEqual(['c to worker-2', 'behind to worker-1'])
})

test('a nested call that needs a worker of its own says nothing of other calls of its tool, which may go on', () => {
  const pool = Stand.started({ size: 3, concurrency: 2 }, ['async'])
  const [outer, other] = [waiting(pool, 'async'), waiting(pool, 'async')]
  const suspect = call(pool, 'async', { parent: outer, idempotent: true })
  const rest = Array.from({ length: 3 }, () => call(pool, 'async', { idempotent: true }))
  expect(suspect.slot?.id).toBe('worker-3')
  pool.crash('worker-3')
  pool.park('worker-3')
  const inner = call(pool, 'async', { parent: other })
  expect([suspect.suspect, pool.state.nested.size, [...pool.told.values()]]).toEqual([true, 2, []])
  pool.answer(rest.find(({ slot }) => slot === other.slot) as Call)
  expect(inner.slot?.id).toBe('worker-2')
  pool.answer(inner)
  finish(pool, other)
  expect(suspect.slot?.id).toBe('worker-2')
})

test('calls that are ahead are counted though a call of a batch before them is passed over', async () => {
  const pool = await Stand.reporting()
  const [batch, first, second] = calls(pool, 3) as [Call, Call, Call]
  expect(aheadOf(pool)).toEqual([2])
  pool.tell({ type: 'host.called', call: second }) // it has begun, out of order
  for (const each of [first, batch]) pool.answer(each)
  pool.tell({ type: 'host.answered', call: second })
  pool.answer(second)
  expect([aheadOf(pool), queuedIn(pool.state), inFlightIn(pool.state)]).toEqual([[0], 0, 0])
})
