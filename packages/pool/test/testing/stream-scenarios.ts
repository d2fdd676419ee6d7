// What may happen to streams, and to arguments that are streams. See `stage.ts`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { StreamOptions } from '@terrarium/pool'
import { eventually } from '../../../../test/support/waiting.ts'
import { call, isBack, outcomeOf, started, type Scenario, type Stage } from './stage.ts'

interface Read {
  readonly items: unknown[]
  readonly end: unknown
}

/** What a stream gives, and how it ends. */
async function read(stream: AsyncIterable<unknown>, most = Infinity, items: unknown[] = []): Promise<Read> {
  const end = await outcomeOf(
    (async () => {
      for await (const item of stream) if (items.push(item) === most) return 'left'
      return 'end'
    })(),
  )
  return { items, end }
}

const streamed = (
  { pool }: Stage,
  tool: string,
  args: Record<string, unknown>,
  options?: StreamOptions,
): Promise<Read> => read(pool.stream(tool, args, options))

const text = (path: string): string => readFileSync(path, 'utf8')

/** Gives so many items, and then nothing until it is closed. */
function source(items: readonly unknown[], state: { closed: number; read: number }): AsyncIterableIterator<unknown> {
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      const value = items[state.read]
      if (value === undefined) return new Promise(() => undefined)
      state.read += 1
      return Promise.resolve({ done: false, value })
    },
    return() {
      state.closed += 1
      return Promise.resolve({ done: true, value: undefined })
    },
  }
}

async function* failing(): AsyncGenerator {
  yield* [1, 2]
  await new Promise(setImmediate)
  throw new RangeError('too far')
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield await Promise.resolve(n)
}

