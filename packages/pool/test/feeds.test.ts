import { createReadStream, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { eventually } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'
import { standWith, type Stand } from './stand.ts'

// What a caller sees of arguments that are streams, with real workers.

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const SYNC = fileOf('feed-tools.py')
const ASYNC = fileOf('async-feed-tools.py')
const WINDOW = 262_144

const stand = standWith(SYNC)

/** A source that counts what is read of it, and how often it is closed. */
class Source implements AsyncIterableIterator<unknown> {
  read = 0
  closed = 0
  readonly #item: (index: number) => unknown
  readonly #count: number

  constructor(count: number, item: (index: number) => unknown = (index) => index) {
    this.#count = count
    this.#item = item
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.read >= this.#count) return Promise.resolve({ done: true, value: undefined })
    this.read += 1
    return Promise.resolve({ done: false, value: this.#item(this.read - 1) })
  }

  return(): Promise<IteratorResult<unknown>> {
    this.closed += 1
    return Promise.resolve({ done: true, value: undefined })
  }
}

/** Gives one item, and then none for ever. */
class Silent extends Source {
  constructor() {
    super(1)
  }

  override next(): Promise<IteratorResult<unknown>> {
    return this.read === 0 ? super.next() : new Promise(() => undefined)
  }
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    if (n % 100 === 0) await new Promise(setImmediate)
    yield n
  }
}

async function* failing(items: readonly unknown[], error: unknown): AsyncGenerator {
  yield* items
  await new Promise(setImmediate)
  throw error
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  // A worker that has async tools only runs them on its main thread.
  describe.each([
    ['a sync tool', '', [SYNC]],
    ['an async tool', '_async', [ASYNC]],
  ] as const)('%s', (_, kind, tools) => {
    const called = (name: string): string => name + kind
    const standHere = (): Promise<Stand> => stand(transport, { tools })

    test('has an iterator of what an async generator, a Readable and a web stream give', async () => {
      const { pool } = await standHere()
      const sources = [
        numbers(1_000),
        Readable.from(numbers(1_000)),
        ReadableStream.from(numbers(1_000)),
        { [Symbol.asyncIterator]: () => numbers(1_000) },
      ]
      for (const rows of sources) expect(await pool.call(called('total'), { rows })).toBe(499_500)
      expect(await pool.call(called('total'), [numbers(10), 5])).toBe(50)
      expect(await pool.call(called('total'), { rows: numbers(0) })).toBe(0)
      await pool.stop()
    })

    test('has the chunks of a file as bytes', async () => {
      const { pool, path } = await standHere()
      writeFileSync(path('file'), Buffer.alloc(150_000, 7))
      const rows = createReadStream(path('file'))
      expect(await pool.call(called('kinds'), { rows })).toEqual(['bytes:65536', 'bytes:65536', 'bytes:18928'])
      expect(rows.destroyed).toBe(true)
      await pool.stop()
    })

    test('that reads nothing leaves the source untouched, and closed', async () => {
      const { pool } = await standHere()
      const rows = new Source(10)
      expect(await pool.call(called('unread'), { rows })).toBe('unread')
      expect(rows).toMatchObject({ read: 0, closed: 1 })
      await pool.stop()
    })

    test('that stands still is sent no more than the window and one item', async () => {
      const { pool, path } = await standHere()
      const rows = new Source(3_000, () => 'x'.repeat(1_000))
      const call = pool.call(called('take_one_and_wait'), { rows, gate: path('gate') })
      const cost = 1_000 + 3 + 16
      const most = Math.ceil(WINDOW / cost)
      await eventually('the credit is used up', () => rows.read === most)
      writeFileSync(path('gate'), '')
      expect(await call).toBe(3_000)
      expect(rows.closed).toBe(0) // it has ended by itself
      await pool.stop()
    })

    test('that returns early closes the source, once', async () => {
      const { pool } = await standHere()
      const rows = new Source(1e9)
      expect(await pool.call(called('first'), { rows, count: 3 })).toEqual([0, 1, 2])
      expect(rows.closed).toBe(1)
      await pool.stop()
    })

    test('closes the source while it goes on, and has the end then', async () => {
      const { pool, path } = await standHere()
      const rows = new Source(1e9)
      const call = pool.call(called('close_and_wait'), { rows, gate: path('gate') })
      await eventually('it is closed', () => rows.closed === 1)
      writeFileSync(path('gate'), '')
      expect(await call).toEqual([])
      expect(rows.closed).toBe(1)
      await pool.stop()
    })

    test('that is a generator closes the source when it drops its iterator', async () => {
      const { pool, path } = await standHere()
      const rows = new Source(1e9)
      const next = pool.stream(called('drop_and_wait'), { rows, gate: path('gate') }).next()
      await eventually('it is closed', () => rows.closed === 1)
      writeFileSync(path('gate'), '')
      expect(await next).toMatchObject({ value: 'dropped' })
      await pool.stop()
    })

    test('sees what the source throws behind the items before it, and then the end', async () => {
      const { pool } = await standHere()
      const rows = failing([1, 2], new RangeError('too far'))
      const told = [[1, 2], 'RangeError', 'too far', 0, 'RangeError: too far', 'the end']
      expect(await pool.call(called('caught'), { rows })).toEqual(told)
      await pool.stop()
    })

    test('that lets it through fails with PYTHON_ERROR, whose cause is what the source has thrown', async () => {
      const { pool } = await standHere()
      const thrown = new RangeError('too far')
      const call = pool.call(called('total'), { rows: failing([1], thrown) })
      await expect(call).rejects.toMatchObject({
        code: 'PYTHON_ERROR',
        message: 'terrarium.FeedError: RangeError: too far',
        details: { type: 'terrarium.FeedError', attributes: { type: 'RangeError', message: 'too far', feed: 0 } },
      })
      const { cause } = (await call.then(String, (error: unknown) => error as Error)) as Error
      expect(cause).toBe(thrown)
      await pool.stop()
    })

    test('sees an item that cannot be sent as the failure of the source, which is closed', async () => {
      const { pool } = await standHere()
      const rows = new Source(10, (index) => (index === 1 ? { deep: [Symbol('no')] } : index))
      const [got, type, message] = await pool.call<unknown[]>(called('caught'), { rows })
      expect(got).toEqual([0])
      expect(type).toBe('TerrariumError')
      expect(message).toBe(`an item for ${called('caught')}: a symbol cannot be sent at deep[0]`)
      expect(rows).toMatchObject({ read: 2, closed: 1 })
      await pool.stop()
    })

    test('sees that a file is missing, and the host goes on', async () => {
      const { pool, path } = await standHere()
      const [got, type, message] = await pool.call<unknown[]>(called('caught'), {
        rows: createReadStream(path('none')),
      })
      expect([got, type]).toEqual([[], 'Error'])
      expect(message).toMatch(/^ENOENT/)
      await pool.stop()
    })

    test('that waits for an item is let go when its call is cancelled, and the source is closed', async () => {
      const { pool } = await standHere()
      const aborter = new AbortController()
      const rows = new Silent()
      const call = pool.call(called('wait_forever'), { rows, name: 'abort' }, { signal: aborter.signal })
      await eventually('it has read', () => rows.read === 1)
      aborter.abort()
      await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
      expect(rows.closed).toBe(1)
      const why = kind === '' ? 'FeedError Cancelled' : 'CancelledError '
      await eventually('it sees why', async () => (await pool.call(called('what_was_seen'), { name: 'abort' })) === why)
      expect(pool.stats).toMatchObject({ crashes: 0, inFlight: 0 })
      await pool.stop()
    })

    test('is let go at its deadline', async () => {
      const { pool, clock } = await standHere()
      const rows = new Silent()
      const call = pool.call(called('wait_forever'), { rows, name: 'late' }, { timeout: 60_000 })
      await eventually('it has read', () => rows.read === 1)
      await clock.advance(60_000)
      await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
      expect(rows.closed).toBe(1)
      expect(await pool.call(called('unread'), { rows: new Source(1) })).toBe('unread')
      expect(pool.stats.crashes).toBe(0)
      await pool.stop()
    })

    test('that dies with its worker is not run again, and the source is closed', async () => {
      const { pool } = await standHere()
      const rows = new Source(1e9)
      await expect(pool.call(called('die'), { rows })).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
      expect(rows.closed).toBe(1)
      expect(pool.stats.retried).toBe(0)
      await pool.stop()
    })

    test('may have several', async () => {
      const { pool } = await standHere()
      const a = new Source(2_000, (index) => `a${index}${'-'.repeat(500)}`)
      const b = new Source(2_000, (index) => `b${index}${'-'.repeat(500)}`)
      const pairs = await pool.call<string[][]>(called('zipped'), { a, b })
      const short = pairs.map((pair) => pair.map((text) => text.replaceAll('-', '')))
      expect(short).toEqual(Array.from({ length: 2_000 }, (_, index) => [`a${index}`, `b${index}`]))
      await pool.stop()
    })

    test('has long items, arrays and short ones in order', async () => {
      const { pool } = await standHere()
      const items = [Buffer.alloc(3 * 2 ** 20), 'x', new Float32Array(100_000), 'y'.repeat(2 * 2 ** 20), 'z', 'z']
      const rows = new Source(items.length, (index) => items[index])
      const expected = ['bytes:3145728', 'str:1', 'memoryview:100000', 'str:2097152', 'str:1', 'str:1']
      expect(await pool.call(called('kinds'), { rows })).toEqual(expected)
      await pool.stop()
    })

    test('that is a generator reads and gives at once, with both sides standing still now and then', async () => {
      const { pool } = await standHere()
      const rows = new Source(3_000, (index) => `${index},${'x'.repeat(500)}`)
      const read: string[] = []
      for await (const item of pool.stream<string>(called('double'), { rows })) {
        // Its worker has used up its credit by then, and so has the host for the worker.
        if (read.length % 500 === 0) await eventually('the source stands still', standing(rows))
        read.push(item)
      }
      expect(read).toHaveLength(3_000)
      expect(read[2_999]?.startsWith('2999,')).toBe(true)
      await pool.stop()
    })

    test('that is a generator closes the source when its reader leaves', async () => {
      const { pool } = await standHere()
      const rows = new Source(1e9)
      for await (const item of pool.stream(called('double'), { rows })) if (item === 4) break
      expect(rows.closed).toBe(1)
      expect(pool.stats).toMatchObject({ crashes: 0, inFlight: 0 })
      await pool.stop()
    })
  })

  test('async tools beside sync ones have theirs, several at a time', async () => {
    const { pool } = await stand(transport, { tools: [SYNC, ASYNC], concurrency: 4 })
    const calls = ['total', 'total_async', 'total_async', 'total'].map((tool) =>
      pool.call(tool, { rows: numbers(20_000) }),
    )
    expect(await Promise.all(calls)).toEqual([199_990_000, 199_990_000, 199_990_000, 199_990_000])
    const items: unknown[] = []
    for await (const item of pool.stream('double_async', { rows: numbers(3) })) items.push(item)
    expect(items).toEqual([0, 2, 4])
    await pool.stop()
  })

  test('a thread of a tool reads too', async () => {
    const { pool } = await stand(transport)
    expect(await pool.call('in_a_thread', { rows: new Source(50_000) })).toBe(1_249_975_000)
    await pool.stop()
  })

  test('a thread that is left behind does not take the end of its call for the end of the stream', async () => {
    const { pool } = await stand(transport)
    await pool.call('left_behind', { rows: new Source(1e9) })
    const told = 'Cancelled: the call was cancelled, or is over'
    await eventually('it was told', async () => (await pool.call('what_was_seen', { name: 'late' })) === told)
    await pool.stop()
  })

  test('each call of a map has its own', async () => {
    const { pool } = await stand(transport)
    const totals: unknown[] = []
    const calls = [1, 2, 3].map((count) => ({ rows: new Source(count) }))
    for await (const sum of pool.map('total', calls)) totals.push(sum)
    expect(totals).toEqual([0, 1, 3])
    await pool.stop()
  })

  test('a tool that runs in batches has none', async () => {
    const { pool } = await stand(transport)
    await expect(pool.call('batched', { rows: new Source(1) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'batched runs in batches, and takes no argument that is a stream',
    })
    await pool.stop()
  })
})

test('a stream within another value is refused, with its place', async () => {
  const { pool } = await stand('socket')
  for (const args of [{ rows: { deep: numbers(1) } }, { rows: [numbers(1)] }, [[numbers(1)]]]) {
    await expect(pool.call('total', args)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^the arguments of total: an AsyncGenerator cannot be sent there at /),
      hint: 'Make it an argument of its own: a stream cannot be inside another value.',
    })
  }
  await pool.stop()
})

