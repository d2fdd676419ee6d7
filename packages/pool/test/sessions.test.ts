// Sessions: calls that belong together, with real workers. Numbers name the scenarios that any pool has to show.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions, type ToolSession } from '@terrarium/pool'
import { VirtualClock } from '@terrarium/pool/testing'
import { eventually, habitat, type Habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS, type Transport } from '../../../test/support/transport.ts'

const SYNC = `
import asyncio, contextvars, os, threading, time
from terrarium import session, tool

@tool
def put(key: str, value=None, ttl: float | None = None):
    session().set(key, value, ttl)
    return os.getpid()

@tool
def get(key: str, default=None):
    return [os.getpid(), session().id, session().get(key, default)]

@tool
def who():
    found = session()
    return None if found is None else found.id

@tool
def in_threads():
    seen = []
    look = lambda: seen.append(session() and session().id)
    for target in (look, lambda: context.run(look)):
        context = contextvars.copy_context()
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return seen

@tool
def hold(begun: str, gate: str):
    open(begun, "x").close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    return os.getpid()

@tool
def count(n: int):
    for item in range(n):
        session().set("items", item + 1)
        yield item

@tool
def at_end(path: str, text: str, fails: bool = False):
    def note():
        with open(path, "a") as file:
            file.write(f"{text} {threading.current_thread() is threading.main_thread()}\\n")
        if fails:
            raise ValueError("on purpose")
    session().on_close(note)
    return os.getpid()

@tool
def large(data: bytes):
    return [session().id, len(data)]

@tool
def die():
    os._exit(3)
`

const ASYNC = `
import asyncio, os, threading
from terrarium import session, tool

@tool
async def put_async(key: str, value=None):
    session().set(key, value)
    return await asyncio.to_thread(lambda: session().id)

@tool
async def get_async(key: str):
    await asyncio.sleep(0)
    return session().get(key)

@tool
async def at_end_async(path: str, text: str):
    async def note():
        loop = asyncio.get_running_loop() is not None
        await asyncio.sleep(0)
        with open(path, "a") as file:
            file.write(f"{text} {loop}\\n")
    session().on_close(note)
    return os.getpid()
`

interface Stand {
  readonly home: Habitat
  readonly pool: Pool
  readonly path: (name: string) => string
}

