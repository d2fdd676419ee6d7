import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { createPool, type NdArray, type Pool, type ToolStream } from '@terrarium/pool'
import { eventually, habitat, testPython } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'
import { standWith } from './stand.ts'

// What a caller sees of streams, with real workers. Numbers name the scenarios that any pool has to show.

const TOOLS = fileURLToPath(new URL('stream-tools.py', import.meta.url))
const WINDOW = 262_144

const stand = standWith(TOOLS)

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** What the stream has given before it failed, and why it failed. */
async function until(stream: AsyncIterable<unknown>): Promise<{ items: unknown[]; error: unknown }> {
  const items: unknown[] = []
  try {
    for await (const item of stream) items.push(item)
  } catch (error) {
    return { items, error }
  }
  throw new Error('the stream did not fail')
}

const seen = (pool: Pool, name: string): Promise<{ made: number | null; ended: string | null }> =>
  pool.call('seen', { name })

/** Waits until the generator stands still: its credit is used up, so what it has made does not depend on time. */
async function standstill(pool: Pool, name: string, size: number): Promise<number> {
  const cost = size + 19 // msgpack begins a text of 1,000 bytes with 3, and an item costs 16 more
  let made = 0
  await eventually('the credit is used up', async () => {
    made = (await seen(pool, name)).made ?? 0
    return made * cost >= WINDOW
  })
  expect(made).toBe(Math.ceil(WINDOW / cost))
  return made
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  describe.each(['count', 'count_async'])('%s', (tool) => {
    test('73: items come in order, then the end, and nothing after it', async () => {
      const { pool } = await stand(transport)
      const stream = pool.stream<number>(tool, { n: 5 })
      expect(await all(stream)).toEqual([0, 1, 2, 3, 4])
      expect(await stream.next()).toEqual({ done: true, value: undefined })
      expect(await all(pool.stream(tool, { n: 0 }))).toEqual([])
      expect(pool.stats).toMatchObject({ accepted: 2, completed: 2, failed: 0, inFlight: 0 })
      await pool.stop()
    })

    test('74: after `break` no item is made any more, `finally` has run, and the worker is free', async () => {
      const { pool } = await stand(transport)
      const got: number[] = []
      for await (const n of pool.stream<number>(tool, { n: 1e9, name: '74' })) {
        got.push(n)
        if (n === 2) break
      }
      expect(got).toEqual([0, 1, 2])
      const after = await seen(pool, '74')
      expect(after.ended).toBe('closed')
      expect(await pool.call('add', { a: 1, b: 2 })).toBe(3)
      expect(await seen(pool, '74')).toEqual(after)
      expect(pool.stats).toMatchObject({ failed: 0, inFlight: 0, crashes: 0 })
      await pool.stop()
    })

    test('a throw in the loop closes the generator, and is what the caller sees', async () => {
      const { pool } = await stand(transport)
      const thrown = new Error('mine')
      const loop = async (): Promise<void> => {
        for await (const n of pool.stream<number>(tool, { n: 1e9, name: 'throw' })) if (n === 1) throw thrown
      }
      await expect(loop()).rejects.toBe(thrown)
      expect((await seen(pool, 'throw')).ended).toBe('closed')
      await pool.stop()
    })

    test('an AbortSignal rejects at once, closes the generator, and drops what was not read', async () => {
      const { pool } = await stand(transport)
      const aborter = new AbortController()
      const stream = pool.stream(tool, { n: 1e9, name: 'abort' }, { signal: aborter.signal })
      await stream.next()
      aborter.abort(new Error('enough'))
      await expect(stream.next()).rejects.toMatchObject({
        code: 'CANCELLED',
        cause: expect.objectContaining({ message: 'enough' }),
      })
      expect(await stream.next()).toEqual({ done: true, value: undefined })
      await eventually('it is closed', async () => (await seen(pool, 'abort')).ended === 'closed')
      expect(pool.stats).toMatchObject({ failed: 1, crashes: 0 })
      await pool.stop()
    })

    test('I13: a stream that was begun and that nothing holds any more is ended', async () => {
      const { pool } = await stand(transport)
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as () => void
      await (async () => {
        expect(await pool.stream(tool, { n: 1e9, name: 'forgotten' }).next()).toEqual({ done: false, value: 0 })
      })()
      expect(pool.stats.inFlight).toBe(1)
      await eventually('it is collected, and closed', async () => {
        collect()
        return (await seen(pool, 'forgotten')).ended === 'closed'
      })
      await eventually('its place is free', () => pool.stats.inFlight === 0)
      expect(pool.stats).toMatchObject({ failed: 0, crashes: 0 })
      await pool.stop()
    })

    test('76: a reader that stops: the generator stands still within the window, and all items arrive', async () => {
      const { pool } = await stand(transport, { concurrency: 2 })
      const stream = pool.stream<string>(tool, { n: 2_000, size: 1_000, name: '76' })
      await stream.next()
      const made = await standstill(pool, '76', 1_000)
      for (let n = 0; n < 5; n += 1) expect((await seen(pool, '76')).made).toBe(made)
      const rest = await all(stream)
      expect(rest).toHaveLength(1_999)
      expect((await seen(pool, '76')).ended).toBe('end')
      await pool.stop()
    })

    test('an item that is longer than the window is delivered, and the generator goes no further', async () => {
      const { pool } = await stand(transport, { concurrency: 2 })
      const stream = pool.stream<string>(tool, { n: 3, size: 3_000_000, name: 'long' })
      for (let n = 1; n <= 3; n += 1) {
        expect(((await stream.next()).value as string).length).toBe(3_000_000)
        // What was read is given back, so the next one is made; the one behind it is not.
        await eventually('the next one is made', async () => (await seen(pool, 'long')).made === Math.min(3, n + 1))
      }
      expect((await stream.next()).done).toBe(true)
      await pool.stop()
    })
  })

  test('an error comes after the items, with their number', async () => {
    const { pool } = await stand(transport)
    const { items, error } = await until(pool.stream('fail', { n: 3 }))
    expect(items).toEqual([0, 1, 2])
    expect(error).toMatchObject({ code: 'PYTHON_ERROR', details: { type: 'LookupError', items: 3, tool: 'fail' } })
    await pool.stop()
  })

  test('42: a worker that dies ends the stream after its items, which is not run again', async () => {
    const { pool, clock } = await stand(transport)
    const { items, error } = await until(pool.stream('die', { n: 3 }))
    expect(items).toEqual([0, 1, 2])
    expect(error).toMatchObject({ code: 'WORKER_CRASHED', details: { items: 3, attempts: 1 } })
    await eventually('the worker is back', async () => {
      await clock.advance(100)
      return pool.stats.ready === 1
    })
    expect(await pool.call('add', { a: 1, b: 1 })).toBe(2)
    expect(pool.stats).toMatchObject({ retried: 0, failed: 1 })
    await pool.stop()
  })

  test('77: a stream of a plain tool, a call of a generator and an unknown tool are refused', async () => {
    const { pool } = await stand(transport)
    await expect(pool.stream('add', { a: 1, b: 2 }).next()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'add is no generator: it has one result, not a stream of items',
    })
    await expect(pool.call('count', { n: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: 'Read its items with stream() instead of call().',
    })
    await expect(pool.stream('cuont').next()).rejects.toMatchObject({ code: 'TOOL_NOT_FOUND' })
    await expect(pool.stream('count').next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await pool.stop()
  })

  test('I13: a stream waits in the queue as calls do, and never runs if it is left there', async () => {
    const { pool, path } = await stand(transport)
    const held = pool.call('call_hold', { begun: path('begun'), gate: path('gate') })
    await eventually('it runs', () => existsSync(path('begun')))
    const waits = pool.stream('count', { n: 2, name: 'waits' })
    const left = pool.stream('count', { n: 2, name: 'left' })
    const first = waits.next()
    void left.next()
    expect(pool.stats).toMatchObject({ queued: 2, inFlight: 1 })
    await left.return()
    expect(pool.stats.queued).toBe(1)
    writeFileSync(path('gate'), '')
    await held
    expect(await first).toEqual({ done: false, value: 0 })
    expect(await all(waits)).toEqual([1])
    expect(await seen(pool, 'left')).toMatchObject({ made: null, ended: null })
    await pool.stop()
  })

  test('72: streams count against `concurrency`', async () => {
    const { pool } = await stand(transport, { concurrency: 2 })
    const streams = ['a', 'b', 'c'].map((name) => pool.stream('count_async', { n: 1e9, name }))
    const [one, two, three] = streams as [ToolStream<unknown>, ToolStream<unknown>, ToolStream<unknown>]
    await Promise.all([one.next(), two.next()])
    const third = three.next()
    expect(pool.stats).toMatchObject({ inFlight: 2, queued: 1 })
    await one.return()
    expect(await third).toEqual({ done: false, value: 0 })
    await Promise.all([two.return(), three.return()])
    expect(pool.stats.inFlight).toBe(0)
    await pool.stop()
  })

  test('a stream that is never read asks nothing of the pool', async () => {
    const { pool } = await stand(transport)
    const stream = pool.stream('count', { n: 1e9, name: 'lazy' })
    expect(await pool.call('add', { a: 1, b: 1 })).toBe(2)
    expect(pool.stats.accepted).toBe(1)
    await stream.return()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect((await seen(pool, 'lazy')).made).toBeNull()
    await pool.stop()
  })

  test('a deadline of the whole, and one between items', async () => {
    const { pool, clock, path } = await stand(transport)
    const slow = pool.stream('count_async', { n: 1e9, name: 'late', pause: 0.001 }, { timeout: 60_000 })
    await slow.next()
    await clock.advance(60_000)
    const { error } = await until(slow)
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { timeout: 60_000 } })
    const idle = pool.stream('hold', { begun: path('begun'), gate: path('gate') }, { idle: 5_000 })
    const next = idle.next()
    void next.catch(() => undefined)
    await eventually('it runs', () => existsSync(path('begun')))
    await clock.advance(5_000)
    await expect(next).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { idle: 5_000, items: 0 } })
    writeFileSync(path('gate'), '')
    await eventually('the worker is free', () => pool.stats.inFlight === 0)
    await pool.stop()
  })

  test('stop() lets a stream finish', async () => {
    const { pool } = await stand(transport)
    const stream = pool.stream<string>('count', { n: 1_000, size: 1_000 })
    await stream.next()
    const stopped = pool.stop()
    expect(await all(stream)).toHaveLength(999)
    expect(await stopped).toEqual({ processesLeft: 0 })
  })

  test('stop() ends a stream that nothing reads with STOPPED after `drainTimeout`, behind its items', async () => {
    const { pool, clock } = await stand(transport, { concurrency: 2 })
    const stream = pool.stream<string>('count', { n: 1e9, size: 1_000, name: 'stop' })
    await stream.next()
    await standstill(pool, 'stop', 1_000)
    const stopped = pool.stop()
    await clock.advance(5_000)
    const isOver = { yet: false }
    void stopped.then(() => (isOver.yet = true))
    await eventually('it has stopped', async () => {
      await clock.advance(100)
      return isOver.yet
    })
    const { items, error } = await until(stream)
    expect(items.length).toBeGreaterThan(200)
    expect(error).toMatchObject({ code: 'STOPPED', details: { items: items.length + 1 } })
  })

  test('bytes and arrays may be items', async () => {
    const { pool } = await stand(transport)
    const items = await all(pool.stream<{ n: number; array: NdArray }>('arrays'))
    expect(items.map(({ n, array }) => [n, array.shape, array.data[99_999]])).toEqual([
      [0, [100_000], 0],
      [1, [100_000], 1],
      [2, [100_000], 2],
    ])
    await pool.stop()
  })

  test('Readable.from, pipeline and ReadableStream take a stream, and close it', async () => {
    const { pool } = await stand(transport)
    const readable = Readable.from(pool.stream('count', { n: 1e9, name: 'readable' }))
    const got: unknown[] = []
    for await (const item of readable) {
      got.push(item)
      if (got.length === 3) break
    }
    expect(got).toEqual([0, 1, 2])
    await eventually('it is closed', async () => (await seen(pool, 'readable')).ended === 'closed')
    let sum = 0
    const sink = new Writable({
      objectMode: true,
      write: (n: number, _, done) => {
        sum += n
        done()
      },
    })
    await pipeline(pool.stream('count', { n: 1_000 }), sink)
    expect(sum).toBe(499_500)
    const { from } = ReadableStream as unknown as { from: (items: AsyncIterable<unknown>) => ReadableStream<unknown> }
    const web = from(pool.stream('count', { n: 1e9, name: 'web' })).getReader()
    expect(await web.read()).toEqual({ done: false, value: 0 })
    await web.cancel()
    await eventually('it is closed', async () => (await seen(pool, 'web')).ended === 'closed')
    await pool.stop()
  })

  test('61: streams of several workers run side by side', async () => {
    const { pool } = await stand(transport, { size: 2 })
    const counts = await Promise.all([1, 2, 3, 4].map((n) => all(pool.stream('count', { n: 1_000 * n }))))
    expect(counts.map(({ length }) => length)).toEqual([1_000, 2_000, 3_000, 4_000])
    await pool.stop()
  })

  test('memory is flat over many items', async () => {
    const { pool } = await stand(transport)
    let most = 0
    let count = 0
    const before = process.memoryUsage().heapUsed
    for await (const _ of pool.stream('count', { n: 300_000 })) {
      count += 1
      if (count % 20_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before)
    }
    expect(count).toBe(300_000)
    expect(most).toBeLessThan(150 * 1024 * 1024) // 300,000 items that are kept take more than that in promises alone
    await pool.stop()
  })
})

