import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { isTerrariumError } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromWorkerThread } from '@terrarium/threads'
import { createActor, createMachine, type AnyActorRef, type EventObject } from 'xstate'
import { bench, errorOf, expectThreads, fixture, machine, snapshotOf, started, threads } from './support.ts'

interface Shown {
  readonly phase: string
  readonly value: unknown
  readonly context?: { readonly count: number }
  readonly tags: readonly string[]
  matches(state: string): boolean
  hasTag(tag: string): boolean
}

const counted = (count: number) => (shown: Shown) => shown.context?.count === count

/** A machine that invokes a thread, and keeps what it is told. */
const parentOf = (logic: ReturnType<typeof machine>, input: unknown = {}) =>
  createMachine({
    context: { told: [] as EventObject[] },
    invoke: { id: 'thread', src: logic, input: input as never },
    on: { told: { actions: ({ context, event }) => context.told.push(event) } },
  })

const inside = (parent: AnyActorRef): AnyActorRef =>
  (parent.getSnapshot() as { children: { thread: AnyActorRef } }).children.thread

test('a machine in a thread is mirrored: value, context, tags, input', async () => {
  const it = await started([{ id: 'a', logic: machine(), input: { from: 5 } as never }])
  const ref = it.ref('a')
  expect(ref.getSnapshot()).toMatchObject({ phase: 'running', value: 'counting', context: { count: 5 } })
  ref.send({ type: 'count' })
  ref.send({ type: 'count' })
  const shown = await snapshotOf<Shown>(ref, counted(7))
  expect([shown.matches('counting'), shown.matches('patient'), shown.hasTag('busy'), shown.hasTag('idle')]).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('a machine in a thread sends to its parent and emits, in order', async () => {
  const parent = createActor(parentOf(machine()))
  parent.start()
  const ref = inside(parent)
  const emitted: EventObject[] = []
  ref.on('*', (event: EventObject) => emitted.push(event))
  // The module is not loaded yet: these events wait for it.
  for (const type of ['count', 'tell', 'count', 'tell', 'emit', 'count']) ref.send({ type })
  await snapshotOf<Shown>(ref, counted(3))
  expect(parent.getSnapshot().context.told).toEqual([
    { type: 'told', count: 1 },
    { type: 'told', count: 2 },
  ])
  expect(emitted).toEqual([{ type: 'counted', count: 2 }])
  parent.stop()
})

test('a child counts as ready with its first snapshot from inside, and its siblings are started after that', async () => {
  const it = bench([
    { id: 'a', logic: machine() },
    { id: 'b', logic: machine() },
  ])
  const start = it.app.start()
  const first = await it.next('child.start', 'a')
  expect(first.ref.getSnapshot()).toMatchObject({ phase: 'starting' })
  expect(it.app.children.map(({ state }) => state)).toEqual(['starting', 'stopped'])
  const ready = await it.next('child.ready', 'a')
  expect(ready.ref.getSnapshot()).toMatchObject({ phase: 'running', value: 'counting' })
  await start
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'running'])
})

test('a function in a thread ends with its output, and emits on the way', async () => {
  const logic = fromWorkerThread(fixture('work'))
  const it = bench([{ id: 'sum', logic, input: { numbers: [1, 2, 3] }, restart: 'transient' }])
  const emitted: EventObject[] = []
  const start = it.app.start()
  ;(await it.next('child.start')).ref.on('*', (event: EventObject) => emitted.push(event))
  await start
  expect(await it.exit('sum')).toEqual({ type: 'normal', output: 6 })
  expect(emitted).toEqual([{ type: 'progress', done: 1 }])
})

test('a machine in a thread ends with its output, and for a reason of its own choice', async () => {
  const children = ['normal', 'shutdown', 'error'].map((id) => ({
    id,
    logic: machine(),
    restart: 'temporary' as const,
  }))
  const it = await started(children)
  const refs = Object.fromEntries(children.map(({ id }) => [id, it.ref(id)]))
  refs['normal']?.send({ type: 'finish' })
  expect(await it.exit('normal')).toEqual({ type: 'normal', output: { count: 0 } })
  refs['shutdown']?.send({ type: 'give', reason: { type: 'shutdown', detail: 'enough' } })
  expect(await it.exit('shutdown')).toEqual({ type: 'shutdown', detail: 'enough' })
  refs['error']?.send({ type: 'give', reason: { type: 'error', error: new Error('of its own choice') } })
  expect(errorOf(await it.exit('error')).message).toBe('of its own choice')
})

test('a thread that fails is restarted in a new thread, with its input', async () => {
  const it = await started([{ id: 'a', logic: machine(), input: { from: 5 } as never }])
  it.ref('a').send({ type: 'count' })
  it.ref('a').send({ type: 'pay' })
  await it.exit('a')
  await it.next('child.ready', 'a')
  expect(it.app.children[0]).toMatchObject({ incarnation: 2, failure: { class: 'bug', phase: 'run' } })
  expect(it.ref('a').getSnapshot()).toMatchObject({ context: { count: 5 } })
})

