import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'calls', tools: TOOLS, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return pool
}

test.each([
  ['null', null],
  ['booleans', [true, false]],
  ['numbers', [0, -1, 1.5, 2 ** 40, -(2 ** 40), 1e300]],
  ['text', 'Ωμέγα 🐍 \u0000'],
  ['nested', { a: [{ b: { c: [] } }] }],
  ['an instant', new Date('2026-11-23T10:00:00.123Z')],
])('%s come back from Python as they were sent', async (_, value) => {
  const pool = await started(habitat())
  expect(await pool.call('echo', { value })).toEqual(value)
  await pool.stop()
})

test('bytes come back as bytes, large ones too', async () => {
  const pool = await started(habitat())
  const value = Buffer.alloc(3 * 1024 * 1024, 'snake')
  const back = await pool.call<Uint8Array>('echo', { value })
  expect(Buffer.compare(Buffer.from(back), value)).toBe(0)
  await pool.stop()
})

test.each([
  ['socket', 'a table of one segment, and its index', 8 + 6],
  ['grpc', 'the header of the bytes', 5],
] as const)('B6: an argument that no message can carry is refused at once, by %s', async (transport, _, overhead) => {
  const pool = await started(habitat(), { concurrency: 2, transport })
  const [before] = pool.workers
  const neighbour = pool.call('sleep', { seconds: 0.3 })
  const refused = { code: 'PAYLOAD_TOO_LARGE', details: { most: 2 ** 28 - 64 } }
  for (const idempotent of [false, true]) {
    const value = Buffer.alloc(257 * 2 ** 20)
    await expect(pool.call('size', { value }, { idempotent })).rejects.toMatchObject(refused)
  }
  await expect(pool.call('t'.repeat(2 ** 28))).rejects.toMatchObject(refused)
  expect(await neighbour).toBe('slept')
  expect(pool.stats).toMatchObject({ crashes: 0, starts: 1, accepted: 1 })

  // Less the names of tool and argument and what the bytes need: the largest value that is accepted arrives.
  const value = Buffer.alloc(2 ** 28 - 64 - Buffer.byteLength('size') - 1 - 6 - overhead, 'x')
  expect(await pool.call('size', { value })).toBe(value.length)
  await expect(pool.call('size', { value: Buffer.alloc(value.length + 1) })).rejects.toMatchObject(refused)
  expect(pool.workers).toMatchObject([{ pid: before?.pid, inFlight: 0 }])
  await pool.stop()
})

