import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  Actor,
  createMachine,
  fromCallback,
  fromObservable,
  fromPromise,
  fromTransition,
  sendTo,
  waitFor,
  type AnyActorLogic,
} from 'xstate'
import { createSupervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { testUnless } from '../../../test/support/when.ts'
import { bench, child, idle, obedient, refusal, slow } from './support.ts'

/** Uncaught errors, which would have ended the process. */
const uncaught: unknown[] = []
const note = (error: unknown): void => {
  uncaught.push(error)
}

beforeEach(() => {
  uncaught.length = 0
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
})

afterEach(() => {
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(uncaught).toEqual([])
})

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

test('corner 12: a listener that throws disturbs neither the tree nor other listeners', async () => {
  const it = bench({ children: [child('a')] })
  const heard: string[] = []
  const printed: unknown[] = []
  const { error } = console
  console.error = (...values: unknown[]): void => {
    printed.push(values)
  }
  it.app.on('child.start', explode)
  it.app.on('child.start', ({ id }) => heard.push(id))
  await it.app.start()
  console.error = error
  expect(heard).toEqual(['a'])
  expect(printed).toEqual([[expect.stringContaining('child.start'), boom]])
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('corner 12: a promise that rejects after its child was stopped is no failure', async () => {
  let reject: (error: Error) => void = () => undefined
  const logic = fromPromise(
    () =>
      new Promise((_, no) => {
        reject = no
      }),
  )
  const it = bench({ children: [child('a', { logic })] })
  await it.app.start()
  await it.app.terminateChild('a')
  reject(boom)
  await it.clock.advance(60_000)
  expect(it.take('child.exit', 'child.restart')).toEqual(['child.exit a'])
  await it.app.stop()
})

test('corner 12: an inspector and observers of a child that throw disturb no actor, and are reported', async () => {
  const printed: unknown[] = []
  const { error } = console
  console.error = (...values: unknown[]): void => {
    printed.push(values[0])
  }
  const it = bench({ inspect: explode, children: [child('a')] })
  await it.app.start()
  it.ref('a').subscribe(explode)
  it.ref('a').subscribe({ next: () => undefined, error: explode, complete: explode })
  it.ref('a').on('*', explode)
  it.app.ref.subscribe(explode)
  it.app.ref.on('child.exit', explode)
  await it.send('a', { type: 'ready' })
  await it.clock.advance(10)
  await it.crash('a')
  await it.clock.advance(0)
  console.error = error
  expect(new Set(printed)).toEqual(
    new Set([
      '[terrarium] the inspector of supervisor app failed:',
      '[terrarium] an observer of actor a failed:',
      '[terrarium] an observer of actor app failed:',
    ]),
  )
  expect(it.app.children).toMatchObject([{ state: 'running', incarnation: 2 }])
  console.error = () => undefined
  await it.app.stop()
  console.error = error
})

test('corner 12: an observer without an error callback gets no error from a timer', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  const seen: unknown[] = []
  it.ref('a').subscribe((snapshot) => seen.push(snapshot))
  await it.clock.advance(10)
  await it.send('a', { type: 'ready' })
  await it.crash('a')
  await it.clock.advance(1_000)
  expect(seen).toHaveLength(1)
  await it.app.stop()
})

test('actors without observers share one empty set, and an observer hears of no other actor', async () => {
  const echo = fromTransition((count: number, event: { type: string }, { emit }) => {
    emit(event)
    return count + 1
  }, 0)
  const it = bench({ children: ['a', 'b'].map((id) => child(id, { logic: echo })) })
  await it.app.start()
  const heard: string[] = []
  const a = it.ref('a')
  const count = ({ context }: { context: number }): number => context
  a.subscribe(() => heard.push('subscribe'))
  a.on('*', () => heard.push('on'))
  const waited = waitFor(a, (snapshot) => count(snapshot as never) > 0).then(() => heard.push('waitFor'))
  await it.app.startChild(child('c', { logic: echo }))
  await it.send('b', { type: 'ready' })
  await it.send('c', { type: 'ready' })
  expect(heard).toEqual([])
  await it.send('a', { type: 'ready' })
  await waited
  expect(heard.sort()).toEqual(['on', 'subscribe', 'waitFor'])
  await it.app.stop()
})

const testWithSelect = testUnless('select' in Actor.prototype ? undefined : 'this XState has no `select`')

testWithSelect('an observer of a selection hears of its actor only', async () => {
  const logic = fromTransition((count: number) => count + 1, 0)
  const it = bench({ children: ['a', 'b'].map((id) => child(id, { logic })) })
  await it.app.start()
  const heard: unknown[] = []
  const count = ({ context }: { context: number }): number => context
  const selection = it.ref('a').select(count as never)
  selection.subscribe((value) => heard.push(value))
  await it.send('b', { type: 'ready' })
  await it.send('a', { type: 'ready' })
  expect(heard).toEqual([1])
  await it.app.stop()
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

test('corner 8: a child that does not end is declared exited once, at its deadline, and its later events are dropped', async () => {
  let finish: () => void = () => undefined
  const busy = fromPromise(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve
      }),
  )
  const logic = createMachine({
    invoke: { src: busy, onDone: '.over' },
    initial: 'deaf',
    states: { deaf: {}, over: { type: 'final' } },
    on: { 'supervisor.shutdown': { actions: () => undefined } },
  })
  const it = bench({ children: [child('a', { logic, shutdown: 100 })] })
  await it.app.start()
  const ref = it.ref('a')
  const ended = it.app.terminateChild('a')
  await it.clock.advance(99)
  expect(it.state('a')).toBe('stopping')
  await it.clock.advance(1)
  await ended
  finish()
  ref.send({ type: 'supervisor.shutdown' })
  it.app.ref.send({ type: 'supervisor.child.exited', id: 'a', ref, reason: { type: 'normal' } } as never)
  await it.clock.advance(1_000)
  expect(it.events.filter(({ type }) => type === 'child.exit')).toMatchObject([{ id: 'a', reason: { type: 'killed' } }])
  expect(it.app.ref.getSnapshot().zombieEffects).toBe(1)
  expect(it.state('a')).toBe('stopped')
  await it.app.stop()
})

test.each([3_600_000, -3_600_000])('corner 12: the wall clock jumps by %d ms, and nothing happens', async (jump) => {
  const it = bench({ mode: 'otp', intensity: 1, period: 5_000, children: [child('a')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  const { now } = Date
  Date.now = () => now() + jump
  await it.clock.advance(1_000)
  await it.crash('a')
  Date.now = now
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
})

test('what a machine has invoked is stopped when the machine throws', async () => {
  const alive: string[] = []
  const resource = (name: string): AnyActorLogic =>
    fromCallback(() => {
      alive.push(name)
      return () => {
        alive.splice(alive.indexOf(name), 1)
      }
    })
  const inner = createMachine({ invoke: { src: resource('inner') } })
  const logic = createMachine({
    invoke: [{ src: resource('outer') }, { src: inner }],
    on: { go: { actions: explode } },
  })
  const it = bench({ breaker: 'off', children: [child('a', { logic })] })
  await it.app.start()
  await it.clock.advance(10)
  expect(alive).toEqual(['outer', 'inner'])
  it.ref('a').send({ type: 'go' })
  await it.clock.advance(0)
  expect(it.state('a')).toBe('running')
  expect(alive).toEqual(['outer', 'inner'])
  await it.app.stop()
  expect(alive).toEqual([])
})

test('what a machine has invoked is stopped when its own entry action throws', async () => {
  let alive = 0
  const resource = fromCallback(() => {
    alive += 1
    return () => {
      alive -= 1
    }
  })
  const logic = createMachine({ invoke: { src: resource }, initial: 'x', states: { x: { entry: explode } } })
  const it = bench({ children: [child('a', { logic })] })
  await expect(it.app.start()).rejects.toMatchObject({ cause: boom })
  expect(alive).toBe(0)
})

test('a child that fails by sending to a missing actor affects no sibling', async () => {
  const logic = createMachine({ on: { go: { actions: sendTo('unknown', { type: 'x' }) } } })
  const it = bench({ children: [child('a', { logic }), child('b')] })
  await it.app.start()
  await it.clock.advance(10)
  it.ref('a').send({ type: 'go' })
  expect(it.app.children.map(({ incarnation }) => incarnation)).toEqual([2, 1])
  await it.app.stop()
})

test('unknown events sent to the supervisor are ignored', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  it.app.ref.send({ type: 'hello' } as never)
  it.app.ref.send({ type: 'supervisor.child.exited', id: 'a', startNumber: 7, reason: { type: 'killed' }, random: 0 })
  it.app.ref.send({ type: 'supervisor.timer', id: 'a', timer: 99, random: 0 })
  it.app.ref.send({ type: 'supervisor.boot' })
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 1 })
  await it.app.stop()
})

test('the events of one life, in order', async () => {
  const it = bench({ children: [slow('a', { awaitReady: false })] })
  await it.app.start()
  await it.send('a', { type: 'ready' })
  await it.clock.advance(10)
  await it.crash('a')
  await it.crash('a')
  await it.clock.advance(200)
  await it.app.stop()
  const common = { supervisor: 'app', id: 'a' }
  const started = { ref: expect.anything() }
  const because = (attempts: number): object => ({
    // One incident: the second failure comes before the child is ready again.
    incident: expect.stringMatching(/^app-\d+\.1$/) as unknown,
    child: 'a',
    supervisor: 'app',
    failure: expect.objectContaining({ attempts }) as unknown,
    plan: { strategy: 'one_for_one', action: 'restart' },
  })
  expect(it.events).toEqual([
    { type: 'child.start', ...common, incarnation: 1, ...started },
    { type: 'child.ready', ...common, incarnation: 1, ...started },
    { type: 'child.exit', ...common, incarnation: 1, ...started, reason: { type: 'error', error: expect.anything() } },
    { type: 'child.restart', ...common, incarnation: 1, ...started, attempt: 1, because: because(1) },
    { type: 'child.start', ...common, incarnation: 2, ...started, because: because(1) },
    { type: 'child.exit', ...common, incarnation: 2, ...started, reason: { type: 'error', error: expect.anything() } },
    {
      type: 'child.backoff',
      ...common,
      ...started,
      incarnation: 2,
      delay: 200,
      attempt: 2,
      failure: expect.objectContaining({ attempts: 2 }),
      because: because(2),
    },
    { type: 'child.restart', ...common, incarnation: 2, ...started, attempt: 2, because: because(2) },
    { type: 'child.start', ...common, incarnation: 3, ...started, because: because(2) },
    { type: 'child.exit', ...common, incarnation: 3, ...started, reason: { type: 'shutdown' } },
    { type: 'supervisor.exit', supervisor: 'app', reason: { type: 'shutdown' } },
  ])
})

test('off() ends listening', async () => {
  const it = bench({ children: [{ id: 'a', logic: obedient }] })
  const heard: string[] = []
  const listener = ({ id }: { id: string }): void => {
    heard.push(id)
  }
  it.app.on('child.start', listener).off('child.start', listener)
  await it.app.start()
  await it.app.stop()
  expect(heard).toEqual([])
})

test('a late event of a deleted child is not taken for one of a new child with its id', async () => {
  const arrivals: ((logic: typeof idle) => void)[] = []
  const logic = (): Promise<typeof idle> =>
    new Promise((resolve) => {
      arrivals.push(resolve)
    })
  const late = child('a', { logic, restart: 'temporary', startTimeout: 100 })
  const it = bench()
  await it.app.start()
  const first = it.app.startChild(late)
  first.catch(() => undefined)
  await it.clock.advance(100)
  const second = it.app.startChild(late)
  arrivals[0]?.(idle)
  await it.clock.advance(0)
  expect(it.state('a')).toBe('starting')
  expect(it.take()).toEqual([])
  arrivals[1]?.(idle)
  await second
  expect(it.take()).toEqual(['child.start a', 'child.ready a'])
  await it.app.stop()
})

test('an operation without an id, or that a supervisor does not know, is refused, and the supervisor goes on', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  for (const wrong of [undefined, null, 7] as never[]) {
    const asked = [
      it.app.terminateChild(wrong),
      it.app.restartChild(wrong),
      it.app.deleteChild(wrong),
      it.app.getChildSpec(wrong),
      it.app.unpark(wrong),
    ]
    expect(await Promise.all(asked.map(refusal))).toEqual(Array(5).fill('not_found'))
    expect(await refusal(it.app.startChild(wrong))).toBe('invalid_child_spec')
  }
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
})
