// A pool under an observer: events with causes, the picture, what is kept, and what is not while no reader looks.
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { VirtualClock, type TestPool, type ToolContext } from '@terrarium/pool/testing'
import type { EventView } from '@terrarium/observe/client'
import { habitat, MemoryReader, observing } from './support.ts'

async function stage(options: { size?: number } = {}) {
  const clock = new VirtualClock()
  const pool: TestPool = habitat().testPool({
    name: 'text',
    clock,
    tools: { echo: ({ n }: { n: number }) => n },
    ...options,
  })
  const observer = await observing(pool, { clock })
  const started = pool.start()
  await clock.advance(1)
  await started
  return { clock, pool, observer }
}

test('a crash is the cause of all that follows until the worker is ready again', async () => {
  const { clock, pool, observer } = await stage()
  pool.faults.crash('worker-1', { signal: 'SIGKILL' })
  await clock.advance(60_000)
  const events = observer.events.map(({ type, because, incident }) => ({
    type,
    ...(incident === undefined ? {} : { incident }),
    ...(because === undefined ? {} : { because }),
  }))
  const incident = 'text/worker-1#1'
  expect(events).toEqual([
    { type: 'worker.start' },
    { type: 'worker.ready' },
    { type: 'worker.exit', incident },
    { type: 'worker.start', incident, because: 3 },
    { type: 'worker.ready', incident, because: 3 },
  ])
  expect(observer.events[2]).toMatchObject({
    actor: 'text/worker-1',
    text: expect.stringMatching(/^exited: WORKER_CRASHED: /),
    facts: { reason: { type: 'error', code: 'WORKER_CRASHED' } },
  })
  pool.faults.crash('worker-1')
  await clock.advance(60_000)
  expect(observer.events[5]).toMatchObject({ type: 'worker.exit', incident: 'text/worker-1#2' })
  expect(observer.events[5]?.because).toBeUndefined()
  await pool.stop()
})

test('the picture has the pool, its workers, why one is down, and what was said of it', async () => {
  const { clock, pool, observer } = await stage({ size: 2 })
  await pool.call('echo', { n: 1 })
  const error = new TerrariumError('CONFIGURATION', 'No module named cv2', { hint: 'Install cv2.' })
  pool.faults.failStarts('worker-2', { error, times: 100 })
  pool.faults.crash('worker-2')
  await clock.advance(5_000)
  const reader = new MemoryReader()
  observer.connect(reader)
  const { actors, verdict, events, g } = reader.last('snap')
  expect(actors).toMatchObject([
    { id: 'text', kind: 'pool', value: 'running', ready: 1, size: 2, calls: 1, failed: 0 },
    { id: 'text/worker-1', parent: 'text', kind: 'worker', value: 'ready', incarnation: 1 },
    {
      id: 'text/worker-2',
      value: 'parked',
      incarnation: 2,
      error: expect.stringMatching(/^CONFIGURATION: .*No module named cv2$/),
      diagnosis: { code: 'CONFIGURATION', text: 'Install cv2.' },
      restarts: { crashes: 2, wanted: 0 },
    },
  ])
  expect(verdict).toEqual([
    {
      level: 'bad',
      text: expect.stringMatching(/^text\/worker-2 is parked: .*No module named cv2$/),
      actor: 'text/worker-2',
    },
  ])
  expect(g).toEqual({ size: 2, ready: 1, accepted: 1, failed: 0, inFlight: 0, queued: 0, crashes: 2 })
  expect(events.map(([n]: EventView) => n)).toEqual(observer.events.map(({ n }) => n))
  await pool.stop()
})

test('a pool that was started before is shown as it is', async () => {
  const { clock, pool } = await stage()
  const late = await observing(pool, { clock })
  const reader = new MemoryReader()
  late.connect(reader)
  expect(reader.last('snap').actors).toMatchObject([
    { id: 'text', ready: 1 },
    { id: 'text/worker-1', value: 'ready', incarnation: 1 },
  ])
  await pool.stop()
})

test('while no reader looks there is no timer, and a call leaves nothing behind', async () => {
  const { clock, pool, observer } = await stage()
  const timers = clock.pending
  const events = observer.events.length
  for (let n = 0; n < 100; n += 1) await pool.call('echo', { n })
  expect({ timers: clock.pending, events: observer.events.length }).toEqual({ timers, events })
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  expect(clock.pending).toBe(timers + 1)
  connection.closed()
  await clock.advance(100)
  expect(clock.pending).toBe(timers)
  await pool.stop()
})

test('record keeps the series while no reader looks', async () => {
  const { clock, pool } = await stage()
  const observer = await observing(pool, { clock, record: true })
  await clock.advance(5_000)
  const reader = new MemoryReader()
  observer.connect(reader)
  expect(reader.last('snap').series.length).toBe(6)
  await pool.stop()
})

test('an observer that has stopped hears nothing more', async () => {
  const { clock, pool, observer } = await stage()
  await observer.stop()
  const { length } = observer.events
  pool.faults.crash('worker-1')
  await clock.advance(60_000)
  expect(observer.events.length).toBe(length)
  await pool.stop()
})

test('a call that waits for the host is counted while it waits, and a session while it is open', async () => {
  const clock = new VirtualClock()
  const tools = { ask: async (_: object, { host }: ToolContext) => host.call('price') }
  const pool = habitat().testPool({ name: 'text', size: 1, clock, tools })
  const observer = await observing(pool, { clock })
  let answer: (price: number) => void = () => undefined
  pool.expose('price', () => new Promise<number>((resolve) => (answer = resolve)))
  const started = pool.start()
  await clock.advance(1)
  await started
  const shown = () => {
    const reader = new MemoryReader()
    observer.connect(reader)
    return reader.last('snap').actors.map(({ onHost, sessions }) => [onHost, sessions])
  }
  const nothing = [undefined, undefined]
  expect(shown()).toEqual([nothing, nothing])
  const session = pool.session()
  const asked = session.call('ask')
  await clock.advance(1)
  expect(shown()).toEqual([
    [1, 1],
    [1, undefined],
  ])
  answer(7)
  await clock.advance(1)
  expect(await asked).toBe(7)
  expect(shown()).toEqual([[undefined, 1], nothing])
  const closed = session.close()
  await clock.advance(1)
  await closed
  expect(shown()).toEqual([nothing, nothing])
  await pool.stop()
})