test('45: the error of a call names what was wrong, and the worker goes on', async () => {
  const pool = await started(habitat())
  const [worker] = pool.workers
  await expect(pool.call('fail', { message: 'no such snake' })).rejects.toMatchObject({
    code: 'PYTHON_ERROR',
    message: 'ValueError: no such snake',
    details: { type: 'ValueError', traceback: expect.stringContaining('tools.py') },
  })
  await expect(pool.call('ecko')).rejects.toMatchObject({
    code: 'TOOL_NOT_FOUND',
    message: expect.stringMatching(/echo/),
  })
  await expect(pool.call('fail', { nessage: 1 })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/nessage|message/),
  })
  await expect(pool.call('echo', { value: () => 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(pool.call('echo', 7 as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(pool.call('', {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(pool.call('echo', {}, { timeout: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(pool.workers[0]?.pid).toBe(worker?.pid)
  expect(pool.stats.crashes).toBe(0)
  await pool.stop()
})

test('42: calls in flight on a worker that dies fail with WORKER_CRASHED, and the next worker serves', async () => {
  const pool = await started(habitat())
  await expect(pool.call('die', { code: 0 })).rejects.toMatchObject({ code: 'WORKER_CRASHED', details: { code: 0 } })
  await expect(pool.call('die_by', { name: 'SIGSEGV' })).rejects.toMatchObject({
    code: 'WORKER_CRASHED',
    details: { signal: 'SIGSEGV', tool: 'die_by' },
  })
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  await pool.stop()
})

test('42: an idempotent call that kills every worker it meets is a poison call', async () => {
  const pool = await started(habitat(), { maxDeaths: 2 })
  await expect(pool.call('die', {}, { idempotent: true })).rejects.toMatchObject({
    code: 'POISON_CALL',
    details: { attempts: 2 },
  })
  expect(pool.stats).toMatchObject({ retried: 1, crashes: 2 })
  await pool.stop()
})

test('only the call to blame becomes a poison call, not the calls that share its worker', async () => {
  const pool = await started(habitat(), {
    concurrency: 8,
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 100 },
    breaker: 'off',
  })
  const idempotent = true
  const neighbours = Array.from({ length: 7 }, (_, n) => pool.call('echo', { value: n }, { idempotent }))
  const poison = pool.call('die', {}, { idempotent })
  const later = Array.from({ length: 7 }, (_, n) => pool.call('echo', { value: n }, { idempotent }))
  await expect(poison).rejects.toMatchObject({ code: 'POISON_CALL', details: { deaths: 3 } })
  expect(await Promise.all([...neighbours, ...later])).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6])
  await pool.stop()
})

test('72: no more than `concurrency` calls are with a worker; coroutines run at the same time', async () => {
  const pool = await started(habitat(), { concurrency: 2 })
  const calls = Array.from({ length: 5 }, () => pool.call('sleep_async', { seconds: 0.1 }))
  expect(pool.stats).toMatchObject({ inFlight: 2, queued: 3 })
  expect(await Promise.all(calls)).toEqual(new Array(5).fill('slept'))
  expect(pool.stats).toMatchObject({ inFlight: 0, queued: 0, completed: 5 })
  await pool.stop()
})

test('the queue is bounded', async () => {
  const pool = await started(habitat(), { queueLimit: 1 })
  const first = pool.call('sleep', { seconds: 0.2 })
  const second = pool.call('echo', { value: 2 })
  await expect(pool.call('echo', { value: 3 })).rejects.toMatchObject({ code: 'POOL_SATURATED' })
  expect(await Promise.all([first, second])).toEqual(['slept', 2])
  await pool.stop()
})

test('I8: a call whose deadline passes in the queue is never run', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = await started(home, { clock })
  const path = join(home.directory, 'ran')
  const blocker = pool.call('sleep', { seconds: 0.3 })
  const late = pool.call('touch', { path }, { timeout: 1_000 })
  await Promise.all([
    expect(late).rejects.toMatchObject({ code: 'QUEUE_TIMEOUT', details: { tool: 'touch' } }),
    clock.advance(1_000),
  ])
  await blocker
  await pool.call('echo')
  expect(existsSync(path)).toBe(false)
  await pool.stop()
})

test('I7: a sync tool past its deadline has its worker killed; the slot is refilled', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = await started(home, { clock, cancelGrace: 100 })
  const [worker] = pool.workers
  const begun = join(home.directory, 'begun')
  const call = pool.call('sleep', { seconds: 60, begun }, { timeout: 5_000 })
  await eventually('the tool has begun', () => existsSync(begun)) // else it is given back
  await Promise.all([expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' }), clock.advance(5_000)])
  expect(pool.workers[0]).toMatchObject({ pid: worker?.pid, inFlight: 1 }) // never handed on while still busy
  await clock.advance(100)
  await eventually('another worker is ready', () => {
    void clock.advance(1)
    return pool.workers[0]?.state === 'ready' && pool.workers[0].pid !== worker?.pid
  })
  expect(await pool.call('echo', { value: 'fresh' })).toBe('fresh')
  await pool.stop()
})

test('I7, 59: a coroutine past its deadline is cancelled; its worker goes on', async () => {
  const pool = await started(habitat())
  const [worker] = pool.workers
  await expect(pool.call('sleep_async', { seconds: 60 }, { timeout: 50 })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  })
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(pool.workers[0]?.pid).toBe(worker?.pid)
  await pool.stop()
})

test('58, C6: an aborted call is cancelled: before it begins, while it is read, in the queue, and while it runs', async () => {
  const home = habitat()
  const pool = await started(home)
  const path = join(home.directory, 'ran')
  const cancelled = { code: 'CANCELLED' }
  await expect(pool.call('touch', { path }, { signal: AbortSignal.abort() })).rejects.toMatchObject(cancelled)

  const running = new AbortController()
  const queued = new AbortController()
  const first = pool.call('sleep_async', { seconds: 60 }, { signal: running.signal })
  const second = pool.call('touch', { path }, { signal: queued.signal })
  queued.abort()
  await expect(second).rejects.toMatchObject(cancelled)
  running.abort(new Error('changed my mind'))
  await expect(first).rejects.toMatchObject({ ...cancelled, cause: { message: 'changed my mind' } })

  const inGetter = new AbortController()
  const aborts = {
    get path() {
      inGetter.abort()
      return path
    },
  }
  await expect(pool.call('touch', aborts, { signal: inGetter.signal })).rejects.toMatchObject(cancelled)

  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(existsSync(path)).toBe(false)
  expect(pool.stats.crashes).toBe(0)
  await pool.stop()
})

test('stop() lets calls in flight finish and refuses calls that wait', async () => {
  const pool = await started(habitat())
  const running = pool.call('sleep', { seconds: 0.2 })
  const waiting = pool.call('echo')
  const stopped = pool.stop()
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPED' })
  await expect(pool.call('echo')).rejects.toMatchObject({ code: 'STOPPED' })
  expect(await running).toBe('slept')
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test('stop() waits at most drainTimeout for a call in flight', async () => {
  const pool = await started(habitat(), { drainTimeout: 0 })
  const running = pool.call('busy', { seconds: 60 })
  await eventually('it is under way', () => pool.stats.inFlight === 1)
  const refused = expect(running).rejects.toMatchObject({ code: 'STOPPED' })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await refused
})

test('the log has what tools print', async () => {
  const home = habitat()
  const pool = await started(home)
  await pool.call('say', { text: 'hello from Python' })
  await eventually('the line is logged', () => home.log.some(({ msg }) => msg === 'hello from Python'))
  expect(home.log.find(({ msg }) => msg === 'hello from Python')).toMatchObject({ stream: 'stdout', level: 30 })
  await pool.stop()
})

test.each(['socket', 'grpc'] as const)(
  '%s: urgent calls go first, and a call of the lowest lane is not forgotten',
  async (transport) => {
    const pool = await started(habitat(), { transport })
    const order: string[] = []
    const ask = async (name: string, priority: 'high' | 'normal' | 'low'): Promise<void> => {
      await pool.call('sleep', { seconds: 0.003 }, { priority })
      order.push(name)
    }
    const running = pool.call('sleep', { seconds: 0.2 })
    const asked = [ask('low', 'low'), ask('normal', 'normal'), ...Array.from({ length: 20 }, () => ask('high', 'high'))]
    await Promise.all([running, ...asked])
    expect(order.indexOf('low')).toBe(16)
    expect(order.indexOf('normal')).toBe(17)
    expect(order.length).toBe(22)
    await pool.stop()
  },
)