test('a call with a stream cannot be idempotent', async () => {
  const { pool } = await stand('socket')
  const rows = new Source(1)
  await expect(pool.call('total', { rows }, { idempotent: true })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'call of total: a call with a stream among its arguments cannot be idempotent',
  })
  expect(rows).toMatchObject({ read: 0, closed: 0 })
  expect(await pool.call('total', { rows }, { idempotent: false })).toBe(0)
  await pool.stop()
})

test('at most 256 arguments are streams', async () => {
  const { pool } = await stand('socket')
  const rows = Array.from({ length: 257 }, () => numbers(0))
  await expect(pool.call('total', rows)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('more than 256 arguments that are streams cannot be sent'),
  })
  await pool.stop()
})

test('a call that never began closes its source: refused, cancelled in the queue, or never read', async () => {
  const { pool } = await stand('socket', { queueLimit: 0 })
  const [refused, stopped, left, aborted] = [new Source(1), new Source(1), new Source(1), new Source(1)]
  pool.pause()
  await expect(pool.call('total', { rows: refused })).rejects.toMatchObject({ code: 'POOL_SATURATED' })
  expect(refused).toMatchObject({ read: 0, closed: 1 })
  await pool.stream('double', { rows: left }).return()
  expect(left).toMatchObject({ read: 0, closed: 1 })
  const signal = AbortSignal.abort()
  await expect(pool.stream('double', { rows: aborted }, { signal }).next()).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(aborted).toMatchObject({ read: 0, closed: 1 })
  await pool.stop()
  await expect(pool.call('total', { rows: stopped })).rejects.toMatchObject({ code: 'STOPPED' })
  expect(stopped).toMatchObject({ read: 0, closed: 1 })
})

test('a Readable and a web stream end at once, even while they are waited for', async () => {
  const { pool } = await stand('socket')
  let cancelled: unknown
  const web = new ReadableStream({
    start: (controller) => {
      controller.enqueue(1)
    },
    cancel: (reason) => {
      cancelled = reason ?? 'without a reason'
    },
  })
  const node = new Readable({ objectMode: true, read: () => undefined })
  node.push(1)
  for (const rows of [web, node]) {
    const aborter = new AbortController()
    const call = pool.call('wait_forever', { rows, name: 'readable' }, { signal: aborter.signal })
    await eventually('it waits', () => pool.stats.inFlight === 1)
    aborter.abort()
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
  }
  await eventually('both are closed', () => node.destroyed && cancelled === 'without a reason')
  await pool.stop()
})

/** Whether nothing was read since the last look. */
function standing(source: Source): () => boolean {
  let before = -1
  return () => {
    const isStanding = source.read === before
    before = source.read
    return isStanding
  }
}
