import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

// C5: a doomed worker gets no new call, and calls that it has not begun move silently to other workers.

interface Stand {
  readonly home: Habitat
  readonly clock: VirtualClock
  readonly pool: Pool
  /** The name of the worker that runs the call. */
  readonly spawnOf: () => Promise<string>
  readonly path: (name: string) => string
}

async function stand(options: Partial<PoolOptions>): Promise<Stand> {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, clock, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  pool.on('call.retry', () => {
    throw new Error('moved with a word')
  })
  return { home, clock, pool, spawnOf: () => pool.call('spawn'), path: (name) => join(home.directory, name) }
}

const isBack = (pool: Pool, clock: VirtualClock, ready: number): Promise<void> =>
  eventually('a new worker is ready', async () => {
    await clock.advance(1)
    return pool.stats.ready === ready
  })

test('C5: a worker whose sync tool overruns its deadline gets no new call: the other worker answers six quick calls', async () => {
  const { clock, pool, spawnOf, path } = await stand({ size: 2, concurrency: 4 })
  const spawns = await Promise.all([spawnOf(), spawnOf()])
  expect(new Set(spawns).size).toBe(2)
  const overrun = pool.call('sleep', { seconds: 60, begun: path('begun') }, { timeout: 1_000 })
  const refused = expect(overrun).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await eventually('it runs', () => existsSync(path('begun')))
  await clock.advance(1_000)
  await refused
  const { id: doomed } = pool.workers.find(({ inFlight }) => inFlight === 1) ?? {}
  const answers = await Promise.all(Array.from({ length: 6 }, () => spawnOf()))
  expect(new Set(answers).size).toBe(1)
  expect(pool.workers.find(({ id }) => id === doomed)).toMatchObject({ inFlight: 1, state: 'ready' }) // not killed yet
  await clock.advance(250)
  await isBack(pool, clock, 2)
  expect(pool.stats).toMatchObject({ crashes: 1, retried: 0, completed: 8, failed: 1 })
  await pool.stop()
})

test.each([1, 2])('C5: calls behind a call that overruns have not begun, and move (%d workers)', async (size) => {
  const { clock, pool, path } = await stand({ size, concurrency: 4 })
  const deadlines = Array.from({ length: size }, (_, n) => 1_000 + 10_000 * n)
  const blockers = deadlines.map((timeout, n) =>
    expect(pool.call('sleep', { seconds: 600, begun: path(`begun ${n}`) }, { timeout })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      details: { worker: `worker-${n + 1}` },
    }),
  )
  await eventually('they run', () => blockers.every((_, n) => existsSync(path(`begun ${n}`))))
  const calls = Array.from({ length: 3 * size }, (_, n) => pool.call('touch', { path: path(`call ${n}`) }))
  expect(pool.workers.map(({ inFlight }) => inFlight)).toEqual(new Array(size).fill(4))
  for (const [n, deadline] of deadlines.entries()) {
    await clock.advance(deadline - clock.now())
    await blockers[n]
    await clock.advance(20) // its worker is asked for what it has not begun
    await eventually('it has given that back', () => pool.workers[n]?.inFlight === 1)
    // At first no other worker has room. Later the worker has room that was started meanwhile.
    if (n === 0) expect(pool.stats).toMatchObject({ queued: 3, inFlight: 1 + 4 * (size - 1) })
    else await eventually('the others have run', () => pool.stats.completed === 6)
    expect(pool.stats.crashes).toBe(n)
    await clock.advance(230) // the end of its grace: it is killed, and ready no more
    expect(pool.stats.ready).toBe(size - 1)
    await isBack(pool, clock, size)
    await eventually('what has moved has run', () => pool.stats.completed === 3 * (n + 1))
  }
  await Promise.all(calls)
  // None of these calls is idempotent, and each has run once.
  expect(calls.map((_, n) => readFileSync(path(`call ${n}`), 'utf8'))).toEqual(calls.map(() => 'ran\n'))
  expect(pool.stats).toMatchObject({ retried: 0, crashes: size, completed: 3 * size, failed: size })
  await pool.stop()
})

test('C5: a worker that overran and ended its call in time is in use again', async () => {
  const { clock, pool, path, spawnOf } = await stand({ concurrency: 2 })
  const before = await spawnOf()
  const overrun = pool.call('sleep', { seconds: 0.2, begun: path('begun') }, { timeout: 10 })
  const refused = expect(overrun).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await eventually('it runs', () => existsSync(path('begun')))
  await clock.advance(10)
  await refused
  const behind = spawnOf()
  expect(pool.stats).toMatchObject({ queued: 1, inFlight: 1 })
  expect(await behind).toBe(before)
  expect(pool.stats).toMatchObject({ crashes: 0, inFlight: 0 })
  await pool.stop()
})