export const STREAM_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'items in order, then the end, once': {
    run: async (stage) => {
      await started(stage)
      const stream = stage.pool.stream('count', { n: 3 })
      const all = await read(stream)
      return [all, await stream.next(), await streamed(stage, 'count_async', { n: 0 })]
    },
  },
  'an exception behind the items before it': {
    run: async (stage) => streamed(await started(stage), 'fail_after', { n: 2 }),
  },
  'an item that cannot be sent': {
    without: ['message', 'hint'],
    run: async (stage) => {
      const { items, end } = await streamed(await started(stage), 'unsendable_after', { n: 2 })
      return { items, code: (end as { code: string }).code }
    },
  },
  'a reader that leaves': {
    run: async (stage) => {
      await started(stage)
      const [one, other] = [stage.path('one'), stage.path('other')]
      const left = await read(stage.pool.stream('count', { n: 1e9, path: one }), 2)
      const leftAsync = await read(stage.pool.stream('count_async', { n: 1e9, path: other }), 2)
      return [left, text(one), leftAsync, text(other), stage.pool.stats.inFlight]
    },
  },
  'a signal that is aborted': {
    run: async (stage) => {
      await started(stage)
      const [begun, gate] = [stage.path('begun'), stage.path('never')]
      const aborter = new AbortController()
      const stream = stage.pool.stream('one_and_wait', { begun, gate }, { signal: aborter.signal })
      const first = await stream.next()
      await eventually('it waits', () => existsSync(begun))
      aborter.abort()
      const end = await outcomeOf(stream.next())
      await isBack(stage)
      return [first, end, await stream.next()]
    },
  },
  'no item within `idle`, and none within `timeout`': {
    run: async (stage) => {
      await started(stage)
      const ends: unknown[] = []
      for (const [name, options] of [
        ['idle', { idle: 1_000 }],
        ['timeout', { timeout: 1_000 }],
      ] as const) {
        const begun = stage.path(`${name} begun`)
        const items: unknown[] = []
        const stream = stage.pool.stream('one_and_wait', { begun, gate: stage.path('never') }, options)
        const reads = read(stream, Infinity, items)
        await eventually('it waits, and its item has arrived', () => existsSync(begun) && items.length === 1)
        await stage.clock.advance(1_000)
        ends.push(await reads)
        await isBack(stage)
      }
      return ends
    },
  },
  'a worker that dies in the middle': {
    run: async (stage) => {
      await started(stage)
      const gate = stage.path('gate')
      const stream = stage.pool.stream('die_after', { n: 2, gate })
      const first = [await stream.next(), await stream.next()]
      writeFileSync(gate, '')
      const end = await outcomeOf(stream.next())
      await isBack(stage)
      return [first, end]
    },
  },
  'the other verb': {
    run: async (stage) => {
      await started(stage)
      return [await call(stage, 'count', { n: 1 }), await streamed(stage, 'add', { a: 1 })]
    },
  },
  'a reader that stands still: the generator does too, within the window': {
    run: async (stage) => {
      await started(stage)
      const path = stage.path('made')
      const cost = 1_000 + 3 + 16
      const most = Math.ceil(262_144 / cost)
      const stream = stage.pool.stream('count_async', { n: 3_000, path, size: 1_000 })
      await stream.next()
      // The credit of the item that was read is given back when half of the window was.
      await eventually('it stands still', () => text(path).length === most)
      const rest = await read(stream)
      return [rest.items.length, rest.end, text(path)]
    },
  },
  'streams that wait for each other': {
    run: async (stage) => {
      await started(stage)
      const first = stage.pool.stream('count', { n: 1e9 })
      await first.next()
      const second = streamed(stage, 'count', { n: 2 })
      const { queued, inFlight } = stage.pool.stats
      await first.return()
      return [queued, inFlight, await second]
    },
  },
  'a stop while a stream is read': {
    run: async (stage) => {
      await started(stage)
      const stream = stage.pool.stream('count', { n: 5 })
      const first = await stream.next()
      const stopped = stage.pool.stop()
      const rest = await read(stream)
      await stopped
      return [first, rest]
    },
  },
  'an argument that is a stream: read to its end, and in part': {
    run: async (stage) => {
      await started(stage)
      const state = { closed: 0, read: 0 }
      const first = await call(stage, 'first', { rows: source([7, 8, 9], state), count: 2 })
      return [await call(stage, 'total', { rows: numbers(20_000) }), first, state.closed]
    },
  },
  'a source that throws: caught by the tool, and let through': {
    run: async (stage) => {
      await started(stage)
      return [await call(stage, 'caught', { rows: failing() }), await call(stage, 'total', { rows: failing() })]
    },
  },
  'an item of a source that cannot be sent': {
    run: async (stage) => call(await started(stage), 'caught', { rows: numbersThen(Symbol('no')) }),
  },
  'a call that is cancelled while it waits for its source': {
    run: async (stage) => {
      await started(stage)
      const state = { closed: 0, read: 0 }
      const path = stage.path('noted')
      const aborter = new AbortController()
      const ends = call(stage, 'noted', { rows: source([1], state), path }, { signal: aborter.signal })
      await eventually('it waits', () => state.read === 1)
      aborter.abort()
      const end = await ends
      await eventually('it knows', () => text(path).split('\n').length === 3)
      return [end, state.closed, text(path), await call(stage, 'add', { a: 1 })]
    },
  },
  'both directions at once': {
    run: async (stage) => {
      const { items, end } = await streamed(await started(stage), 'double', { rows: numbers(30_000) })
      return [items.length, items.at(-1), end]
    },
  },
  'streams where there may be none': {
    run: async (stage) => {
      await started(stage)
      const batched = call(stage, 'batched', { rows: numbers(1) })
      await stage.clock.advance(10) // the batch waits for more
      return [
        await batched,
        await call(stage, 'total', { rows: [numbers(1)] }),
        await call(stage, 'total', { rows: numbers(1) }, { idempotent: true }),
      ]
    },
  },
}

async function* numbersThen(last: unknown): AsyncGenerator {
  yield* numbers(2)
  yield last
}
