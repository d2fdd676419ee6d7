import { describe, expect, test } from '@jest/globals'
import { createMachine, fromCallback, fromObservable, fromPromise, fromTransition, type AnyActorLogic } from 'xstate'
import { createSupervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { bench, child, idle } from './support.ts'
import './uncaught.ts'

const boom = new Error('boom')

const explode = (): never => {
  throw boom
}

describe('corner 1: an error of a child is never an uncaught one', () => {
  const failures: [string, AnyActorLogic | (() => never)][] = [
    ['start function', explode],
    ['context factory', createMachine({ context: explode })],
    ['entry action', createMachine({ entry: explode })],
    ['transition', createMachine({ on: { 'supervisor.shutdown': {}, go: { actions: explode } } })],
    ['guard', createMachine({ on: { go: { guard: explode, actions: () => undefined } } })],
    ['promise', fromPromise(() => Promise.reject(boom))],
    ['synchronous part of a promise', fromPromise(explode)],
    ['callback', fromCallback(explode)],
    ['reducer', fromTransition(explode, {})],
    ['initial state of a reducer', fromTransition((state) => state, explode)],
    [
      'observable',
      fromObservable(
        () =>
          ({
            subscribe: (observer: { error?: (error: unknown) => void }) => {
              observer.error?.(boom)
              return { unsubscribe: () => undefined }
            },
          }) as never,
      ),
    ],
  ]

  test.each(failures)('in its %s', async (_, logic) => {
    const it = bench({
      breaker: 'off',
      children: [{ id: 'a', logic: logic as AnyActorLogic, awaitReady: false }, child('b')],
    })
    await it.app.start()
    await it.clock.advance(10)
    if (it.state('a') === 'running') it.ref('a').send({ type: 'go' })
    await it.clock.advance(1_000)
    expect(it.app.children[0]?.failure?.error).toMatchObject({ message: expect.stringContaining('boom') })
    expect(it.app.children[0]?.incarnation).toBeGreaterThan(1)
    expect(it.state('b')).toBe('running')
    await it.app.stop()
    expect(it.clock.pending).toBe(0)
  })

  test.each(failures.slice(0, 3))('in its %s, as a start error', async (_, logic) => {
    const it = bench({ children: [child('s'), { id: 'a', logic: logic as AnyActorLogic }] })
    await expect(it.app.start()).rejects.toMatchObject({ code: 'START_FAILED', cause: boom })
    expect(it.app.children.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
  })
})

test('an error that a child throws at its shutdown event is its exit reason', async () => {
  const it = bench({
    children: [child('a', { logic: createMachine({ on: { 'supervisor.shutdown': { actions: explode } } }) })],
  })
  await it.app.start()
  await it.app.stop()
  expect(it.events.at(-2)).toMatchObject({ type: 'child.exit', reason: { type: 'error', error: boom } })
})

test('corner 2: a child that finishes during its start is registered before its exit', async () => {
  const done = createMachine({ initial: 'end', states: { end: { type: 'final' } } })
  const it = bench({ mode: 'otp', intensity: 2, children: [child('t', { logic: done, restart: 'transient' })] })
  await it.app.start()
  expect(it.take()).toEqual(['child.start t', 'child.ready t', 'child.exit t'])
  expect(it.state('t')).toBe('stopped')
  const ref = await it.app.startChild(child('p', { logic: done }))
  expect(ref).toBeDefined()
  await it.clock.advance(1_000)
  expect(it.take('child.start')).toEqual(['child.start p', 'child.start p', 'child.start p'])
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
})

test('corner 4: operations from within a listener wait for the group restart to end', async () => {
  const it = bench({ strategy: 'one_for_all', children: [child('a'), child('b'), child('c')] })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  let asked = false
  const answers: Promise<unknown>[] = []
  it.app.on('child.exit', ({ id }) => {
    if (id !== 'b' || asked) return
    asked = true
    answers.push(it.app.terminateChild('c'), it.app.startChild(child('d')))
  })
  await it.crash('b')
  await Promise.all(answers)
  expect(it.take('child.exit', 'child.start')).toEqual([
    'child.exit b',
    'child.exit c',
    'child.exit a',
    'child.start a',
    'child.start b',
    'child.start c',
    'child.exit c',
    'child.start d',
  ])
  expect(it.app.children.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'a running',
    'b running',
    'c stopped',
    'd running',
  ])
  await it.app.stop()
})

test('corner 4: stop() from within a listener', async () => {
  const it = bench({ children: [child('a'), child('b')] })
  let stopped: Promise<void> | undefined
  it.app.on('child.exit', () => {
    stopped ??= it.app.stop()
  })
  await it.app.start()
  await it.crash('a')
  await stopped
  expect(it.app.children.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
  expect(it.clock.pending).toBe(0)
})

test('corner 9: one event makes several children throw', async () => {
  const sensitive = (id: string): ReturnType<typeof child> => child(id)
  const it = bench({ mode: 'otp', strategy: 'one_for_all', intensity: 1, children: ['a', 'b', 'c'].map(sensitive) })
  await it.app.start()
  const emitter = it.app.children.map(({ ref }) => ref)
  let restarts = 0
  it.app.on('child.restart', () => {
    restarts += 1
  })
  it.app.on('child.exit', ({ incarnation }) => {
    if (incarnation === 1) for (const ref of emitter) ref?.send({ type: 'throw', error: boom })
  })
  emitter[0]?.send({ type: 'throw', error: boom })
  await it.clock.advance(0)
  expect(restarts).toBe(1)
  expect(it.app.children.map(({ incarnation, state }) => [incarnation, state])).toEqual(Array(3).fill([2, 'running']))
  await it.app.stop()
})

test('corner 11: during a synchronous crash loop other events are handled', async () => {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    if (starts > 1) throw boom
    return idle
  }
  const app = createSupervisor({
    id: 'app',
    mode: 'otp',
    intensity: 1_000_000,
    period: 3_600_000,
    children: [child('a'), child('loop', { logic, awaitReady: false })],
  })
  await app.start()
  await app.terminateChild('loop')
  await expect(app.restartChild('loop')).resolves.toMatchObject({ id: 'loop' })
  const seen = starts
  const served = await new Promise<number>((resolve) => {
    setTimeout(() => {
      resolve(starts)
    }, 0)
  })
  expect(served - seen).toBeLessThanOrEqual(2)
  expect(app.children.find(({ id }) => id === 'loop')).toMatchObject({ state: 'restarting' })
  await app.terminateChild('loop')
  await app.stop()
})

test('corner 11: children that end as soon as they are ready do not recurse', async () => {
  const done = createMachine({ initial: 'end', states: { end: { type: 'final' } } })
  const it = bench({ mode: 'otp', intensity: 200, period: 60_000, children: [child('a', { logic: done })] })
  await it.app.start()
  expect(it.app.children[0]).toMatchObject({ incarnation: 101, state: 'restarting' })
  await it.clock.advance(0)
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit' })
  expect(it.events.filter(({ type }) => type === 'child.start')).toHaveLength(201)
  expect(
    it.events.filter(({ type }) => type === 'child.restart').map((event) => 'attempt' in event && event.attempt),
  ).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
})

test('corner 11: the group of a child that crashes without a pause is down until the next turn of the event loop', async () => {
  const done = createMachine({ initial: 'end', states: { end: { type: 'final' } } })
  const children = [child('a', { logic: idle }), child('b', { logic: done })]
  const it = bench({ mode: 'otp', strategy: 'one_for_all', intensity: 200, period: 60_000, children })
  await it.app.start()
  const state = (): unknown[] => it.app.children.map(({ incarnation, state }) => [incarnation, state])
  expect(state()).toEqual([
    [101, 'stopped'],
    [101, 'restarting'],
  ])
  await it.clock.advance(0)
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit' })
})

describe('a supervisor whose own options fail ends with that error, and no child is left running', () => {
  test.each<[string, 'random' | 'now' | 'setTimeout']>([
    ['random numbers', 'random'],
    ['clock', 'now'],
    ['timers', 'setTimeout'],
  ])('its %s', async (_, name) => {
    let isFaulty = false
    const faulty = <T extends unknown[], R>(working: (...values: T) => R) => {
      return (...values: T): R => (isFaulty ? explode() : working(...values))
    }
    const time = new VirtualClock()
    const { now, setTimeout, clearTimeout } = time
    const clock = {
      now,
      setTimeout,
      clearTimeout,
      ...(name === 'random' ? {} : { [name]: faulty(time[name] as never) }),
    }
    const app = createSupervisor({
      id: 'app',
      clock,
      children: ['a', 'b', 'c'].map((id) => child(id)),
      ...(name === 'random' ? { random: faulty(() => 0.5) } : {}),
    })
    const exits: string[] = []
    app.on('child.exit', ({ id }) => exits.push(id))
    app.on('supervisor.exit', ({ reason }) => exits.push(reason.type))
    await app.start()
    const refs = app.children.map(({ ref }) => ref)
    refs[1]?.send({ type: 'throw', error: boom })
    isFaulty = true
    app.children[1]?.ref?.send({ type: 'throw', error: boom })
    expect(app.ref.getSnapshot()).toMatchObject({ status: 'error', error: boom })
    expect(exits.filter((id) => id !== 'b')).toEqual(['c', 'a', 'error'])
    for (const ref of [refs[0], refs[2]]) expect(ref?.getSnapshot()).toMatchObject({ status: 'stopped' })
    isFaulty = false
    await app.stop()
    expect(time.pending).toBe(0)
  })
})

test('corner 7: a logic that comes after its start has timed out is dropped and counted', async () => {
  const it = bench()
  await it.app.start()
  const late = new Promise<typeof idle>((resolve) => {
    it.clock.setTimeout(() => {
      resolve(idle)
    }, 10_000)
  })
  const outcome = it.app.startChild(child('a', { logic: () => late, startTimeout: 1_000 }))
  const refused = expect(outcome).rejects.toMatchObject({ code: 'START_FAILED' })
  await it.clock.advance(1_000)
  await refused
  await it.app.startChild(child('a'))
  const ref = it.ref('a')
  await it.clock.advance(9_000)
  expect(it.ref('a')).toBe(ref)
  expect(it.app.ref.getSnapshot().zombieEffects).toBe(1)
  expect(it.take('child.start')).toEqual(['child.start a'])
  await it.app.stop()
})
