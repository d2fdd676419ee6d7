import { describe, expect, test } from '@jest/globals'
import {
  createActor,
  createMachine,
  fromCallback,
  fromObservable,
  fromTransition,
  sendTo,
  type AnyActorLogic,
  type AnyActorRef,
} from 'xstate'
import { administrate, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { exit, fromServer } from '@terrarium/supervisor/otp'
import { child, stubborn, type Bench } from './support.ts'
import {
  boom,
  explode,
  holding,
  starts,
  printed,
  type Observer,
  observable,
  callback,
  observing,
  eventObserving,
  observers,
  promise,
  syncPromise,
  invoking,
  refOf,
  started,
  kinds,
} from './holding.ts'

describe.each(kinds)('E8: a %s', (_, holds, logic) => {
  test.each<[string, (it: Bench) => unknown]>([
    ['fails', (it) => refOf(it)?.send({ type: 'fail' })],
    [
      'exits',
      (it) => {
        exit(it.ref('a'), { type: 'error', error: boom })
      },
    ],
    [
      'is killed',
      (it) => {
        exit(it.ref('a'), { type: 'killed' })
      },
    ],
  ])('that %s leaves nothing behind when it is restarted, and at stop()', async (_, die) => {
    const it = await started({ logic: logic() })
    for (let life = 1; life <= 3; life += 1) {
      expect(holding).toHaveLength(holds)
      die(it)
      await it.clock.advance(1_000)
      expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: life + 1 })
      expect(holding).toHaveLength(holds)
    }
    await it.app.stop()
    expect(holding).toEqual([])
    expect(starts).toBe(4 * holds)
  })

  test('leaves nothing behind, whichever way it is stopped', async () => {
    const ends: [Partial<ChildSpec>, (it: Bench) => unknown][] = [
      [{}, (it) => it.app.terminateChild('a')],
      [{ shutdown: 'brutal_kill' }, (it) => it.app.terminateChild('a')],
      [{ shutdown: 100 }, (it) => it.app.terminateChild('a')], // it ignores the shutdown event, so its time runs out
      [{}, (it) => it.app.stop()],
      [{ shutdown: 0 }, (it) => it.app.stop()],
      [{}, (it) => it.app.ref.stop()],
      [
        {},
        (it) => {
          exit(it.app.ref, { type: 'killed' })
        },
      ],
      [{ onExhausted: 'escalate', backoff: { maxAttempts: 0 } }, (it) => refOf(it)?.send({ type: 'fail' })],
      [{ restart: 'temporary' }, (it) => refOf(it)?.send({ type: 'fail' })],
      [{ ready: () => false, awaitReady: false, startTimeout: 100, backoff: { maxAttempts: 0 } }, () => undefined],
      [{ restart: 'transient' }, (it) => it.crash('b')],
    ]
    for (const [spec, act] of ends) {
      const it = await started(
        { logic: logic(), ...spec },
        spec.restart === 'transient' ? { strategy: 'one_for_all' } : {},
      )
      expect(holding).toHaveLength(holds)
      void act(it)
      await it.clock.advance(200)
      expect(holding).toHaveLength(spec.restart === 'transient' ? holds : 0)
      await it.app.stop()
      expect(holding).toEqual([])
    }
  })
})

test.each<[string, () => AnyActorLogic]>([
  ['an observable', () => observing],
  ['an observable of events', () => eventObserving],
  ['a machine that has invoked an observable', () => invoking(observing)],
])('E8: %s that fails or is done unsubscribes', async (_, logic) => {
  const it = await started({ logic: logic() })
  for (const end of ['error', 'error', 'complete'] as const) {
    expect(holding).toHaveLength(1)
    observers.at(-1)?.[end](boom)
    await it.clock.advance(1_000)
  }
  // An observable is restarted; a machine goes on without an observable that is done.
  expect(holding).toHaveLength(starts - 3)
  expect(it.app.children[0]?.incarnation).toBe(starts)
  await it.app.stop()
  expect(holding).toEqual([])
})

test('E8: an observable that fails during its subscription unsubscribes', async () => {
  const fail = (observer: Observer): void => {
    observer.error(boom)
  }
  const logic = fromObservable(() => observable(fail) as never)
  const it = await started({ logic, awaitReady: false })
  await it.clock.advance(10_000)
  expect(holding).toEqual([])
  expect(starts).toBeGreaterThan(3)
  await it.app.stop()
})

test('E8: the signal of a promise is aborted if its creator throws', async () => {
  const it = await started({ logic: syncPromise, awaitReady: false })
  await it.clock.advance(1_000)
  expect(starts).toBeGreaterThan(1)
  expect(holding).toEqual([])
  await it.app.stop()
})

