import { expect, test } from '@jest/globals'
import { createSupervisor, type Supervisor } from '@terrarium/supervisor'
import { exitReasonOf } from '@terrarium/supervisor/otp'
import { shellOf } from '../src/pool.ts'
import { pool, poolOf, type PoolOptions, type PoolSnapshot } from '@terrarium/pool'
import { createActor, createMachine, sendTo, type AnyActorRef, type InspectionEvent } from 'xstate'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

// A pool as an actor: nested in a supervisor, invoked by a machine, standing alone, stopped and started again.

const optionsOf = (home: Habitat, options: Partial<PoolOptions> = {}): PoolOptions => ({
  ...home.common,
  name: 'text',
  tools: TOOLS,
  ...options,
})

const appOf = (home: Habitat, options: Partial<PoolOptions> = {}): Supervisor =>
  createSupervisor({
    id: 'app',
    children: [{ id: 'text', logic: pool(optionsOf(home, options)), type: 'supervisor' }],
    onFault: (what, error) => {
      throw new Error(what, { cause: error })
    },
  })

const refOf = (app: Supervisor): AnyActorRef => {
  const ref = app.child('text')
  if (ref === undefined) throw new Error('there is no pool')
  return ref
}

const snapshotOf = (ref: AnyActorRef): PoolSnapshot => ref.getSnapshot() as PoolSnapshot

const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('a pool in a supervisor is ready when its workers are, answers calls, and leaves nothing when the parent stops', async () => {
  const home = habitat()
  const app = appOf(home, { size: 2 })
  await app.start()
  const ref = refOf(app)
  expect(snapshotOf(ref)).toMatchObject({ status: 'active', phase: 'running', counts: { ready: 2, starts: 2 } })
  const calls = poolOf(ref)
  const running = calls.call('sleep', { seconds: 0.3 })
  const waiting = [1, 2].map((value) => calls.call('echo', { value }))
  expect(await Promise.all(waiting)).toEqual([1, 2])
  expect(calls).toMatchObject({ name: 'text', status: 'running', stats: { accepted: 3, inFlight: 1 } })
  const stopped = app.stop() // lets the call in flight finish
  await expect(calls.call('echo')).rejects.toMatchObject({ code: 'STOPPED' })
  expect(await running).toBe('slept')
  await stopped
  expect(home.marked()).toEqual([])
  expect(exitReasonOf(ref)).toEqual({ type: 'shutdown' })
  expect(snapshotOf(ref)).toMatchObject({ status: 'done', phase: 'stopped', counts: { ready: 0, completed: 3 } })
})

test('the snapshot of a pool is plain JSON, equal after a round trip, in every phase', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const ref = createActor(pool(optionsOf(home, { size: 2 })))
  expect(ref.getSnapshot()).toMatchObject({ status: 'active', phase: 'idle' })
  const phases = new Set<string>()
  ref.subscribe((snapshot) => {
    phases.add(snapshot.phase)
    expect(roundTrip(snapshot)).toEqual(snapshot.toJSON())
    if (snapshot.status === 'active') expect(roundTrip(snapshot)).toEqual(snapshot)
  })
  ref.start()
  await eventually('it runs', () => ref.getSnapshot().phase === 'running')
  const worker = { state: 'ready', incarnation: 1, inFlight: 0, calls: 0, pid: expect.any(Number) }
  expect(roundTrip(ref.getSnapshot())).toEqual({
    status: 'active',
    phase: 'running',
    workers: [
      { id: 'worker-1', ...worker },
      { id: 'worker-2', ...worker },
    ],
    queue: { waiting: 0, again: 0, limit: 10_000, paused: false },
    counts: {
      accepted: 0,
      completed: 0,
      failed: 0,
      retried: 0,
      starts: 2,
      crashes: 0,
      inFlight: 0,
      ready: 2,
      sessions: 0,
    },
  })
  poolOf(ref).kill('worker-1')
  await eventually('its worker has failed', () => ref.getSnapshot().counts.crashes === 1)
  await eventually('it is back', () => ref.getSnapshot().counts.ready === 2)
  expect(ref.getSnapshot().workers[0]).toMatchObject({ incarnation: 2, state: 'ready' })
  const persisted = ref.getPersistedSnapshot()
  expect(roundTrip(persisted)).toEqual(persisted)
  ref.send({ type: 'supervisor.shutdown' })
  await eventually('it is done', () => ref.getSnapshot().status === 'done')
  expect([...phases]).toEqual(['idle', 'starting', 'running', 'stopping', 'stopped'])
  expect(ref.getSnapshot().toJSON()).toMatchObject({ phase: 'stopped', exit: { type: 'shutdown' } })

  // The counts go on in the next life.
  const next = createActor(pool(optionsOf(home)), { snapshot: persisted })
  expect(next.getSnapshot()).toMatchObject({ phase: 'idle', counts: { starts: 3, crashes: 1 } })
})

