import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { isTerrariumError, type TerrariumError } from '@terrarium/supervisor/base'
import { createPool, type HostContext, type Pool } from '@terrarium/pool'
import { eventually, habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'
import { standWith } from './stand.ts'

// What tools and callers see of host calls, with real workers.

const TOOLS = fileURLToPath(new URL('host-tools.py', import.meta.url))

const stand = standWith(TOOLS)

/** A function that never answers, and what it was given. */
function holding(pool: Pool, name = 'hold'): { readonly contexts: HostContext[] } {
  const contexts: HostContext[] = []
  pool.expose(name, (_args, context) => {
    contexts.push(context)
    void context.signal
    return new Promise(() => undefined)
  })
  return { contexts }
}

const failed = async (call: Promise<unknown>): Promise<TerrariumError> => {
  const error: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isTerrariumError(error)) throw new Error('the call did not fail')
  return error
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  describe.each([
    ['a sync tool', 'call', 'caught'],
    ['an async tool', 'acall', 'acaught'],
  ])('%s', (_, call, caught) => {
    test('gets the value of a function: keyword arguments as an object, positional ones as an array', async () => {
      const { pool } = await stand(transport)
      pool.expose('price', ({ sku }: { sku: string }) => ({ sku, price: sku.length }))
      pool.expose('add', async ([a, b]: [number, number]) => Promise.resolve(a + b))
      pool.expose('nothing', () => undefined)
      pool.expose('given', (args) => args as unknown)
      expect(await pool.call(call, { name: 'price', named: { sku: 'abc' } })).toEqual({ sku: 'abc', price: 3 })
      expect(await pool.call(call, { name: 'add', args: [1, 2] })).toBe(3)
      expect(await pool.call(call, { name: 'nothing' })).toBe(null)
      expect(await pool.call(call, { name: 'given' })).toEqual({})
      await pool.stop()
    })

    test('sees what a function throws: type, message, stack, code and details', async () => {
      const { pool } = await stand(transport)
      pool.expose('range', () => {
        throw new RangeError('no such price')
      })
      pool.expose('coded', () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT', place: 'x' })))
      pool.expose('text', () => {
        const text: unknown = 'just text'
        throw text // as code that is no TypeScript may do
      })
      expect(await pool.call(caught, { name: 'range' })).toMatchObject({
        code: 'HOST_ERROR',
        type: 'RangeError',
        message: 'no such price',
        stack: 'RangeError: no such price',
        text: 'RangeError: no such price',
      })
      expect(await pool.call(caught, { name: 'coded' })).toMatchObject({ code: 'ENOENT', details: { place: 'x' } })
      expect(await pool.call(caught, { name: 'text' })).toMatchObject({ code: 'HOST_ERROR', message: 'just text' })
      await pool.stop()
    })

    test('fails with the error that the function threw as the cause', async () => {
      const { pool } = await stand(transport)
      const thrown = new RangeError('no such price')
      pool.expose('range', () => {
        throw thrown
      })
      const error = await failed(pool.call(call, { name: 'range' }))
      expect(error).toMatchObject({ code: 'PYTHON_ERROR', details: { type: 'terrarium.HostError' } })
      expect(error.cause).toBe(thrown)
      const wrapped = await failed(pool.call('raised_from', { name: 'range' }))
      expect(wrapped).toMatchObject({ code: 'PYTHON_ERROR', details: { type: 'LookupError' } })
      expect(wrapped.cause).toBe(thrown)
      await pool.stop()
    })

    test('reaches only what is exposed', async () => {
      const { pool } = await stand(transport)
      pool.expose('price', () => 1)
      for (const name of ['__proto__', 'toString', 'constructor', 'prices', '']) {
        expect(await pool.call(caught, { name })).toMatchObject({
          code: 'NOT_EXPOSED',
          message: `no function is exposed as ${name}: there is price`,
          hint: 'Expose the function by pool.expose(name, fn) before a tool calls it.',
        })
      }
      await pool.stop()
    })

    test('is told that the value cannot be sent', async () => {
      const { pool } = await stand(transport)
      pool.expose('unsendable', () => ({ rows: [Symbol('x')] }))
      expect(await pool.call(caught, { name: 'unsendable' })).toMatchObject({
        code: 'RESULT_NOT_SENDABLE',
        details: { place: 'rows[0]' },
      })
      await pool.stop()
    })

    test('has arguments and values of 2 MiB, and of arrays', async () => {
      const { pool } = await stand(transport)
      pool.expose('same', ({ data }: { data: unknown }) => data)
      for (const data of [Buffer.alloc(2 ** 21, 7), 'x'.repeat(2 ** 21), Buffer.alloc(70_000, 1)]) {
        const value = await pool.call(call, { name: 'same', named: { data } })
        expect(Buffer.from(value as string).equals(Buffer.from(data))).toBe(true)
      }
      await pool.stop()
    })
  })

  test('threads of tools call functions: with the context of the call, and of asyncio', async () => {
    const { pool } = await stand(transport)
    pool.expose('price', ({ sku }: { sku: string }) => sku.length)
    pool.expose('double', async ({ n }: { n: number }) => Promise.resolve(2 * n))
    expect(await pool.call('in_thread', { name: 'price', named: { sku: 'ab' } })).toEqual([2])
    expect(await pool.call('in_threads', { name: 'double', count: 8 })).toEqual([0, 2, 4, 6, 8, 10, 12, 14])
    expect(await pool.call('gathered', { name: 'double', count: 8 })).toEqual([0, 2, 4, 6, 8, 10, 12, 14])
    expect(await pool.call('without_context', { name: 'price' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'no call runs here, so there is no host to call',
    })
    await pool.stop()
  })

  test('generators and batches call functions', async () => {
    const { pool } = await stand(transport)
    pool.expose('double', ({ n }: { n: number | number[] }) => (Array.isArray(n) ? n.map((each) => 2 * each) : 2 * n))
    for (const tool of ['counted', 'acounted']) {
      const got: number[] = []
      for await (const item of pool.stream<number>(tool, { name: 'double', n: 5 })) got.push(item)
      expect(got).toEqual([0, 2, 4, 6, 8])
    }
    expect(await Promise.all([1, 2, 3].map((n) => pool.call('batched', { n })))).toEqual([2, 4, 6])
    await pool.stop()
  })

  test('a call that would block the event loop, or mixes arguments, or cannot be sent, is refused in Python', async () => {
    const { pool } = await stand(transport)
    pool.expose('price', () => 1)
    expect(await pool.call('blocking', { name: 'price' })).toBe(
      'host.call would block the event loop: use host.acall in async code',
    )
    expect(await pool.call('both', { name: 'price' })).toMatch('positional or keyword arguments, not both')
    expect(await pool.call('unsendable', { name: 'price' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { place: 'rows[0].price' },
    })
    await pool.stop()
  })

  test('a schema refuses arguments with their place, and may change them', async () => {
    const { pool } = await stand(transport)
    let ran = 0
    const standard = {
      version: 1 as const,
      vendor: 'test',
      validate: (args: unknown) => {
        const { rows } = args as { rows?: unknown[] }
        if (!Array.isArray(rows))
          return { issues: [{ message: 'must be an array', path: ['rows', { key: 3 }, 'price'] }] }
        return Promise.resolve({ value: { rows: rows.length } })
      },
    }
    const run = ({ rows }: { rows: number }): number => {
      ran += 1
      return rows
    }
    pool.expose('standard', run, { schema: { '~standard': standard } })
    const schema = (args: unknown): unknown => {
      if (!('sku' in (args as object))) throw new TypeError('sku is missing')
      return { rows: 7 }
    }
    pool.expose('function', run, { schema })
    expect(await pool.call('caught', { name: 'standard' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'the arguments of standard: rows[3].price: must be an array',
      details: { place: 'rows[3].price' },
    })
    expect(await pool.call('caught', { name: 'function' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'the arguments of function: sku is missing',
    })
    expect(ran).toBe(0)
    expect(await pool.call('call', { name: 'standard', named: { rows: [1, 2] } })).toBe(2)
    expect(await pool.call('call', { name: 'function', named: { sku: 'a' } })).toBe(7)
    await pool.stop()
  })

  test('a slow function blocks no other call', async () => {
    const { pool } = await stand(transport, { size: 2 })
    const { contexts } = holding(pool)
    const aborter = new AbortController()
    const waiting = failed(pool.call('call', { name: 'hold' }, { signal: aborter.signal }))
    await eventually('the function runs', () => contexts.length === 1)
    expect(await Promise.all(['a', 'b', 'c'].map((value) => pool.call('leaf', { value })))).toEqual(['a', 'b', 'c'])
    expect(contexts[0]).toMatchObject({ call: { tool: 'call', attempt: 1 }, worker: 'worker-1' })
    aborter.abort()
    expect(await waiting).toMatchObject({ code: 'CANCELLED' })
    await pool.stop()
  })

  describe.each([
    ['sync', 'after', 'HostError CANCELLED'],
    ['async', 'aafter', 'CancelledError'],
  ])('the host call of a %s tool', (_, tool, ended) => {
    test('ends when its call is cancelled: the signal is aborted, the tool goes on, its worker stays', async () => {
      const { pool, path } = await stand(transport)
      const { contexts } = holding(pool)
      const aborter = new AbortController()
      const call = failed(pool.call(tool, { name: 'hold', path: path('ended') }, { signal: aborter.signal }))
      await eventually('the function runs', () => contexts.length === 1)
      const signal = contexts[0]?.signal
      expect(signal?.aborted).toBe(false)
      aborter.abort(new Error('enough'))
      expect(await call).toMatchObject({ code: 'CANCELLED' })
      expect(signal?.aborted).toBe(true)
      expect(signal?.reason).toMatchObject({
        code: 'CANCELLED',
        message: `the call of ${tool} was stopped: it was cancelled`,
      })
      await eventually('the tool has ended', () => existsSync(path('ended')))
      expect(readFileSync(path('ended'), 'utf8')).toBe(ended)
      expect(await pool.call('leaf')).toBe('leaf')
      expect(pool.stats).toMatchObject({ crashes: 0, inFlight: 0 })
      await pool.stop()
    })

    test('has the deadline of its call, and ends with it', async () => {
      const { pool, clock, path } = await stand(transport)
      const { contexts } = holding(pool)
      const call = failed(pool.call(tool, { name: 'hold', path: path('late') }, { timeout: 60_000 }))
      await eventually('the function runs', () => contexts.length === 1)
      expect(contexts[0]?.deadline()).toBe(60_000)
      await clock.advance(20_000)
      expect(contexts[0]?.deadline()).toBe(40_000)
      await clock.advance(40_000)
      expect(await call).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        details: { queueTime: 0, runTime: 0, hostTime: 60_000 },
      })
      expect(contexts[0]?.signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
      await eventually('the tool has ended', () => existsSync(path('late')))
      expect(await pool.call('leaf')).toBe('leaf')
      expect(pool.stats.crashes).toBe(0)
      await pool.stop()
    })
  })

  test.each(['caught', 'acaught'])(
    'a host call of %s has a time of its own, which may be less than its call has',
    async (tool) => {
      const { pool, clock } = await stand(transport)
      const { contexts } = holding(pool)
      const call = pool.call(tool, { name: 'hold', timeout: 2.5 }, { timeout: 60_000 })
      await eventually('the function runs', () => contexts.length === 1)
      expect(contexts[0]?.deadline()).toBe(2_500)
      await clock.advance(2_500)
      expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'hold took longer than 2500 ms' })
      expect(contexts[0]?.signal.aborted).toBe(true)
      await pool.stop()
    },
  )

  test('time spent waiting for the host is told apart from time spent running', async () => {
    const { pool, clock } = await stand(transport)
    pool.expose('slow', async () => {
      await clock.advance(300)
      throw new Error('slow and wrong')
    })
    expect((await failed(pool.call('call', { name: 'slow' }))).details).toMatchObject({ runTime: 0, hostTime: 300 })
    expect((await failed(pool.call('caught', { nam: 'slow' }))).details).not.toHaveProperty('hostTime')
    await pool.stop()
  })

  test('host calls that are open when their call ends, and later ones, are cancelled', async () => {
    const { pool, path } = await stand(transport)
    const { contexts } = holding(pool)
    expect(await pool.call('left_behind', { name: 'hold', path: path('codes') })).toBe('ended')
    await eventually('the thread has ended', () => existsSync(path('codes')))
    expect(readFileSync(path('codes'), 'utf8')).toBe('CANCELLED CANCELLED')
    expect(contexts).toHaveLength(1)
    expect(contexts[0]?.signal.reason).toMatchObject({
      code: 'CANCELLED',
      message: expect.stringMatching(/left_behind has ended/),
    })
    expect(pool.stats.crashes).toBe(0)
    await pool.stop()
  })

  test('the death of a worker aborts its host calls', async () => {
    const { pool } = await stand(transport)
    const { contexts } = holding(pool)
    expect(await failed(pool.call('die_waiting', { name: 'hold' }))).toMatchObject({ code: 'WORKER_CRASHED' })
    expect(contexts[0]?.signal.reason).toMatchObject({ code: 'WORKER_CRASHED' })
    await pool.stop()
  })

  test('a pool that stops lets host calls finish within drainTimeout, and aborts the others', async () => {
    const { pool, clock } = await stand(transport, { size: 2, drainTimeout: 1_000 })
    const { contexts } = holding(pool)
    const answers: ((value: string) => void)[] = []
    pool.expose('later', () => new Promise<string>((resolve) => answers.push(resolve)))
    const held = failed(pool.call('call', { name: 'hold' }))
    const later = pool.call('call', { name: 'later' })
    await eventually('the functions run', () => contexts.length === 1 && answers.length === 1)
    const stopped = pool.stop()
    answers[0]?.('in time')
    expect(await later).toBe('in time')
    expect(contexts[0]?.signal.aborted).toBe(false)
    await clock.advance(1_000)
    expect(await held).toMatchObject({ code: 'STOPPED' })
    expect(contexts[0]?.signal.aborted).toBe(true)
    expect(await stopped).toEqual({ processesLeft: 0 })
  })

  test('at most 1,024 host calls of a worker are open', async () => {
    const { pool } = await stand(transport)
    let open = 0
    const all: ((value: string) => void)[] = []
    pool.expose('gate', () => {
      open += 1
      return new Promise<string>((resolve) => all.push(resolve))
    })
    const call = pool.call('flood', { name: 'gate', count: 1_030 })
    await eventually('as many as may be are open', () => open === 1_024)
    for (const resolve of all) resolve('value')
    expect(await call).toEqual(['POOL_SATURATED', 'value'])
    await pool.stop()
  })

  describe.each([
    ['a sync tool', 'items', 'some'],
    ['an async tool', 'aitems', 'asome'],
  ])('%s', (_, items, some) => {
    test('gets the items of generators, arrays and streams in order', async () => {
      const { pool } = await stand(transport)
      pool.expose('sync', function* ({ n }: { n: number }) {
        for (let i = 0; i < n; i += 1) yield i
      })
      pool.expose('async', async function* ({ n }: { n: number }) {
        for (let i = 0; i < n; i += 1) {
          await Promise.resolve()
          yield i
        }
      })
      pool.expose('array', () => [1, 2])
      for (const name of ['sync', 'async']) {
        expect(await pool.call(items, { name, named: { n: 5 } })).toEqual([0, 1, 2, 3, 4])
        expect(await pool.call(items, { name, named: { n: 0 } })).toEqual([])
      }
      expect(await pool.call(items, { name: 'array' })).toEqual([1, 2])
      await pool.stop()
    })

    test('closes the generator when it wants no more items', async () => {
      const { pool } = await stand(transport)
      let made = 0
      const closed: string[] = []
      pool.expose('endless', async function* (_args, { signal }) {
        await Promise.resolve()
        try {
          for (;;) {
            made += 1
            yield 'x'.repeat(10_000)
          }
        } finally {
          closed.push(String((signal.reason as Error | undefined)?.message))
        }
      })
      expect(await pool.call(some, { name: 'endless', count: 3 })).toHaveLength(3)
      await eventually('it is closed', () => closed.length === 1)
      expect(closed).toEqual(['the tool does not wait for endless any more'])
      expect(made).toBeLessThan(40)
      await pool.stop()
    })

    test('gets items of 2 MiB, and in order with short ones', async () => {
      const { pool } = await stand(transport)
      const all = [1, 2 ** 21, 2, 2 ** 20, 3].map((size) => 'x'.repeat(size))
      pool.expose('mixed', () => all)
      const got = await pool.call<string[]>(items, { name: 'mixed' })
      expect(got.map(({ length }) => length)).toEqual(all.map(({ length }) => length))
      await pool.stop()
    })
  })

  test('an error comes after the items before it', async () => {
    const { pool } = await stand(transport)
    pool.expose('breaks', function* () {
      yield 1
      yield 2
      throw new RangeError('no more')
    })
    expect(await pool.call('until', { name: 'breaks' })).toMatchObject({ items: [1, 2], type: 'RangeError' })
    await pool.stop()
  })

  test('a generator is not called for one value, and a function is not streamed', async () => {
    const { pool } = await stand(transport)
    pool.expose('one', () => 1)
    pool.expose('many', function* () {
      yield 1
    })
    expect(await pool.call('until', { name: 'one' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'one has one value, and no items',
    })
    expect(await pool.call('caught', { name: 'many' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'many is a generator: it has items, not one value',
      hint: 'Call it by host.stream or host.astream.',
    })
    await pool.stop()
  })

  test('a slow reader slows the generator down: the window and one item are on the way', async () => {
    const { pool, path } = await stand(transport)
    let made = 0
    pool.expose('many', function* () {
      for (; made < 1_000; made += 1) yield 'x'.repeat(10_000)
    })
    const call = pool.call('slow_reader', { name: 'many', gate: path('gate') })
    const most = Math.ceil(262_144 / 10_019)
    await eventually('the credit is used up', () => made >= most - 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(made).toBeLessThanOrEqual(most)
    writeFileSync(path('gate'), '')
    expect(await call).toBe(1_000)
    await pool.stop()
  })
})

test('expose() says every mistake at once, and refuses a name that is exposed already', () => {
  const pool = createPool({ ...habitat().common, name: 'p', tools: TOOLS })
  const wrong = (): void => {
    pool.expose('', 1 as never, { schema: 2, scheme: 3 } as never)
  }
  expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(wrong).toThrow(/name/)
  expect(wrong).toThrow(/schema must be a Standard Schema/)
  pool.expose('price', () => 1)
  expect(() => {
    pool.expose('price', () => 2)
  }).toThrow('price is exposed already')
})
