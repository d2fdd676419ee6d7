// How long calls took within the last minute, and the deadlines of calls in flight, as a reader is told.
import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/pool/testing'
import { RecentTimes } from '../src/sources/recent-times.ts'
import { habitat, MemoryReader, observing } from './support.ts'

const counts = (of: Readonly<Record<string, readonly number[]>>): ReadonlyMap<string, Uint32Array> =>
  new Map(Object.entries(of).map(([tool, buckets]) => [tool, Uint32Array.from([...buckets, 0, 0])]))

test('only what came since the first look, and within the last minute, is told', () => {
  const times = new RecentTimes()
  expect(times.of(counts({ one: [5, 7] }), 0)).toEqual([])
  expect(times.of(counts({ one: [6, 7], two: [0, 3] }), 5_000)).toEqual([
    ['two', [0, 3]],
    ['one', [1]],
  ])
  for (let now = 10_000; now <= 60_000; now += 10_000) times.of(counts({ one: [6, 7], two: [0, 3] }), now)
  expect(times.of(counts({ one: [6, 7], two: [0, 3] }), 70_001)).toEqual([])
  times.forget()
  expect(times.of(counts({ one: [9, 9] }), 70_002)).toEqual([])
})

test('of more than 8 tools the ones with the most calls are told', () => {
  const times = new RecentTimes()
  times.of(counts({}), 0)
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`tool-${n}`, [n + 1]]))
  expect(times.of(counts(many), 1).map(([tool]) => tool)).toEqual([11, 10, 9, 8, 7, 6, 5, 4].map((n) => `tool-${n}`))
})

test('a reader that watches a pool is told its times, and of each worker the next deadline', async () => {
  const clock = new VirtualClock()
  const open: (() => void)[] = []
  const tools = {
    quick: ({ ms }: { ms: number }, { sleep }: { sleep: (ms: number) => Promise<unknown> }) => sleep(ms),
    // Async, so that two of them run beside each other.
    hold: async () => {
      await new Promise<void>((resolve) => open.push(resolve))
    },
  }
  const pool = habitat().testPool({ name: 'text', size: 1, concurrency: 2, clock, tools: tools as never })
  const observer = await observing(pool, { clock })
  const started = pool.start()
  await clock.advance(1)
  await started
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  connection.receive(JSON.stringify({ t: 'watch', ids: ['text', 'text/worker-1'] }))
  const last = (id: string) => reader.of('detail').findLast((each) => each.id === id)
  expect(last('text')).toMatchObject({ times: [], deadlines: { calls: 0, passed: 0 } })
  const quick = pool.call('quick', { ms: 3 })
  await clock.advance(10)
  await quick
  const held = pool.call('hold', {}, { timeout: 5_000 })
  const free = pool.call('hold')
  await clock.advance(200)
  const now = (): number => clock.time()
  // 3 ms is below 2 ** 6 / 16 ms, and not below 2 ** 5 / 16 ms.
  expect(last('text')).toMatchObject({ times: [['quick', [0, 0, 0, 0, 0, 0, 1]]], deadlines: { calls: 1, passed: 0 } })
  expect(last('text/worker-1')).toMatchObject({ deadlines: { calls: 1, passed: 0 } })
  expect(last('text/worker-1')).not.toHaveProperty('times')
  const { next = 0 } = last('text/worker-1')?.deadlines ?? {}
  expect(next - now()).toBeGreaterThan(4_500)
  expect(next - now()).toBeLessThanOrEqual(5_000)
  for (const end of open.splice(0)) end()
  await Promise.all([held, free])
  await clock.advance(200)
  expect(last('text')).toMatchObject({ deadlines: { calls: 0, passed: 0 } })
  connection.receive(JSON.stringify({ t: 'watch', ids: [] }))
  connection.receive(JSON.stringify({ t: 'watch', ids: ['text'] }))
  expect(last('text')).toMatchObject({ times: [] })
})