test('a machine that handles the shutdown ends in order; any other is stopped; then no thread is left', async () => {
  const before = threads()
  const it = await started([
    { id: 'patient', logic: machine() },
    { id: 'other', logic: machine() },
    { id: 'work', logic: fromWorkerThread(fixture('work')), input: { waits: true, numbers: [] } },
  ])
  expect(threads()).toBeGreaterThanOrEqual(before + 3)
  it.ref('patient').send({ type: 'patient' })
  await snapshotOf<Shown>(it.ref('patient'), ({ value }) => value === 'patient')
  await it.app.stop()
  expect(threads()).toBeLessThanOrEqual(before) // at once: the end of each thread was waited for
  expect(await it.exit('work')).toEqual({ type: 'shutdown' })
  expect(await it.exit('other')).toEqual({ type: 'shutdown' })
  expect(await it.exit('patient')).toEqual({ type: 'normal', output: 'in order' })
})

test('an endless loop is killed at its deadline, while its siblings go on', async () => {
  const before = threads()
  const it = await started([
    { id: 'looping', logic: machine(), shutdown: 50 },
    { id: 'sibling', logic: machine() },
  ])
  const sibling = it.ref('sibling')
  it.ref('looping').send({ type: 'loop' })
  const terminated = it.app.terminateChild('looping')
  sibling.send({ type: 'count' })
  await snapshotOf<Shown>(sibling, counted(1))
  await terminated
  expect(await it.exit('looping')).toEqual({ type: 'killed' })
  sibling.send({ type: 'count' })
  await snapshotOf<Shown>(sibling, counted(2))
  expect(it.app.children.map(({ state, incarnation }) => [state, incarnation])).toEqual([
    ['stopped', 1],
    ['running', 1],
  ])
  await it.app.stop()
  await expectThreads(before)
})

test('a thread whose actor is stopped by its parent is ended, also while it loads', async () => {
  const before = threads()
  for (const waits of [false, true]) {
    const parent = createActor(parentOf(machine()))
    parent.start()
    if (waits) await snapshotOf<Shown>(inside(parent), ({ phase }) => phase === 'running')
    parent.stop()
    await expectThreads(before)
  }
})

test('a thread that has no snapshot in time fails, by the clock of its system, and is ended', async () => {
  const before = threads()
  const clock = new VirtualClock()
  const it = bench([{ id: 'a', logic: fromWorkerThread(fixture('loops-at-load')) }], { clock })
  const start = it.app.start()
  start.catch(() => undefined)
  await clock.advance(29_999)
  expect(it.app.children[0]?.state).toBe('starting')
  await clock.advance(1)
  await expect(start).rejects.toMatchObject({ code: 'START_FAILED', cause: { code: 'START_FAILED' } })
  await expectThreads(before)
})

test('a persisted snapshot continues in another thread', async () => {
  const first = createActor(machine(), { input: { from: 5 } })
  first.start()
  first.send({ type: 'count' })
  await snapshotOf<Shown>(first, counted(6))
  const saved = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as never
  first.stop()
  const second = createActor(machine(), { snapshot: saved })
  expect(second.getSnapshot()).toMatchObject({ phase: 'starting', value: 'counting', context: { count: 6 } })
  second.start()
  await snapshotOf<Shown>(second, ({ phase }) => phase === 'running')
  second.send({ type: 'count' })
  await snapshotOf<Shown>(second, counted(7))
  second.stop()
})

test('a child in a thread that has the option `resume` continues in a new thread', async () => {
  const it = await started([{ id: 'a', logic: machine(), resume: (snapshot) => snapshot }])
  it.ref('a').send({ type: 'count' })
  await snapshotOf<Shown>(it.ref('a'), counted(1))
  it.ref('a').send({ type: 'pay' })
  expect(await it.next('child.start', 'a')).not.toHaveProperty('resumed')
  await it.exit('a')
  expect(await it.next('child.start', 'a')).toHaveProperty('resumed', true)
  await it.next('child.ready', 'a')
  it.ref('a').send({ type: 'count' })
  await snapshotOf<Shown>(it.ref('a'), counted(2))
})

test('a snapshot of which a part stays in the thread is not persisted', async () => {
  const it = await started([{ id: 'a', logic: fromWorkerThread(fixture('keeps-inline')) }])
  let refused: unknown
  try {
    it.ref('a').getPersistedSnapshot()
  } catch (error) {
    refused = error
  }
  expect(isTerrariumError(refused, 'INVALID_ARGUMENT') && refused.details).toEqual({ children: ['waiting'] })
})

test.each([
  ['keeps its host alive', 'ref', 'running\ntick\n'],
  ['with `unref` does not', 'unref', 'running\n'],
])('a thread %s', async (_, how, printed) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [fileURLToPath(fixture('unreferenced')), how])
  expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: '' })
})