async function stand(transport: Transport, options: Partial<PoolOptions> = {}): Promise<Stand> {
  const home = habitat()
  const tools = [home.file('sync.py', SYNC), home.file('later.py', ASYNC)]
  const pool = createPool({ ...home.common, name: 'p', tools, transport, backoff: { first: 1 }, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return { home, pool, path: (name) => join(home.directory, name) }
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: unknown) => (error as { code?: string }).code,
  )

/** A call that keeps the worker of the session, or any worker, until it is let go. */
async function held(at: Pool | ToolSession, path: (name: string) => string, name: string) {
  const call = at.call<number>('hold', { begun: path(`${name}.begun`), gate: path(`${name}.gate`) })
  await eventually(`${name} has begun`, () => existsSync(path(`${name}.begun`)))
  const release = (): Promise<number> => {
    writeFileSync(path(`${name}.gate`), '')
    return call
  }
  return { release }
}

test.each(TRANSPORTS)('64, %s: a session whose worker is free runs there, and keeps its state', async (transport) => {
  const { pool } = await stand(transport, { size: 3 })
  const sessions = Array.from({ length: 6 }, (_, n) => pool.session(`s${n}`))
  const pids = await Promise.all(sessions.map((each) => each.call<number>('put', { key: 'n', value: each.id })))
  for (let round = 0; round < 3; round += 1) {
    for (const [n, each] of sessions.entries()) {
      expect(await each.call('get', { key: 'n' })).toEqual([pids[n], `s${n}`, `s${n}`])
    }
  }
  expect(new Set(pids).size).toBe(3) // sessions are spread over the workers
  expect(pool.stats.sessions).toBe(6)
  expect(await pool.call('who')).toBeNull()
  await Promise.all(sessions.map((each) => each.close()))
  expect(pool.stats.sessions).toBe(0)
  await pool.stop()
})

test.each(TRANSPORTS)(
  '%s: sync and async tools, generators, threads and long arguments know their session',
  async (transport) => {
    const { pool } = await stand(transport)
    const session = pool.session()
    expect(session.id).toMatch(/^[\da-f-]{36}$/)
    expect(await session.call('put_async', { key: 'a', value: [1, 'b'] })).toBe(session.id)
    expect(await session.call('get_async', { key: 'a' })).toEqual([1, 'b'])
    const items: number[] = []
    for await (const item of session.stream<number>('count', { n: 3 })) items.push(item)
    expect(items).toEqual([0, 1, 2])
    expect(await session.call('get', { key: 'items' })).toEqual([expect.any(Number), session.id, 3])
    expect(await session.call('get', { key: 'absent', default: 7 })).toEqual([expect.any(Number), session.id, 7])
    expect(await session.call('in_threads')).toEqual([null, session.id])
    for (const length of [0, 100, 20_000, 70_000, 3_000_000]) {
      expect(await session.call('large', { data: Buffer.alloc(length) })).toEqual([session.id, length])
    }
    const told: unknown[] = []
    expect(await session.call('who', {}, { onProgress: (each) => told.push(each) })).toBe(session.id)
    expect(await pool.session('other').call('get', { key: 'a' })).toEqual([expect.any(Number), 'other', null])
    await pool.stop()
  },
)

test.each(TRANSPORTS)('%s: where all tools are async, sessions work on the main thread', async (transport) => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('later.py', ASYNC), transport, concurrency: 4 })
  await pool.start()
  const path = join(home.directory, 'ended')
  await Promise.all(
    ['a', 'b'].map(async (id) => {
      const session = pool.session(id, { affinity: 'strict_queue' })
      await session.call('put_async', { key: 'k', value: id })
      expect(await session.call('get_async', { key: 'k' })).toBe(id)
      await session.call('at_end_async', { path, text: id })
      if (id === 'a') await session.close()
    }),
  )
  await eventually(
    'the function of the closed session has run',
    () => existsSync(path) && readFileSync(path, 'utf8') === 'a True\n',
  )
  await pool.stop()
  expect(readFileSync(path, 'utf8')).toBe('a True\nb True\n')
})

test.each(TRANSPORTS)('65, %s: while its worker is busy: another one, a wait, or WORKER_BUSY', async (transport) => {
  const { pool, path } = await stand(transport, { size: 2 })
  const of = {
    hint: pool.session('a', { affinity: 'hint' }),
    queue: pool.session('b', { affinity: 'strict_queue' }),
    fast: pool.session('c', { affinity: 'strict_fail_fast' }),
  }
  const pids: Record<string, number> = {}
  for (const [name, session] of Object.entries(of))
    pids[name] = await session.call<number>('put', { key: 'k', value: name })

  let holder = await held(of.hint, path, 'hint')
  const [elsewhere, , state] = await of.hint.call<[number, string, unknown]>('get', { key: 'k' })
  expect([elsewhere === pids.hint, state]).toEqual([false, null])
  expect(await holder.release()).toBe(pids.hint)
  expect(await of.hint.call('get', { key: 'k' })).toEqual([pids.hint, 'a', 'hint'])

  holder = await held(of.queue, path, 'queue')
  const waiting = of.queue.call('get', { key: 'k' })
  await pool.session('d').call('who') // the other worker is free
  expect(pool.stats).toMatchObject({ queued: 1, inFlight: 1 })
  expect(await holder.release()).toBe(pids.queue)
  expect(await waiting).toEqual([pids.queue, 'b', 'queue'])

  holder = await held(of.fast, path, 'fast')
  const busy = {
    code: 'WORKER_BUSY',
    details: { session: 'c', worker: expect.stringMatching(/^worker-\d$/), tool: 'get' },
  }
  await expect(of.fast.call('get', { key: 'k' })).rejects.toMatchObject(busy)
  expect(await holder.release()).toBe(pids.fast)
  expect(await of.fast.call('get', { key: 'k' })).toEqual([pids.fast, 'c', 'fast'])
  await pool.stop()
})

