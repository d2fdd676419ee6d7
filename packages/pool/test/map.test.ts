// One tool for many items: what `map()` takes, when, in which order it gives results, and how it ends.
import { Readable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { createPool, type MapOptions } from '@terrarium/pool'
import { testPool, VirtualClock, type TestPool } from '@terrarium/pool/testing'
import { mistakesOf } from '../../../test/support/mistakes.ts'
import { habitat, TOOLS } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

/** Numbers, with a count of how many were taken, and whether the source was closed. */
class Numbers {
  taken = 0
  closed = 0
  readonly #count: number

  constructor(count = Infinity) {
    this.#count = count
  }

  *sync(): Generator<{ n: number }> {
    try {
      while (this.taken < this.#count) yield { n: (this.taken += 1) }
    } finally {
      this.closed += 1
    }
  }

  async *later(): AsyncGenerator<{ n: number }> {
    for (const each of this.sync()) {
      await Promise.resolve()
      yield each
    }
  }
}

async function started(
  size = 2,
): Promise<{ pool: TestPool; clock: VirtualClock; running: { now: number; most: number } }> {
  const clock = new VirtualClock()
  const running = { now: 0, most: 0 }
  const work = async (
    { n, ms = 10 }: { n: number; ms?: number },
    { sleep }: { sleep: (ms: number) => Promise<void> },
  ) => {
    running.now += 1
    running.most = Math.max(running.most, running.now)
    try {
      await sleep(ms)
      if (n === 13) throw new RangeError('thirteen')
      return 2 * n
    } finally {
      running.now -= 1
    }
  }
  const pool = testPool({ name: 'map', clock, size, concurrency: 4, tools: { work } })
  await pool.start()
  return { pool, clock, running }
}

/** Reads so many results while time passes. */
async function read<T>(clock: VirtualClock, results: AsyncIterator<T>, count: number): Promise<T[]> {
  const values: T[] = []
  while (values.length < count) {
    const seen = { settled: false }
    const next = results.next().finally(() => (seen.settled = true))
    next.catch(() => undefined)
    for (let step = 0; step < 100 && !seen.settled; step += 1) await clock.advance(5)
    const result = await next
    if (result.done === true) break
    values.push(result.value)
  }
  return values
}

test.each(['sync', 'later'] as const)('%s: results come in order, and the source is taken to its end', async (kind) => {
  const { pool, clock, running } = await started()
  const numbers = new Numbers(10)
  const results = pool.map<number>('work', numbers[kind](), { concurrency: 3 })
  expect(await read(clock, results, 99)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
  expect([numbers.taken, numbers.closed, running.most]).toEqual([10, 1, 3])
  expect(await results.next()).toEqual({ done: true, value: undefined })
  await pool.stop()
})

test('unordered: results come as they are ready', async () => {
  const { pool, clock } = await started()
  const items = [90, 10, 50].map((ms, n) => ({ n, ms }))
  expect(await read(clock, pool.map<number>('work', items, { ordered: false }), 99)).toEqual([2, 4, 0])
  expect(await read(clock, pool.map<number>('work', items), 99)).toEqual([0, 2, 4])
  await pool.stop()
})

test('nothing is taken before the first read, and never more than `concurrency` items beyond what was read', async () => {
  const { pool, clock } = await started()
  const numbers = new Numbers()
  const results = pool.map<number>('work', numbers.sync(), { concurrency: 3 })
  await clock.advance(100)
  expect(numbers.taken).toBe(0)
  for (const [reads, taken] of [
    [1, 4],
    [5, 9],
    [1, 10],
  ] as const) {
    await read(clock, results, reads)
    await clock.advance(1_000)
    expect(numbers.taken).toBe(taken)
  }
  await results.return?.()
  expect(numbers.closed).toBe(1)
  await pool.stop()
})

test('by default twice as many items are under way as the pool has places', async () => {
  const { pool, clock } = await started(2)
  const numbers = new Numbers()
  const results = pool.map<number>('work', numbers.sync())
  await read(clock, results, 1)
  expect(numbers.taken).toBe(17)
  await results.return?.()
  await pool.stop()
})

test.each(['break', 'throw'] as const)(
  '%s: the source is closed, and the calls that are under way are cancelled',
  async (way) => {
    const { pool, clock, running } = await started()
    const numbers = new Numbers()
    const loop = async (): Promise<void> => {
      for await (const value of pool.map<number>('work', numbers.sync(), { concurrency: 4 })) {
        if (value < 6) continue
        if (way === 'throw') throw new Error('enough')
        break
      }
    }
    const ended = loop().catch((error: unknown) => (error as Error).message)
    await clock.advance(200)
    expect(await ended).toBe(way === 'throw' ? 'enough' : undefined)
    expect([numbers.closed, running.now]).toEqual([1, 0])
    const { accepted, completed, failed } = pool.stats
    expect(accepted).toBe(completed + failed)
    await pool.stop()
  },
)

test.each([true, false])(
  'ordered %s: the error of an item rejects, cancels the rest and closes the source',
  async (ordered) => {
    const { pool, clock, running } = await started()
    const numbers = new Numbers()
    const results = pool.map<number>('work', numbers.later(), { concurrency: 4, ordered })
    expect((await read(clock, results, 12)).length).toBe(12)
    await expect(read(clock, results, 1)).rejects.toMatchObject({
      code: 'PYTHON_ERROR',
      message: 'RangeError: thirteen',
    })
    expect([numbers.closed, await results.next()]).toEqual([1, { done: true, value: undefined }])
    await clock.advance(100)
    expect(running.now).toBe(0)
    await pool.stop()
  },
)

test('a signal rejects the read that waits, cancels the calls and closes the source', async () => {
  const { pool, clock, running } = await started()
  const numbers = new Numbers()
  const controller = new AbortController()
  const results = pool.map<number>('work', numbers.sync(), { signal: controller.signal })
  await read(clock, results, 2)
  const next = results.next()
  controller.abort('enough')
  await expect(next).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough', details: { tool: 'work' } })
  await clock.advance(100)
  expect([numbers.closed, running.now]).toEqual([1, 0])
  expect(await results.next()).toEqual({ done: true, value: undefined })

  const late = pool.map<number>('work', numbers.sync(), { signal: controller.signal })
  const before = numbers.taken
  await expect(late.next()).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(numbers.taken).toBe(before)
  await pool.stop()
})

test('a source that throws rejects at its place, after the results of what it gave before', async () => {
  const { pool, clock } = await started()
  const source = function* (): Generator<{ n: number }> {
    yield { n: 1 }
    throw new Error('the source is dry')
  }
  const results = pool.map<number>('work', source())
  expect(await read(clock, results, 1)).toEqual([2])
  await expect(results.next()).rejects.toThrow('the source is dry')
  await pool.stop()
})

test('a source that never gives its next item does not keep the reader from leaving, nor from results', async () => {
  const { pool, clock } = await started()
  const source = async function* (): AsyncGenerator<{ n: number }> {
    yield { n: 1 }
    await new Promise(() => undefined)
  }
  const results = pool.map<number>('work', source())
  expect(await read(clock, results, 1)).toEqual([2])
  const next = results.next()
  expect(await results.return?.()).toMatchObject({ done: true })
  expect(await next).toMatchObject({ done: true })
  await pool.stop()
})

test('reads at the same time are answered in order', async () => {
  const { pool, clock } = await started()
  const results = pool.map<number>('work', new Numbers(3).sync())
  const reads = [results.next(), results.next(), results.next(), results.next()]
  await clock.advance(100)
  expect((await Promise.all(reads)).map(({ value }) => value as number)).toEqual([2, 4, 6, undefined])
  await pool.stop()
})

test('mistakes in the options are named all at once, before anything is taken', async () => {
  const { pool } = await started()
  const wrong = { concurrency: 0, orderd: true, ordered: 1, timeout: -1 } as unknown as MapOptions
  expect(await mistakesOf(() => pool.map('work', 7 as never, wrong))).toEqual([
    'items must be an iterable or async iterable of the arguments of each call, not 7',
    'options.orderd is unknown: did you mean ordered?',
    'options.timeout must be ms, more than 0 and at most 2147483647, not -1',
    'options.concurrency must be a whole number from 1 to 65536, not 0',
    'options.ordered must be true or false, not 1',
  ])
  await expect(pool.map('work', ['text'] as never).next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await pool.stop()
})

test.each(TRANSPORTS)(
  '%s: a stream of Node is mapped by real workers, and breaking off leaves them free',
  async (transport) => {
    const pool = createPool({ ...habitat().common, name: 'map', tools: TOOLS, size: 2, transport })
    await pool.start()
    const values: unknown[] = []
    for await (const value of pool.map('echo', Readable.from([1, 2, 3].map((value) => ({ value }))))) values.push(value)
    expect(values).toEqual([1, 2, 3])
    const numbers = new Numbers()
    const endless = function* (): Generator<{ value: number }> {
      for (const { n } of numbers.sync()) yield { value: n }
    }
    let last = 0
    for await (const value of pool.map<number>('echo', endless(), { timeout: 10_000 })) {
      expect(value).toBe((last += 1))
      if (last === 500) break
    }
    expect([numbers.closed, numbers.taken <= 504]).toEqual([1, true])
    expect(await pool.call('echo', { value: 'free' })).toBe('free')
    await pool.stop()
  },
)
