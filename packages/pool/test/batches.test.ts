// Batches: many calls, one call of the Python function, and an answer for each caller.
import { existsSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { testPool, VirtualClock } from '@terrarium/pool/testing'
import { eventually, habitat, type Habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const SYNC = `
import os, time
from pathlib import Path
from terrarium import deadline, tool

sizes = []

@tool(batch=8, within=0.05)
def double(n: list[int]) -> list[int]:
    sizes.append(len(n))
    return [2 * each for each in n]

@tool(batch=4, within=0.05)
def pick(n: list, data: list[bytes]) -> list:
    return [ValueError(f"{each} is odd") if each % 2 else type(given).__name__ for each, given in zip(n, data)]

@tool(batch=4, within=0.05)
def wrong(n: list) -> list:
    return n[1:]

@tool(batch=4, within=0.05)
def bad_parts(n: list) -> list:
    return [object() if each == 2 else each for each in n]

@tool(batch=4, within=0.05)
def explode(n: list) -> list:
    raise RuntimeError("all of it")

@tool(batch=2, within=0.02)
def hold(path: list) -> list:
    Path(path[0] + ".begun").touch()
    while not Path(path[0] + ".gate").exists():
        time.sleep(0.005)
    return path

@tool(batch=2, within=0.02)
def left(n: list) -> list:
    return [deadline() for _ in n]

@tool
def seen() -> list:
    return sizes

@tool
def plain(n: int) -> int:
    return n
`

const ASYNC = `
import asyncio
from terrarium import tool

sizes = []
ended = []
resting = []

@tool(name="double", batch=8, within=0.05)
async def double_async(n: list[int]) -> list[int]:
    sizes.append(len(n))
    await asyncio.sleep(0)
    return [2 * each for each in n]

@tool(name="pick", batch=4, within=0.05)
async def pick_async(n: list, data: list[bytes]) -> list:
    return [ValueError(f"{each} is odd") if each % 2 else type(given).__name__ for each, given in zip(n, data)]

@tool(batch=2, within=0.02)
async def rest(n: list) -> list:
    resting.append(n)
    try:
        await asyncio.sleep(60)
    finally:
        ended.append(n)

@tool(name="seen")
async def seen_async() -> list:
    return sizes

@tool(name="resting")
async def resting_async() -> list:
    return resting

@tool(name="ended")
async def ended_async() -> list:
    return ended
`

const KINDS = { sync: SYNC, async: ASYNC } as const
const CASES = TRANSPORTS.flatMap((transport) => (['sync', 'async'] as const).map((kind) => [transport, kind] as const))

async function started(home: Habitat, kind: keyof typeof KINDS, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const tools = home.file(`${kind}_batches.py`, KINDS[kind])
  const pool = createPool({ ...home.common, name: 'batches', tools, concurrency: 32, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return pool
}

/** How long a call takes, in ms. */
async function timed<T>(call: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const begun = performance.now()
  const value = await call()
  return { value, ms: performance.now() - begun }
}

test.each(CASES)(
  '%s, %s: calls become few calls of the function, and each caller has its own answer',
  async (transport, kind) => {
    const pool = await started(habitat(), kind, { transport })
    const calls = Array.from({ length: 32 }, (_, n) => pool.call<number>('double', { n }))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 32 }, (_, n) => 2 * n))
    const sizes = await pool.call<number[]>('seen')
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(32)
    expect(Math.max(...sizes)).toBe(8)
    expect(sizes.length).toBeLessThan(10)
    await pool.stop()
  },
)

test.each(CASES)('%s, %s: a call alone waits for others no longer than `within`', async (transport, kind) => {
  const pool = await started(habitat(), kind, { transport })
  await pool.call('double', { n: 1 })
  const { value, ms } = await timed(() => pool.call('double', { n: 4 }))
  expect(value).toBe(8)
  expect(ms).toBeGreaterThanOrEqual(45)
  expect(ms).toBeLessThan(500)
  await pool.stop()
})

test.each(CASES)('%s, %s: an item that fails, or whose arguments do not fit, fails alone', async (transport, kind) => {
  const pool = await started(habitat(), kind, { transport })
  const data = new Uint8Array(3)
  const calls = [
    pool.call('pick', { n: 0, data }),
    pool.call('pick', { n: 1, data }),
    pool.call('pick', { m: 2, data }),
    pool.call('pick', { n: 2, data }),
    pool.call('pick', [4, data]),
  ]
  const [zero, one, unfit, two, four] = await Promise.allSettled(calls)
  expect([zero, two, four]).toEqual([0, 2, 4].map(() => ({ status: 'fulfilled', value: 'bytes' })))
  expect(one).toMatchObject({ reason: { code: 'PYTHON_ERROR', message: 'ValueError: 1 is odd' } })
  expect(unfit).toMatchObject({ reason: { code: 'INVALID_ARGUMENT' } })
  await pool.stop()
})

test.each(TRANSPORTS)(
  '%s: a result that cannot be sent fails its item; a batch that raises or miscounts fails all',
  async (transport) => {
    const pool = await started(habitat(), 'sync', { transport })
    const of = (tool: string): Promise<PromiseSettledResult<unknown>[]> =>
      Promise.allSettled([1, 2, 3].map((n) => pool.call(tool, { n })))
    expect(await of('bad_parts')).toMatchObject([
      { value: 1 },
      { reason: { code: 'RESULT_NOT_SENDABLE' } },
      { value: 3 },
    ])
    for (const each of await of('explode'))
      expect(each).toMatchObject({ reason: { code: 'PYTHON_ERROR', message: 'RuntimeError: all of it' } })
    for (const each of await of('wrong'))
      expect(each).toMatchObject({
        reason: { message: expect.stringMatching(/a batch of \d calls of wrong returned/) },
      })
    expect(await pool.call('plain', { n: 7 })).toBe(7)
    await pool.stop()
  },
)

test.each(TRANSPORTS)(
  '%s: an item is cancelled alone, before its batch begins and while it runs',
  async (transport) => {
    const home = habitat()
    const clock = new VirtualClock()
    const pool = await started(home, 'sync', { transport, clock, cancelGrace: 200 })
    const [worker] = pool.workers
    const controller = new AbortController()
    const waiting = pool.call('double', { n: 1 }, { signal: controller.signal })
    const kept = pool.call('double', { n: 2 })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await kept).toBe(4)

    const path = `${home.directory}/gate`
    const first = pool.call('hold', { path })
    const late = pool.call('hold', { path: 'other' }, { timeout: 60_000 }).catch((error: unknown) => error)
    await eventually('the batch has begun', () => existsSync(`${path}.begun`))
    await clock.advance(60_000)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await eventually('the worker has let go of it', () => pool.workers[0]?.inFlight === 1)
    await clock.advance(500) // longer than the grace: the worker is not killed
    home.file('gate.gate', '')
    expect(await first).toBe(path)
    expect(pool.workers).toMatchObject([{ pid: worker?.pid, inFlight: 0 }])
    await pool.stop()
  },
)