test('a parked pool stays, says why in its snapshot, and is ready once it has healed', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const tools = home.file(
    'tools.py',
    'import absent_until_later\nfrom terrarium import tool\n@tool\ndef t(): return 1\n',
  )
  const app = appOf(home, { tools })
  const started = app.start()
  const phase = (): string | undefined => app.child('text') && snapshotOf(refOf(app)).phase
  await eventually('it is parked', () => phase() === 'parked')
  const ref = refOf(app)
  expect(roundTrip(snapshotOf(ref))).toMatchObject({
    workers: [{ state: 'parked', failure: { class: 'configuration', error: { code: 'CONFIGURATION' } } }],
  })
  await expect(poolOf(ref).call('t')).rejects.toMatchObject({ code: 'PARKED' })
  home.file('absent_until_later.py', '')
  await started
  expect(refOf(app)).toBe(ref)
  expect(await poolOf(ref).call('t')).toBe(1)
  await app.stop()
})

test('4: a pool that cannot be opened fails with the reason, and its parent does not start', async () => {
  const home = habitat()
  const app = appOf(home, { python: '/absent/python' })
  await expect(app.start()).rejects.toMatchObject({ code: 'START_FAILED', cause: { code: 'CONFIGURATION' } })
  expect(home.marked()).toEqual([])
})

test('the workers, their supervisor, the pool and its parent are one tree in the inspector', async () => {
  const home = habitat()
  const parents = new Map<string, string | undefined>()
  const events = new Set<string>()
  const app = createSupervisor({
    id: 'app',
    inspect: (event: InspectionEvent) => {
      const ref = event.actorRef as AnyActorRef
      if (event.type === '@xstate.actor') parents.set(ref.id, ref._parent?.id)
      if (event.type === '@xstate.event' && ref.id === 'text') events.add(event.event.type)
    },
    children: [{ id: 'text', logic: pool(optionsOf(home)), type: 'supervisor' }],
  })
  await app.start()
  await app.stop()
  expect(Object.fromEntries(parents)).toMatchObject({ text: 'app', workers: 'text', 'worker-1': 'workers' })
  for (const type of ['pool.start', 'pool.opened', 'worker.ready', 'supervisor.shutdown', 'pool.closed']) {
    expect(events).toContain(type)
  }
})

test('a pool that is stopped hard and started again at once, as by StrictMode, runs; its workers are new', async () => {
  const home = habitat()
  const logic = pool(optionsOf(home))
  const ref = createActor(logic)
  ref.start()
  // @xstate/react does this with a root actor.
  const snapshot = ref.getSnapshot()
  ref.stop()
  Object.assign(ref, { _processingStatus: 0, _snapshot: snapshot })
  ref.start()
  await eventually('it runs', () => ref.getSnapshot().phase === 'running')
  expect(await poolOf(ref).call('echo', { value: 1 })).toBe(1)
  expect(home.log.filter(({ msg }) => msg.startsWith('another pool named'))).toEqual([])
  // The actor is stopped and started again, while the workers run.
  const running = ref.getSnapshot()
  const held = poolOf(ref).call('sleep', { seconds: 60 })
  ref.stop()
  await expect(held).rejects.toMatchObject({ code: 'STOPPED' })
  Object.assign(ref, { _processingStatus: 0, _snapshot: running })
  ref.start()
  await eventually('it runs again', () => ref.getSnapshot().phase === 'running')
  expect(ref.getSnapshot().counts).toMatchObject({ accepted: 2, completed: 1, failed: 1, ready: 1 })
  expect(await poolOf(ref).call('echo', { value: 2 })).toBe(2)
  ref.stop()
  await eventually('no process is left', () => home.marked().length === 0)
})