test.each(TRANSPORTS)(
  'I6, %s: after its worker has died a strict session is lost until it is begun anew, a hint goes on',
  async (transport) => {
    const { pool } = await stand(transport, { size: 2 })
    const lost: unknown[] = []
    pool.on('session.lost', (event) => lost.push(event))
    const strict = pool.session('a', { affinity: 'strict_queue' })
    const hint = pool.session('b')
    await strict.call('put', { key: 'k', value: 1 })
    await hint.call('put', { key: 'k', value: 2 })
    const at = 'worker-1'
    const dying = [
      strict.call('die'),
      strict.call('get', { key: 'k' }),
      strict.call('get', { key: 'k' }, { idempotent: true }),
    ]
    expect(await Promise.all(dying.map(codeOf))).toEqual(['WORKER_CRASHED', 'SESSION_LOST', 'SESSION_LOST'])
    await eventually('both workers are ready', () => pool.stats.ready === 2)
    const error = {
      code: 'SESSION_LOST',
      details: { session: 'a', worker: at, reason: 'worker_died' },
    }
    await expect(strict.call('get', { key: 'k' })).rejects.toMatchObject(error)
    // Nor does another handle of it land silently in the new process.
    await expect(pool.session('a').call('get', { key: 'k' })).rejects.toMatchObject(error)
    expect(lost).toEqual([{ session: 'a', worker: at, reason: 'worker_died' }])
    strict.restart()
    expect(await strict.call('get', { key: 'k' })).toEqual([expect.any(Number), 'a', null])
    await codeOf(hint.call('die'))
    await eventually('both workers are ready', () => pool.stats.ready === 2)
    expect(await hint.call('get', { key: 'k' })).toEqual([expect.any(Number), 'b', null])
    expect(lost.at(-1)).toMatchObject({ session: 'b', reason: 'worker_died' })
    await pool.stop()
    expect(lost.length).toBeLessThanOrEqual(3) // the end of the pool loses nothing
  },
)

test.each(TRANSPORTS)(
  '%s: a reload ends the workers of sessions: strict ones are lost, and functions for the end have run',
  async (transport) => {
    const { pool, path } = await stand(transport)
    const strict = pool.session('a', { affinity: 'strict_fail_fast' })
    await strict.call('at_end', { path: path('ended'), text: 'a' })
    await pool.reload()
    expect(readFileSync(path('ended'), 'utf8')).toBe('a True\n')
    await expect(strict.call('who')).rejects.toMatchObject({
      code: 'SESSION_LOST',
      details: { reason: 'worker_ended' },
    })
    strict.restart()
    expect(await strict.call('who')).toBe('a')
    await pool.stop()
  },
)

test.each(TRANSPORTS)(
  '67, %s: no more sessions than the limit; a session that is closed or expired makes room',
  async (transport) => {
    const clock = new VirtualClock()
    const { pool } = await stand(transport, { sessionLimit: 2, clock })
    const first = pool.session('a', { ttl: 1_000 })
    const second = pool.session('b', { affinity: 'strict_queue' })
    await first.call('put', { key: 'k', value: 1 })
    await second.call('put', { key: 'k', value: 2 })
    const limit = { code: 'SESSION_LIMIT', details: { session: 'c', sessionLimit: 2 } }
    await expect(pool.session('c', { affinity: 'strict_fail_fast' }).call('who')).rejects.toMatchObject(limit)
    await clock.advance(1_000)
    expect(pool.stats.sessions).toBe(1)
    expect(await pool.session('c').call('who')).toBe('c')
    await expect(first.call('who')).rejects.toMatchObject({ code: 'SESSION_LIMIT' }) // it would begin anew
    await second.close()
    expect(await first.call('get', { key: 'k' })).toEqual([expect.any(Number), 'a', null])
    await pool.stop()
  },
)

test.each(TRANSPORTS)('68, %s: the same session begun by many at once is one', async (transport) => {
  const { pool } = await stand(transport, { size: 3 })
  const calls = Array.from({ length: 30 }, () =>
    pool.session('same', { affinity: 'strict_queue' }).call<number>('put', { key: 'k' }),
  )
  expect(new Set(await Promise.all(calls)).size).toBe(1)
  expect(pool.stats).toMatchObject({ sessions: 1, completed: 30 })
  await pool.stop()
})