test('the last item of a batch that runs is cancelled as any call: its worker ends, or its task', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const sync = await started(home, 'sync', { clock, cancelGrace: 100 })
  const path = `${home.directory}/gate`
  const both = [1, 2].map(() => sync.call('hold', { path }, { timeout: 60_000 }))
  const settled = Promise.allSettled(both)
  await eventually('the batch has begun', () => existsSync(`${path}.begun`))
  await clock.advance(60_000)
  for (const each of both) await expect(each).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await settled
  await clock.advance(100)
  await eventually('its worker has ended', () => sync.stats.crashes === 1)
  await clock.advance(1_000)
  await eventually('its worker was replaced', () => sync.stats.ready === 1)
  await sync.stop()

  const pool = await started(home, 'async', { clock })
  const rests = [1, 2].map((n) => pool.call('rest', { n }, { timeout: 60_000 }))
  const ends = Promise.allSettled(rests)
  await eventually('the batch has begun', async () => (await pool.call<unknown[]>('resting')).length === 1)
  await clock.advance(60_000)
  for (const each of rests) await expect(each).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await ends
  await eventually('the task has ended', async () => (await pool.call<unknown[]>('ended')).length === 1)
  expect(await pool.call('ended')).toEqual([[1, 2]])
  expect(pool.stats.crashes).toBe(0)
  await pool.stop()
})