test('a pool that has ended is still ended when its actor is restored, and starts nothing', async () => {
  const home = habitat()
  const logic = pool(optionsOf(home, { python: '/absent/python' }))
  const failed = createActor(logic)
  failed.subscribe({ error: () => undefined })
  failed.start()
  await eventually('it has failed', () => failed.getSnapshot().status === 'error')
  const done = createActor(logic)
  done.start()
  done.send({ type: 'supervisor.shutdown' })
  await eventually('it is done', () => done.getSnapshot().status === 'done')
  for (const ended of [failed, done]) {
    const persisted = ended.getPersistedSnapshot()
    const restored = createActor(logic, { snapshot: persisted })
    restored.subscribe({ error: () => undefined })
    restored.start()
    expect(restored.getSnapshot()).toMatchObject({ status: persisted.status, phase: 'stopped' })
    expect(restored.getPersistedSnapshot()).toEqual(persisted)
    await expect(poolOf(restored).call('echo')).rejects.toMatchObject({ code: 'STOPPED' })
  }
  expect(exitReasonOf(createActor(logic, { snapshot: done.getPersistedSnapshot() }))).toEqual({ type: 'shutdown' })
})

test('a pool that is stopped hard while it is opened sends nothing to its actor, which would make XState warn', async () => {
  const home = habitat()
  const ref = createActor(pool(optionsOf(home)))
  ref.start()
  const { ended } = shellOf(ref)
  ref.stop()
  const sent: string[] = []
  ref.send = ({ type }) => void sent.push(type)
  expect([await ended, sent]).toEqual([0, []])
})

test('a machine that invokes a pool ends it in order, or hard when it leaves the state', async () => {
  const home = habitat()
  const machine = createMachine({
    initial: 'working',
    states: {
      working: {
        invoke: { id: 'text', src: pool(optionsOf(home)), onDone: 'over' },
        on: { leave: 'idle', end: { actions: sendTo('text', { type: 'supervisor.shutdown' }) } },
      },
      idle: { on: { again: 'working' } },
      over: { type: 'final' },
    },
  })
  const ref = createActor(machine).start()
  const child = (): AnyActorRef => (ref.getSnapshot().children as { readonly text: AnyActorRef }).text
  const isRunning = (): boolean => snapshotOf(child()).phase === 'running'
  await eventually('it runs', isRunning)
  ref.send({ type: 'leave' })
  await eventually('it was stopped hard, and nothing is left', () => home.marked().length === 0)
  ref.send({ type: 'again' })
  await eventually('another one runs', isRunning)
  expect(await poolOf(child()).call('echo', { value: 1 })).toBe(1)
  ref.send({ type: 'end' })
  await eventually('the machine is done', () => ref.getSnapshot().status === 'done')
  expect(home.marked()).toEqual([])
})

test('62: poolOf() refuses any other actor, and a pool refuses unknown options', () => {
  for (const value of [undefined, createActor(createMachine({}))]) {
    expect(() => poolOf(value)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/is no actor of a pool$/) }),
    )
  }
  expect(() => pool({ name: 'p', sise: 4 } as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      details: { mistakes: expect.any(Array), reason: expect.any(String) },
    }),
  )
})

test('a pool ignores a message of any other sender, whatever its type', async () => {
  const home = habitat()
  const ref = createActor(pool(optionsOf(home)))
  ref.start()
  await eventually('it runs', () => ref.getSnapshot().phase === 'running')
  for (const type of ['pool.closed', 'pool.halt', 'worker.exited', 'worker.ready', 'call.answered', 'nonsense']) {
    ref.send({ type, worker: 'worker-1', incarnation: 1 } as never)
  }
  expect(ref.getSnapshot()).toMatchObject({ phase: 'running', counts: { ready: 1 } })
  expect(await poolOf(ref).call('echo', { value: 1 })).toBe(1)
  ref.send({ type: 'supervisor.shutdown' })
  await eventually('it is done', () => ref.getSnapshot().status === 'done')
})