test('I15: an expired session is expired on read, and so is a value; a strict handle is told', async () => {
  const clock = new VirtualClock()
  const { pool, path } = await stand('socket', { clock })
  const strict = pool.session('a', { affinity: 'strict_queue', ttl: 500 })
  await strict.call('put', { key: 'k', value: 1 })
  await strict.call('put', { key: 'short', value: 1, ttl: 0 })
  await strict.call('at_end', { path: path('ended'), text: 'a' })
  expect(await strict.call('get', { key: 'short', default: 'over' })).toEqual([expect.any(Number), 'a', 'over'])
  await clock.advance(400)
  expect(await strict.call('get', { key: 'k' })).toEqual([expect.any(Number), 'a', 1])
  await clock.advance(500)
  await expect(strict.call('get', { key: 'k' })).rejects.toMatchObject({
    code: 'SESSION_LOST',
    details: { reason: 'expired' },
  })
  expect(await pool.session('a').call('get', { key: 'k' })).toEqual([expect.any(Number), 'a', null])
  await eventually('its function for the end has run', () => existsSync(path('ended')))
  await pool.stop()
})

test.each(TRANSPORTS)('%s: functions for the end run, the last first, and may fail', async (transport) => {
  const { pool, path, home } = await stand(transport, { output: 'ignore' })
  home.expectedErrors.push(/on purpose/)
  const printed: string[] = []
  pool.on('worker.output', ({ line }) => printed.push(line))
  const ended = path('ended')
  {
    const session = pool.session('a')
    for (const text of ['first', 'second', 'third'])
      await session.call('at_end', { path: ended, text, fails: text === 'second' })
    await session.close()
    await session.close()
    await expect(session.call('who')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('is closed'),
    })
  }
  const open = pool.session('b')
  await open.call('at_end', { path: ended, text: 'at the end' })
  await open.call('at_end_async', { path: ended, text: 'in the loop' })
  expect(readFileSync(ended, 'utf8')).toBe('third True\nsecond True\nfirst True\n')
  await eventually('what failed is printed', () => printed.some((line) => line.includes('ValueError: on purpose')))
  await pool.stop()
  expect(readFileSync(ended, 'utf8').split('\n').slice(3).sort()).toEqual(['', 'at the end True', 'in the loop True'])
})

test.each(TRANSPORTS)('%s: an idle worker whose session was closed takes the next call', async (transport) => {
  const { pool, path } = await stand(transport)
  for (let round = 0; round < 3; round += 1) {
    const session = pool.session()
    await session.call('at_end', { path: path('ended'), text: 'closed', fails: false })
    await session.close()
    await eventually('it is closed', () => existsSync(path('ended')))
    rmSync(path('ended'))
    expect(await pool.call('who')).toBeNull()
  }
  await pool.stop()
})

test('calls that were made before close() go on, and close() waits for them', async () => {
  const { pool, path } = await stand('socket')
  const session = pool.session('a')
  const holder = await held(session, path, 'first')
  const waiting = session.call('who')
  let isClosed = false
  const closed = session.close().then(() => (isClosed = true))
  await expect(session.call('who')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(isClosed).toBe(false)
  await holder.release()
  expect(await waiting).toBe('a')
  await closed
  expect(await pool.session('a').call('get', { key: 'k' })).toEqual([expect.any(Number), 'a', null])
  await pool.stop()
})

test('a closed pool ends its sessions; wrong options are named at once', async () => {
  const { pool } = await stand('socket')
  const session = pool.session('a')
  await session.call('who')
  expect(() => pool.session('', { affinity: 'strict' as never, ttl: 0 })).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/id must be .*options.affinity must be .*options.ttl must be/),
    }),
  )
  const other = pool.session('a', { affinity: 'strict_queue' })
  await expect(other.call('who')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('is open with affinity hint'),
  })
  await pool.stop()
  await session.close()
  await expect(pool.session('b').call('who')).rejects.toMatchObject({ code: 'STOPPED' })
  expect(pool.stats.sessions).toBe(0)
})