test('C5: a call that is overdue while it waits behind another call ends neither that call nor the worker', async () => {
  const { clock, pool, path } = await stand({ concurrency: 3, cancelGrace: 100 })
  // The tool holds the interpreter's lock, so the worker cannot give the other calls back.
  const innocent = pool.call('hold_gil', { seconds: 1, begun: path('begun') })
  await eventually('it runs', () => existsSync(path('begun')))
  const controller = new AbortController()
  const late = pool.call('touch', { path: path('late') }, { timeout: 1_000 })
  const aborted = pool.call('touch', { path: path('aborted') }, { signal: controller.signal })
  const refused = [
    expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' }),
    expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' }),
  ]
  controller.abort()
  await clock.advance(1_000)
  await clock.advance(5_000)
  await Promise.all(refused)
  expect(await innocent).toBe(null)
  await eventually('the worker has let go of the others', () => pool.stats.inFlight === 0)
  expect(pool.stats).toMatchObject({ crashes: 0, starts: 1 })
  await pool.stop()
})

/** The signal by which the shepherd tells a worker to end, see terrarium_shepherd/signals.py. */
const ORDER_TO_END = 57

test('C5: a worker that ends by an order from outside the pool gets no new call, and gives back calls not begun', async () => {
  const { clock, pool, path, spawnOf } = await stand({ size: 2, concurrency: 3 })
  const [first, second] = pool.workers
  const running = [0, 1].map((n) => pool.call('sleep', { seconds: 0.5, begun: path(`begun ${n}`) }))
  await eventually('both run', () => [0, 1].every((n) => existsSync(path(`begun ${n}`))))
  const waiting = Array.from({ length: 4 }, (_, n) => pool.call('touch', { path: path(`call ${n}`) }))
  expect([first, second].map((worker) => pool.workers.find(({ id }) => id === worker?.id)?.inFlight)).toEqual([3, 3])
  process.kill(first?.pid ?? 0, ORDER_TO_END)
  expect(await Promise.all(running)).toEqual(['slept', 'slept'])
  await Promise.all(waiting)
  expect(waiting.map((_, n) => readFileSync(path(`call ${n}`), 'utf8'))).toEqual(waiting.map(() => 'ran\n'))
  expect(await spawnOf()).toEqual(expect.any(String))
  await eventually('it has ended', () => pool.stats.crashes === 1)
  await isBack(pool, clock, 2)
  expect(pool.stats).toMatchObject({ failed: 0, retried: 0, completed: 7, starts: 3 })
  await pool.stop()
})

test('C5: SIGTERM from outside is ignored: the worker goes on with its calls and gets new ones', async () => {
  const { pool, path, spawnOf } = await stand({ concurrency: 3 })
  const before = await spawnOf()
  const running = pool.call('touch_when', { begun: path('begun'), go: path('go') })
  await eventually('it runs', () => existsSync(path('begun')))
  const waiting = spawnOf()
  process.kill(pool.workers[0]?.pid ?? 0, 'SIGTERM')
  writeFileSync(path('go'), '')
  expect(await running).toBe('seen')
  expect(await Promise.all([waiting, spawnOf()])).toEqual([before, before])
  expect(pool.stats).toMatchObject({ crashes: 0, starts: 1, failed: 0 })
  await pool.stop()
})

test.each(['socket', 'grpc'] as const)(
  'C5: calls that had not begun when their worker crashed move to another worker, sent or not, by %s',
  async (transport) => {
    const { clock, pool, path } = await stand({ concurrency: 8, transport })
    const { pid = 0 } = pool.workers[0] ?? {}
    process.kill(pid, 'SIGSTOP')
    const sent = pool.call('touch', { path: path('call 0') })
    await new Promise((resolve) => setImmediate(resolve)) // on gRPC a message is on its way, and not acknowledged
    const calls = [sent, ...[1, 2, 3].map((n) => pool.call('touch', { path: path(`call ${n}`) }))]
    await new Promise((resolve) => setImmediate(resolve))
    expect(pool.stats.inFlight).toBe(4)
    process.kill(pid, 'SIGKILL')
    await isBack(pool, clock, 1)
    await Promise.all(calls)
    expect(calls.map((_, n) => readFileSync(path(`call ${n}`), 'utf8'))).toEqual(['ran\n', 'ran\n', 'ran\n', 'ran\n'])
    expect(pool.stats).toMatchObject({ crashes: 1, failed: 0, completed: 4, retried: 0 })
    await pool.stop()
  },
)

test('C5: a call that moves while the pool stops is refused, and has not run', async () => {
  const { clock, pool, path } = await stand({ concurrency: 2, drainTimeout: 60_000 })
  const overrun = pool.call('sleep', { seconds: 60, begun: path('begun') }, { timeout: 1_000 })
  const late = expect(overrun).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await eventually('it runs', () => existsSync(path('begun')))
  const behind = pool.call('touch', { path: path('ran') })
  const refused = expect(behind).rejects.toMatchObject({ code: 'STOPPED', message: 'pool p was stopped' })
  const stopped = pool.stop()
  await clock.advance(1_000)
  await late
  await clock.advance(20)
  await refused
  await clock.advance(250)
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(existsSync(path('ran'))).toBe(false)
})
