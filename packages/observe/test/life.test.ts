// Processes as statecharts: their states, the transitions that are kept, and that nothing is kept while no reader
// watches.
import { expect, test } from '@jest/globals'
import type { PoolSnapshot } from '@terrarium/pool'
import { VirtualClock, type TestPool } from '@terrarium/pool/testing'
import { lifeMachine } from '@terrarium/process'
import { createSupervisor, type SupervisorSnapshot } from '@terrarium/supervisor'
import { fromCallback, type AnyActorRef } from 'xstate'
import { PROCESS_CHART } from '../src/sources/life-chart.ts'
import { habitat, MemoryReader, observing } from './support.ts'

async function stage(options: { readonly record?: boolean } = {}) {
  const clock = new VirtualClock()
  const home = habitat()
  const pool: TestPool = home.testPool({ name: 'text', size: 2, clock, tools: { one: () => 1 } })
  const observer = await observing(pool, { clock, ...options })
  const start = async (): Promise<void> => {
    const started = pool.start()
    await clock.advance(1)
    await started
  }
  return { clock, home, pool, observer, start }
}

const WATCH = '{"t":"watch","ids":["text/worker-1"]}'

/** The actor of a worker. */
function actorOf(pool: TestPool, worker: string): AnyActorRef | undefined {
  const { children } = pool.actor.getSnapshot() as PoolSnapshot
  return (children.workers?.getSnapshot() as SupervisorSnapshot).child(worker)?.ref
}

/** How many look at an actor: XState's own list, which is private. */
const observersOf = (ref: AnyActorRef | undefined): number =>
  (ref as unknown as { readonly observers: ReadonlySet<unknown> }).observers.size

const lives = (reader: MemoryReader): string[] =>
  reader.of('detail').flatMap(({ transitions }) => transitions.map(([, from, to, event]) => `${from} ${event} ${to}`))

test('the chart has the states of the life machine, but for the last', () => {
  const logic = lifeMachine('worker', () => undefined as never, {})
  const own = Object.keys(logic.states).filter((state) => state !== 'terminated')
  const states = PROCESS_CHART.states?.map(({ key }) => key) ?? []
  expect(states.slice(0, own.length)).toEqual(own)
  expect(states.slice(own.length)).toEqual(['backing_off', 'parked', 'down'])
  const ids = PROCESS_CHART.states?.map(({ id }) => id)
  for (const { on = [] } of PROCESS_CHART.states ?? []) {
    for (const { targets } of on) for (const target of targets) expect(ids).toContain(target)
  }
})

test('a watched worker tells each transition with its time, and what led to it', async () => {
  const { clock, home, pool, observer, start } = await stage()
  await start()
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  expect(reader.last('snap').machines).toEqual({ process: PROCESS_CHART })
  expect(reader.last('snap').actors[1]).toMatchObject({ machine: 'process', life: 'active', value: 'ready' })
  connection.receive(WATCH)
  await clock.advance(200)
  home.expect(/worker-1 died/)
  pool.faults.failStarts('worker-1', { times: 1 })
  pool.faults.crash('worker-1')
  await clock.advance(60_000)
  expect(lives(reader)).toEqual([
    'active failure, stop terminating',
    'terminating restart reserved',
    'reserved on disk spawning',
    'spawning spawned awaitingReady',
    'awaitingReady failure, stop terminating',
    'terminating delay backing_off',
    'backing_off delay is over reserved',
    'reserved on disk spawning',
    'spawning spawned awaitingReady',
    'awaitingReady ready active',
  ])
  const times = reader.of('detail').flatMap(({ transitions }) => transitions.map(([at]) => at))
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(reader.last('detail')).toMatchObject({ id: 'text/worker-1', left: 0 })
})

test('only what is watched is subscribed to, and only while it is', async () => {
  const { observer, pool, start } = await stage()
  await start()
  const before = observersOf(actorOf(pool, 'worker-1'))
  const connection = observer.connect(new MemoryReader())
  expect(observersOf(actorOf(pool, 'worker-1'))).toBe(before)
  connection.receive(WATCH)
  expect(observersOf(actorOf(pool, 'worker-1'))).toBe(before + 1)
  expect(observersOf(actorOf(pool, 'worker-2'))).toBe(before)
  connection.receive('{"t":"watch","ids":["text/worker-2"]}')
  expect(observersOf(actorOf(pool, 'worker-1'))).toBe(before)
  connection.closed()
  expect(observersOf(actorOf(pool, 'worker-2'))).toBe(before)
})

test('with record: true the start is known to a reader that comes later', async () => {
  const { observer, start } = await stage({ record: true })
  await start()
  const reader = new MemoryReader()
  observer.connect(reader).receive(WATCH)
  expect(lives(reader)).toEqual([
    'down start reserved',
    'reserved on disk spawning',
    'spawning spawned awaitingReady',
    'awaitingReady ready active',
  ])
})

test('of many transitions the last 100 are kept, and the others are counted', async () => {
  const { clock, home, pool, observer, start } = await stage({ record: true })
  await start()
  home.expect(/worker-1 died/)
  for (let crash = 0; crash < 30; crash += 1) {
    pool.faults.crash('worker-1')
    await clock.advance(600_000)
  }
  const reader = new MemoryReader()
  observer.connect(reader).receive(WATCH)
  const { transitions, left } = reader.last('detail')
  expect(transitions).toHaveLength(100)
  expect(left).toBeGreaterThan(4)
})

test('a supervisor shows its strategy and its restart budget, until the restarts count no more', async () => {
  const clock = new VirtualClock()
  const logic = fromCallback(({ receive }) => {
    receive(() => {
      throw new Error('told to fail')
    })
  })
  const app = createSupervisor({
    id: 'app',
    strategy: 'rest_for_one',
    intensity: 3,
    period: 5_000,
    clock,
    onFault: () => undefined,
    children: [{ id: 'db', logic }],
  })
  const observer = await observing(app, { clock })
  await app.start()
  const reader = new MemoryReader()
  observer.connect(reader)
  const shown = (): unknown => {
    const other = new MemoryReader()
    observer.connect(other).closed()
    const { strategy, budget } = other.last('snap').actors[0] ?? {}
    return { strategy, ...budget }
  }
  expect(shown()).toEqual({ strategy: 'rest_for_one', used: 0, intensity: 3, period: 5_000 })
  app.child('db')?.send({ type: 'fail' })
  await clock.advance(1_000)
  const frees = (
    reader
      .of('d')
      .flatMap(({ set = [] }) => set)
      .find(([id]) => id === 'app')?.[1]['budget'] as { frees: number }
  ).frees
  expect(shown()).toEqual({ strategy: 'rest_for_one', used: 1, intensity: 3, period: 5_000, frees })
  const told = reader.of('d').length
  await clock.advance(2_000)
  expect(reader.of('d').length).toBe(told)
  await clock.advance(frees - clock.time() + 200)
  expect(shown()).toEqual({ strategy: 'rest_for_one', used: 0, intensity: 3, period: 5_000 })
  await app.stop()
})