describe('E8: a callback that a machine has invoked, and whose receiver throws', () => {
  const invoke = { id: 'cb', src: callback }
  const forward = { fail: { actions: sendTo('cb', { type: 'fail' }) } }

  test('is cleaned up with everything else of the machine, which has no onError', async () => {
    const it = await started({ logic: createMachine({ on: forward, invoke: [invoke, { src: promise }] }) })
    for (let life = 1; life <= 3; life += 1) {
      expect(holding).toHaveLength(2)
      refOf(it)?.send({ type: 'fail' })
      await it.clock.advance(1_000)
    }
    expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 4 })
    await it.app.stop()
    expect(holding).toEqual([])
  })

  test('is cleaned up although the machine goes on through onError', async () => {
    const logic = createMachine({
      initial: 'up',
      states: { up: { on: forward, invoke: { ...invoke, onError: 'down' } }, down: {} },
    })
    const it = await started({ logic })
    expect(holding).toHaveLength(1)
    refOf(it)?.send({ type: 'fail' })
    expect([it.app.children[0]?.incarnation, holding]).toEqual([1, []])
    await it.app.stop()
  })

  test('is cleaned up in a nested supervisor, and in a supervisor that a machine has invoked', async () => {
    const inner = supervisor({ id: 'inner', children: [child('cb', { logic: callback })] })
    const outer = createMachine({ invoke: { id: 'inner', src: inner } })
    const it = await started(
      { logic: inner },
      { children: [child('a', { logic: inner }), child('m', { logic: outer })] },
    )
    const callbackOf = (ref: AnyActorRef): AnyActorRef | undefined =>
      (ref.getSnapshot() as { child(id: string): { ref?: AnyActorRef } }).child('cb').ref
    const callbacks = (): (AnyActorRef | undefined)[] => {
      const { children } = it.ref('m').getSnapshot() as { children: Record<string, AnyActorRef> }
      return [it.ref('a'), children.inner as AnyActorRef].map(callbackOf)
    }
    for (let life = 1; life <= 3; life += 1) {
      expect(holding).toHaveLength(2)
      for (const ref of callbacks()) ref?.send({ type: 'fail' })
      await it.clock.advance(1_000)
    }
    expect(starts).toBe(8)
    await it.app.stop()
    expect(holding).toEqual([])
  })

  test('is cleaned up under a supervisor below an unsupervised machine', async () => {
    const logic = supervisor({ id: 'app', backoff: 'off', children: [child('cb', { logic: callback })] })
    const actor = createActor(createMachine({ invoke: { id: 'app', src: logic } })).start()
    const app = actor.getSnapshot().children.app as AnyActorRef
    const [{ ref } = {}] = await administrate(app).whichChildren()
    ref?.send({ type: 'fail' })
    expect([starts, holding.length]).toEqual([2, 1])
    actor.stop()
    expect(holding).toEqual([])
  })
})

test('E8: an actor that fails outside of any supervisor is left to XState', () => {
  const inner = supervisor({ id: 'inner' })
  const machine = createMachine({ invoke: [{ id: 'cb', src: callback, onError: {} }, { src: inner }] })
  const actor = createActor(machine).start()
  actor.getSnapshot().children.cb?.send({ type: 'fail' })
  expect(holding).toEqual(['callback 1'])
  actor.stop()
})

test('E8: a machine that fails in the step in which it invokes leaves no actor and no systemId', async () => {
  let fails = true
  const logic = createMachine({
    initial: 'idle',
    states: {
      idle: { on: { go: 'up' } },
      up: {
        invoke: { src: callback, systemId: 'the callback' },
        always: { target: 'on', guard: () => fails },
      },
      on: { entry: explode },
    },
  })
  const it = await started({ logic })
  refOf(it)?.send({ type: 'go' })
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2, failure: { error: boom } })
  fails = false
  refOf(it)?.send({ type: 'go' })
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  expect(holding).toHaveLength(1)
  await it.app.stop()
  expect(holding).toEqual([])
})

test('E8: a clean-up runs once, also if it throws; its error becomes the exit reason or is reported', async () => {
  let runs = 0
  const logic = fromCallback(({ receive }) => {
    receive(explode)
    return () => {
      runs += 1
      throw new Error(`clean-up ${runs}`)
    }
  })
  const it = await started({ logic })
  refOf(it)?.send({ type: 'fail' })
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2, failure: { error: boom } })
  expect(runs).toBe(1)
  expect(printed).toEqual([['[terrarium] the clean-up of actor a failed:', new Error('clean-up 1')]])
  printed.length = 0

  await it.app.terminateChild('a')
  expect(runs).toBe(2)
  const exits = it.events.filter(({ type }) => type === 'child.exit')
  expect(exits.at(-1)).toMatchObject({ reason: { type: 'error', error: new Error('clean-up 2') } })
  await it.app.stop()
})

test('E8: a reducer that throws at every event is reported once', async () => {
  const it = await started({ logic: fromTransition(explode, {}) })
  refOf(it)?.send({ type: 'go' })
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  await it.app.stop()
})

test('E8: a server that fails runs terminate once', async () => {
  const reasons: unknown[] = []
  const logic = fromServer({
    init: () => ({ state: 0 }),
    handleInfo: explode,
    terminate: (reason) => void reasons.push(reason.type),
    trapExit: true,
  })
  const it = await started({ logic })
  refOf(it)?.send({ type: 'fail' })
  expect(reasons).toEqual(['error'])
  await it.app.stop()
  expect(reasons).toEqual(['error', 'shutdown'])
})

test('E8: a supervisor that fails itself leaves no child running', async () => {
  let isFaulty = false
  const random = (): number => (isFaulty ? explode() : 0.5)
  const it = await started({ logic: callback }, { random })
  isFaulty = true
  await it.crash('b')
  expect(it.app.ref.getSnapshot()).toMatchObject({ status: 'error', error: boom })
  expect(holding).toEqual([])
})

test('E8: a child that does not end is cleaned up at its deadline', async () => {
  const logic = createMachine({ ...stubborn.config, invoke: { src: callback } })
  const it = await started({ logic, shutdown: 100 })
  const terminated = it.app.terminateChild('a')
  await it.clock.advance(99)
  expect(holding).toHaveLength(1)
  await it.clock.advance(1)
  await terminated
  expect(holding).toEqual([])
  await it.app.stop()
})