test.each(['count', 'count_async'])('%s ends on an interpreter that has no package at all', async (tool) => {
  const home = habitat()
  const python = join(home.directory, 'venv')
  execFileSync(testPython(), ['-m', 'venv', '--without-pip', python])
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, python, env: { PYTHONPATH: '' } })
  await pool.start()
  const { length } = await all(pool.stream(tool, { n: 3 }, { timeout: 20_000 }))
  expect([length, pool.stats.completed, pool.stats.inFlight]).toEqual([3, 1, 0])
  await pool.stop()
})

test('what is wrong with a stream is thrown by stream(), all at once', async () => {
  const home = habitat()
  const pool = home.testPool({ name: 'p', tools: { count: function* () { yield 1 } } }) // prettier-ignore
  await pool.start()
  const wrong = (...args: unknown[]): unknown => pool.stream(...(args as [string]))
  expect(() => wrong('', 5, { idle: 0, timeout: 'x', idempotent: true, signal: 5 })).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /tool must be .*args must be .*options.idempotent.*options.timeout .*options.idle .*options.signal /s,
      ),
    }),
  )
  expect(() => wrong('count', { x: () => 1 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  const signal = AbortSignal.abort(new Error('early'))
  await expect(pool.stream('count', {}, { signal }).next()).rejects.toMatchObject({ code: 'CANCELLED' })
  await pool.stop()
})
