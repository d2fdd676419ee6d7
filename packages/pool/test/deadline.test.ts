// What a tool knows of the time that its call has left: one budget for queue, way and run.
import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { testPool, VirtualClock } from '@terrarium/pool/testing'
import { habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const SYNC = `
import contextvars, threading, time
from terrarium import deadline, tool

@tool
def left(seconds: float = 0) -> list:
    before = deadline()
    time.sleep(seconds)
    return [before, deadline()]

@tool
def in_threads() -> list:
    seen = []
    def look():
        seen.append(deadline())
    context = contextvars.copy_context()
    for target in (look, lambda: context.run(look)):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return seen
`

const ASYNC = `
import asyncio
from terrarium import deadline, tool

@tool
async def left_async(seconds: float = 0) -> list:
    before = deadline()
    await asyncio.sleep(seconds)
    return [before, deadline()]

@tool
async def in_tasks() -> list:
    async def look():
        return deadline()
    return [await asyncio.to_thread(deadline), *await asyncio.gather(look(), asyncio.create_task(look()))]
`

/** In seconds: a call of 10 s has a little less. */
const almost = (seconds: number): object => ({
  asymmetricMatch: (value: unknown) => typeof value === 'number' && value <= seconds && value > seconds - 3,
})

test.each(TRANSPORTS)(
  '60, %s: sync and async tools see what queue and run have left of one budget',
  async (transport) => {
    const home = habitat()
    const tools = [home.file('sync.py', SYNC), home.file('later.py', ASYNC)]
    const pool = createPool({ ...home.common, name: 'deadline', tools, transport })
    await pool.start()
    const options = { timeout: 10_000 }
    for (const tool of ['left', 'left_async']) {
      const [before, after] = await pool.call<[number, number]>(tool, { seconds: 0.25 }, options)
      expect(before).toEqual(almost(10))
      expect(before - after).toBeGreaterThanOrEqual(0.24)
      expect(await pool.call(tool)).toEqual([null, null])
      const first = pool.call('left', { seconds: 0.5 })
      const queued = pool.call<[number, number]>(tool, {}, options)
      await first
      expect((await queued)[0]).toBeLessThan(9.55)
    }
    expect(await pool.call('in_threads', {}, options)).toEqual([null, almost(10)])
    expect(await pool.call('in_tasks', {}, options)).toEqual([almost(10), almost(10), almost(10)])
    expect(await pool.call('in_threads')).toEqual([null, null])
    await pool.stop()
  },
)

test.each(TRANSPORTS)('%s: where all tools are async, they see it on the main thread', async (transport) => {
  const home = habitat()
  const tools = home.file('later.py', ASYNC)
  const pool = createPool({ ...home.common, name: 'deadline', tools, transport, concurrency: 4 })
  await pool.start()
  const calls = [10_000, undefined, 20_000].map((timeout) =>
    pool.call<number[]>('left_async', { seconds: 0.02 }, timeout === undefined ? {} : { timeout }),
  )
  expect(await Promise.all(calls)).toEqual([
    [almost(10), almost(10)],
    [null, null],
    [almost(20), almost(20)],
  ])
  await pool.stop()
})

test('a tool of a test knows what is left on the clock of its pool', async () => {
  const clock = new VirtualClock()
  const seen: unknown[] = []
  const look = async (
    _: unknown,
    { deadline, sleep }: { deadline: () => number | undefined; sleep: (ms: number) => Promise<void> },
  ) => {
    seen.push(deadline())
    await sleep(400)
    seen.push(deadline())
  }
  const pool = testPool({ name: 'deadline', clock, tools: { look } })
  await pool.start()
  const calls = [pool.call('look', {}, { timeout: 1_000 }), pool.call('look')]
  await clock.advance(900)
  await Promise.all(calls)
  expect(seen).toEqual([1_000, 600, undefined, undefined])
  await pool.stop()
})
