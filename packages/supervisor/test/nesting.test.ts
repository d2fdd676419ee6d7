import { expect, test } from '@jest/globals'
import { createActor, createMachine, type AnyActorRef, type InspectionEvent } from 'xstate'
import {
  administrate,
  createSupervisor,
  supervisor,
  type Supervisor,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { bench, child, NO_JITTER, obedient, slow, stubborn, type Bench } from './support.ts'

const BOOM = { type: 'throw', error: new Error('boom') }

/** The children of the supervisor that is the child `id`. */
const inside = (it: Bench, id: string): Supervisor['children'] =>
  (it.ref(id).getSnapshot() as { supervised: Supervisor['children'] }).supervised

const sub = (options: Partial<SupervisorOptions> = {}): ReturnType<typeof supervisor> =>
  supervisor({
    id: 'sub',
    backoff: options.mode === 'otp' ? 'off' : NO_JITTER,
    children: [child('x'), child('y')],
    ...options,
  })

test('a supervisor is ready when its children are', async () => {
  const it = bench({ children: [{ id: 'sub', logic: sub({ children: [slow('x')] }) }, child('z')] })
  const start = it.app.start()
  await it.clock.advance(100)
  expect(it.app.children.map(({ state }) => state)).toEqual(['starting', 'stopped'])
  inside(it, 'sub')[0]?.ref?.send({ type: 'ready' })
  await start
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'running'])
  await it.app.stop()
})

test('a nested supervisor gets the time its children need, and the clock of its root', async () => {
  const it = bench({
    children: [{ id: 'sub', logic: sub({ children: [child('x', { logic: stubborn, shutdown: 60_000 })] }) }],
  })
  await it.app.start()
  let stopped = false
  const stopping = it.app.stop().then(() => {
    stopped = true
  })
  await it.clock.advance(59_999)
  expect(stopped).toBe(false)
  await it.clock.advance(1)
  await stopping
  expect(it.clock.pending).toBe(0)
})

test('giving up is no clean end, so a transient nested supervisor is restarted', async () => {
  const it = bench({ children: [{ id: 'sub', logic: sub({ intensity: 0 }), restart: 'transient' }] })
  await it.app.start()
  await it.clock.advance(10)
  inside(it, 'sub')[0]?.ref?.send(BOOM)
  await it.clock.advance(0)
  expect(it.app.children[0]).toMatchObject({
    state: 'running',
    incarnation: 2,
    failure: { error: { code: 'STOPPED' } },
  })
  await it.app.stop()
})

test('only the specified children come back with a restarted supervisor', async () => {
  const it = bench({ children: [{ id: 'sub', logic: sub({ intensity: 0 }) }] })
  await it.app.start()
  await it.clock.advance(10)
  await administrate(it.ref('sub')).startChild(child('extra'))
  expect(inside(it, 'sub')).toHaveLength(3)
  inside(it, 'sub')[2]?.ref?.send(BOOM)
  await it.clock.advance(0)
  expect(inside(it, 'sub').map(({ id }) => id)).toEqual(['x', 'y'])
  await it.app.stop()
})

test('a hard stop of a supervisor reaches its grandchildren', async () => {
  const it = bench({ children: [{ id: 'sub', logic: sub(), shutdown: 'brutal_kill' }] })
  await it.app.start()
  const refs = inside(it, 'sub').map(({ ref }) => ref)
  await it.app.terminateChild('sub')
  expect(refs.map((ref) => (ref?.getSnapshot() as { status: string }).status)).toEqual(['stopped', 'stopped'])
  await it.app.stop()
})

test('a machine that invokes a supervisor gets its events and its end', async () => {
  const clock = new VirtualClock()
  const logic = sub()
  const machine = createMachine({
    initial: 'up',
    states: { up: { invoke: { id: 'sub', src: logic, onDone: 'down' } }, down: {} },
  })
  const actor = createActor(machine, { clock }).start()
  const ref = actor.getSnapshot().children.sub
  const heard: string[] = []
  ref?.on('*', (event: { type: string }) => heard.push(event.type))
  expect(ref?.getSnapshot()).toMatchObject({ status: 'active', phase: 'running' })
  ref?.send({ type: 'supervisor.shutdown' })
  await clock.advance(0)
  expect(actor.getSnapshot().value).toBe('down')
  expect(heard).toEqual(['child.exit', 'child.exit', 'supervisor.exit'])
  actor.stop()
})

test('a machine that leaves the state stops the supervisor and its children', async () => {
  const clock = new VirtualClock()
  const machine = createMachine({
    initial: 'up',
    states: { up: { invoke: { id: 'sub', src: sub() }, on: { leave: 'down' } }, down: {} },
  })
  const actor = createActor(machine, { clock }).start()
  const { supervised } = actor.getSnapshot().children.sub?.getSnapshot() as { supervised: Supervisor['children'] }
  actor.send({ type: 'leave' })
  expect(supervised.map(({ ref }) => (ref?.getSnapshot() as { status: string }).status)).toEqual(['stopped', 'stopped'])
  await clock.advance(60_000)
  expect(clock.pending).toBe(0)
})

test('one logic can be started many times', async () => {
  const logic = sub()
  const it = bench({
    children: [
      { id: 'one', logic },
      { id: 'two', logic },
    ],
  })
  await it.app.start()
  const [one, two] = [inside(it, 'one')[0]?.ref, inside(it, 'two')[0]?.ref]
  expect(one).not.toBe(two)
  await it.app.stop()
})

test('inspection sees the supervisor, its children under their ids, and a successor', async () => {
  const seen: InspectionEvent[] = []
  const clock = new VirtualClock()
  const app = createSupervisor({
    id: 'app',
    clock,
    inspect: (event) => {
      seen.push(event)
    },
    children: [{ id: 'sub', logic: sub({ children: [child('x', { logic: obedient })] }) }],
  })
  await app.start()
  await clock.advance(10)
  const x = (app.children[0]?.ref?.getSnapshot() as { supervised: Supervisor['children'] }).supervised[0]
  x?.ref?.send({ type: 'ready' })
  x?.ref?.send(BOOM)
  await app.stop()
  const actors = seen.filter(({ type }) => type === '@xstate.actor').map(({ actorRef }) => (actorRef as AnyActorRef).id)
  expect(actors).toEqual(['app', 'sub', 'x', 'x'])
  const states = seen.flatMap((event) =>
    event.type === '@xstate.snapshot' && event.actorRef === x?.ref
      ? [(event.snapshot as { value?: unknown }).value]
      : [],
  )
  expect(states).toEqual(['starting', 'ready'])
  expect(JSON.stringify(app.ref.getSnapshot())).toContain('"phase"')
})

test('a machine with an invoked supervisor can be persisted; the supervisor starts afresh', async () => {
  const clock = new VirtualClock()
  const machine = createMachine({ invoke: { id: 'sub', src: sub() } })
  const first = createActor(machine, { clock }).start()
  const persisted = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as never
  first.stop()
  const second = createActor(machine, { clock, snapshot: persisted })
  second.start()
  await clock.advance(0)
  second.stop()
  expect(clock.pending).toBe(0)
})
