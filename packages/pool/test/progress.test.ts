// How far calls have come, as their tools say by terrarium.progress().
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type Progress } from '@terrarium/pool'
import { testPool, VirtualClock, type ToolContext } from '@terrarium/pool/testing'
import { boom, explode, reject } from '../../../test/support/failures.ts'
import { eventually, habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const TOOLS = `
import asyncio, os, time
from terrarium import progress, tool

@tool
def work(steps: int) -> int:
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
    return steps

@tool
async def work_async(steps: int) -> int:
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
        await asyncio.sleep(0)
    return steps

@tool
def count(n: int):
    for item in range(n):
        progress(item + 1, n)
        yield item

@tool
def wait(gate: str):
    progress(1, 2, "waits")
    while not os.path.exists(gate):
        time.sleep(0.002)
    progress(2, 2, "goes on")
    return "done"

@tool
def die():
    progress(1)
    time.sleep(0.05)
    os._exit(3)
`

const settled = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (value) => String(value),
    (error: unknown) => (error as { code: string }).code,
  )

test.each(TRANSPORTS)(
  '%s: sync, async and generator tools tell their caller, the last before the end',
  async (transport) => {
    const home = habitat()
    const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOLS), transport })
    await pool.start()
    for (const tool of ['work', 'work_async']) {
      const order: unknown[] = []
      const call = pool.call(tool, { steps: 1_000 }, { onProgress: (told) => order.push(told) })
      order.push(await call)
      expect(order.length).toBeGreaterThan(1)
      expect(order.at(-2)).toEqual({ done: 1_000, total: 1_000, text: 'step 1000' })
      expect(order.at(-1)).toBe(1_000)
      const done = order.slice(0, -1).map((told) => (told as Progress).done ?? 0)
      expect(done).toEqual([...done].sort((a, b) => a - b))
    }
    const told: Progress[] = []
    const items: number[] = []
    for await (const item of pool.stream<number>('count', { n: 100 }, { onProgress: (each) => told.push(each) }))
      items.push(item)
    expect(items).toHaveLength(100)
    expect(told.at(-1)).toEqual({ done: 100, total: 100, text: '' })
    await pool.stop()
  },
)

test.each(TRANSPORTS)('%s: it is told while the tool goes on', async (transport) => {
  const home = habitat()
  const gate = join(home.directory, 'gate')
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOLS), transport })
  await pool.start()
  const told: string[] = []
  const call = pool.call('wait', { gate }, { onProgress: ({ text }) => told.push(text) })
  await eventually('the first is told', () => told.length === 1)
  expect(existsSync(gate)).toBe(false)
  writeFileSync(gate, '')
  expect(await call).toBe('done')
  expect(told).toEqual(['waits', 'goes on'])
  await pool.stop()
})

test('after the caller was answered nothing is told, though the tool goes on', async () => {
  const home = habitat()
  const gate = join(home.directory, 'gate')
  const clock = new VirtualClock()
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOLS), clock })
  await pool.start()
  const told: string[] = []
  const call = pool.call('wait', { gate }, { timeout: 1_000, onProgress: ({ text }) => told.push(text) })
  await eventually('the first is told', () => told.length === 1)
  await Promise.all([clock.advance(1_000), expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })])
  writeFileSync(gate, '')
  await eventually('the worker has let go of it', () => pool.stats.inFlight === 0)
  expect(told).toEqual(['waits'])
  await pool.stop()
})

test('a listener that throws, or rejects, is logged and hurts nothing', async () => {
  const home = habitat()
  home.expectedErrors.push(/^a listener for the progress of (work|wait) failed$/)
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOLS) })
  await pool.start()
  for (const onProgress of [explode, reject]) {
    const before = home.log.length
    expect(await pool.call('work', { steps: 1 }, { onProgress })).toBe(1)
    await eventually('it is logged', () => home.log.length > before)
    expect(home.log.at(-1)).toMatchObject({
      msg: 'a listener for the progress of work failed',
      err: { message: boom.message },
    })
  }
  await pool.stop()
})

test('a listener may call the pool, and cancel its own call', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOLS), size: 2 })
  await pool.start()
  const controller = new AbortController()
  const others: Promise<unknown>[] = []
  const onProgress = (): void => {
    others.push(pool.call('work', { steps: 1 }))
    controller.abort()
  }
  const gate = join(home.directory, 'gate')
  await expect(pool.call('wait', { gate }, { signal: controller.signal, onProgress })).rejects.toMatchObject({
    code: 'CANCELLED',
  })
  writeFileSync(gate, '')
  expect(await Promise.all(others)).toEqual([1])
  await pool.stop()
})

test('a call that is run again tells its progress anew', async () => {
  const home = habitat()
  const pool = createPool({
    ...home.common,
    name: 'p',
    tools: home.file('tools.py', TOOLS),
    maxDeaths: 2,
    backoff: { first: 1 },
  })
  await pool.start()
  const told: (number | undefined)[] = []
  expect(await settled(pool.call('die', {}, { idempotent: true, onProgress: ({ done }) => told.push(done) }))).toBe(
    'POISON_CALL',
  )
  expect(told).toEqual([1, 1])
  await pool.stop()
})

test('what is no function is a mistake in the options', async () => {
  const pool: Pool = testPool({ name: 'p', tools: { work: () => 1 } })
  await pool.start()
  const onProgress = 'yes' as never
  const mistake = {
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('options.onProgress must be a function'),
  }
  await expect(pool.call('work', {}, { onProgress })).rejects.toMatchObject(mistake)
  expect(() => pool.stream('work', {}, { onProgress })).toThrow(expect.objectContaining(mistake))
  await pool.stop()
})

test('a tool of a test tells it as a tool in Python does: the latest every 10 ms, the last before the end', async () => {
  const clock = new VirtualClock()
  const work = async (_: unknown, { progress, sleep }: ToolContext): Promise<string> => {
    for (let step = 1; step <= 9; step += 1) {
      progress(step, 9)
      await sleep(3)
    }
    progress(10, 9, 'the last')
    return 'done'
  }
  const pool = testPool({ name: 'p', clock, tools: { work } })
  await pool.start()
  const told: Progress[] = []
  const calls = [pool.call('work', {}, { onProgress: (each) => told.push(each) }), pool.call('work')]
  for (let passed = 0; passed < 200; passed += 1) await clock.advance(1)
  expect(await Promise.all(calls)).toEqual(['done', 'done'])
  expect(told.map(({ done }) => done)).toEqual([1, 4, 7, 10])
  expect(told.at(-1)).toEqual({ done: 10, total: 9, text: 'the last' })
  await pool.stop()
})