test.each(TRANSPORTS)(
  '%s: a worker that dies takes only items that had begun; the others run elsewhere',
  async (transport) => {
    const home = habitat()
    const pool = await started(home, 'sync', { transport })
    const path = `${home.directory}/gate`
    const begun = [1, 2].map(() => pool.call('hold', { path }))
    await eventually('the batch has begun', () => existsSync(`${path}.begun`))
    const behind = [1, 2, 3].map((n) => pool.call('double', { n }))
    await eventually('they are with the worker', () => pool.stats.inFlight === 5)
    pool.kill()
    for (const each of begun) await expect(each).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
    expect(await Promise.all(behind)).toEqual([2, 4, 6])
    await pool.stop()
  },
)

test('other calls do not wait for a batch, a stop lets a batch end, and a batch knows its deadline', async () => {
  const pool = await started(habitat(), 'sync')
  const alone = timed(() => pool.call('double', { n: 1 }))
  const { ms } = await timed(() => pool.call('plain', { n: 1 }))
  expect((await alone).ms).toBeGreaterThan(ms)
  const [one, two] = await Promise.all(
    [10_000, 20_000].map((timeout) => pool.call<number>('left', { n: 1 }, { timeout })),
  )
  expect([one, two].map((left = 0) => left > 10 && left <= 20)).toEqual([true, true])
  expect(await Promise.all([pool.call('left', { n: 1 }, { timeout: 10_000 }), pool.call('left', { n: 1 })])).toEqual([
    null,
    null,
  ])
  const waiting = pool.call('double', { n: 1 })
  const stopped = pool.stop()
  expect(await waiting).toBe(2)
  expect(await stopped).toEqual({ processesLeft: 0 })
})

test.each([
  ['batch=0', 'n', 'batch is a whole number from 1 to 4096, not 0'],
  ['batch=4, within=-1', 'n', 'within is a number of seconds from 0 to 60, not -1'],
  ['batch=4', 'n, m=1', "'m' can have no default"],
  ['batch=4', '*n', 'each parameter gets a list'],
])('@tool(%s) with parameters %s is a CONFIGURATION error', async (options, parameters, message) => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const tools = home.file('bad.py', `from terrarium import tool\n@tool(${options})\ndef f(${parameters}): return []\n`)
  const pool = createPool({ ...home.common, name: 'batches', tools })
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION', message: expect.stringContaining(message) })
  await pool.stop()
})

test.each([true, false])('a tool of a test has batches too, isAsync %s', async (isAsync) => {
  const clock = new VirtualClock()
  const sizes: number[] = []
  const double = ({ n }: { n: number[] }): unknown[] => {
    sizes.push(n.length)
    return n.map((each) => (each === 13 ? new RangeError('thirteen') : 2 * each))
  }
  const tools = { double: { run: double, batch: 4, within: 20, isAsync, parameters: ['n'] } }
  const pool = testPool({ name: 'batches', clock, concurrency: 16, tools })
  await pool.start()
  const controller = new AbortController()
  const full = Promise.all([1, 2, 3, 4].map((n) => pool.call<number>('double', { n })))
  const bad = expect(pool.call('double', { n: 13 })).rejects.toMatchObject({ message: 'RangeError: thirteen' })
  const cancelled = expect(pool.call('double', { n: 8 }, { signal: controller.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  })
  const unfit = expect(pool.call('double', { m: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await clock.advance(10)
  expect([await full, sizes]).toEqual([[2, 4, 6, 8], [4]])
  controller.abort()
  const six = pool.call('double', { n: 6 })
  await clock.advance(9)
  expect(sizes).toEqual([4])
  await clock.advance(1)
  await Promise.all([bad, cancelled, unfit])
  expect([await six, sizes]).toEqual([12, [4, 2]])
  await pool.stop()
})
