import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  createActor,
  createMachine,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  fromTransition,
  sendTo,
  spawnChild,
  type ActorLogic,
  type AnyActorLogic,
  type AnyActorRef,
  type Snapshot,
} from 'xstate'
import { administrate, supervisor, type ChildSpec, type SupervisorOptions } from '@terrarium/supervisor'
import { exit, fromServer } from '@terrarium/supervisor/otp'
import { bench, child, stubborn, type Bench } from './support.ts'

const boom = new Error('boom')
const explode = (): never => {
  throw boom
}

/** The resources held now. Each logic here takes one at its start, and releases it in its clean-up. */
let holding: string[] = []
let starts = 0
/** What was printed. A test that expects output says so. */
const printed: unknown[][] = []
const { error } = console

beforeEach(() => {
  holding = []
  starts = 0
  printed.length = 0
  console.error = (...values: unknown[]): void => void printed.push(values)
})

afterEach(() => {
  console.error = error
  expect(printed).toEqual([])
})

/** Takes a resource, and returns the function that releases it. */
function take(what: string): () => void {
  starts += 1
  const mine = `${what} ${starts}`
  holding.push(mine)
  return () => {
    if (!holding.includes(mine)) throw new Error(`${mine} was given back twice`)
    holding = holding.filter((each) => each !== mine)
  }
}

interface Observer {
  next: (value: unknown) => void
  error: (error: unknown) => void
  complete: () => void
}

/** An observable like RxJS's, except that it does not unsubscribe by itself when it fails. */
const observable = (act: (observer: Observer) => void = () => undefined) => ({
  subscribe: (observer: Observer) => {
    const unsubscribe = take('subscription')
    observers.push(observer)
    act(observer)
    return { unsubscribe }
  },
})

const callback = fromCallback(({ receive }) => {
  receive(({ type }) => {
    if (type === 'fail') explode()
  })
  return take('callback')
})

const observing = fromObservable(() => observable() as never)
const eventObserving = fromEventObservable(() => observable() as never)
/** The subscribers, in the order of their subscriptions. */
const observers: Observer[] = []

const promise = fromPromise(({ signal }) => {
  signal.addEventListener('abort', take('promise'))
  return new Promise(() => undefined)
})

/** A promise creator that takes a resource and then throws. */
const syncPromise = fromPromise(({ signal }) => {
  signal.addEventListener('abort', take('promise'))
  return explode()
})

/** A hand-written logic, which XState stops like its own logics. */
const custom: ActorLogic<Snapshot<unknown> & { give?: () => void }, { type: string }> = {
  config: {},
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  start: (snapshot) => {
    snapshot.give = take('custom')
  },
  transition: (snapshot, { type }) => {
    if (type === 'fail') explode()
    if (type === 'xstate.stop') snapshot.give?.()
    return snapshot
  },
  getPersistedSnapshot: (snapshot) => snapshot,
}

const onFail = { fail: { actions: explode } }

/** A machine that fails by itself and has invoked actors. */
const invoking = (...src: AnyActorLogic[]): AnyActorLogic =>
  createMachine({ on: onFail, invoke: src.map((each) => ({ src: each })) })

/** The actor of a child, if it has one now. */
const refOf = (it: Bench, id = 'a'): AnyActorRef | undefined => it.app.children.find((each) => each.id === id)?.ref

async function started(spec: Partial<ChildSpec>, options: Partial<SupervisorOptions> = {}): Promise<Bench> {
  observers.length = 0
  const it = bench({ breaker: 'off', children: [child('a', spec), child('b')], ...options })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

const kinds: [name: string, holds: number, logic: () => AnyActorLogic][] = [
  ['callback', 1, () => callback],
  ['logic of its own', 1, () => custom],
  ['machine that has invoked a callback', 1, () => invoking(callback)],
  ['machine that has invoked all kinds', 5, () => invoking(callback, observing, eventObserving, promise, custom)],
  ['machine that has invoked a machine', 2, () => invoking(invoking(callback, promise))],
  ['machine that has spawned', 1, () => createMachine({ on: onFail, entry: spawnChild(callback) })],
]

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
