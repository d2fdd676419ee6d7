import { expect, test } from '@jest/globals'
import { createMachine, fromCallback, fromPromise, sendTo, type AnyActorLogic } from 'xstate'
import { bench, child, idle, obedient, refusal, slow } from './support.ts'
import './uncaught.ts'

const boom = new Error('boom')

const explode = (): never => {
  throw boom
}

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
  const failed = (attempts: number): object => ({
    // One incident: the second failure comes before the child is ready again.
    incident: expect.stringMatching(/^app-\d+\.1$/) as unknown,
    child: 'a',
    supervisor: 'app',
    failure: expect.objectContaining({ attempts }) as unknown,
  })
  const because = (attempts: number): object => ({
    ...failed(attempts),
    plan: { strategy: 'one_for_one', action: 'restart' },
  })
  const exited = (attempts: number): object => ({
    type: 'child.exit',
    ...common,
    ...started,
    incarnation: attempts,
    reason: { type: 'error', error: expect.anything() as unknown },
    because: failed(attempts), // the strategy is asked afterwards
  })
  expect(it.events).toEqual([
    { type: 'child.start', ...common, incarnation: 1, ...started },
    { type: 'child.ready', ...common, incarnation: 1, ...started },
    exited(1),
    { type: 'child.restart', ...common, incarnation: 1, ...started, attempt: 1, because: because(1) },
    { type: 'child.start', ...common, incarnation: 2, ...started, because: because(1) },
    exited(2),
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
