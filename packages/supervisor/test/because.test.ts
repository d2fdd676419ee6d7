// Causes in events: because of which failure and plan, with one id for an incident, up and down nested supervisors.
import { describe, expect, test } from '@jest/globals'
import { createActor, createMachine, type AnyActorRef } from 'xstate'
import {
  administrate,
  supervisor,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import type { Because, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { bench, child, idle, NO_JITTER, NOON, obedient, slow, started } from './support.ts'

const BOOM = { type: 'throw', error: new Error('boom') }

/** Records the events of a whole tree. */
function watch(ref: AnyActorRef, events: SupervisorEvent[]): void {
  ref.on('*', (emitted: object) => {
    if (!('supervisor' in emitted)) return
    const event = emitted as SupervisorEvent
    events.push(event)
    if (event.type === 'child.start') watch(event.ref, events)
  })
}

type Caused = SupervisorEvent & { readonly id: string; readonly because?: Because }
const causes = (events: readonly SupervisorEvent[]): string[] =>
  (events as readonly Caused[])
    .filter(({ type }) =>
      ['child.start', 'child.exit', 'child.restart', 'child.backoff', 'child.parked'].includes(type),
    )
    .map(({ type, id, because }) => {
      const why =
        because === undefined
          ? 'none'
          : `${because.incident.replace(/^.*\./, '#')} ${because.supervisor}/${because.child}`
      return `${type.replace('child.', '')} ${id}: ${why}`
    })

test.each(['default', 'otp'] as const)('mode %s: a restart of a group tells of the failure', async (mode) => {
  const it = await started({ mode, strategy: 'one_for_all', children: [child('a'), child('b')] })
  const boom = new TypeError('boom')
  await it.crash('a', boom)
  expect(causes(it.events.slice(4))).toEqual([
    'exit a: #1 app/a',
    ...['restart a: #1 app/a', 'exit b: #1 app/a'],
    'start a: #1 app/a',
    'start b: #1 app/a',
  ])
  const { because } = it.events.at(-2) as Caused
  expect(because).toMatchObject({
    failure: { error: boom, class: 'bug', phase: 'run', attempts: 1, at: it.clock.now() },
    plan: { strategy: 'one_for_all', action: 'restart' },
  })
  expect(because?.failure.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  expect(JSON.parse(JSON.stringify(because))).toMatchObject({ failure: { error: { message: 'boom' }, class: 'bug' } })
  await it.app.stop()
})

test('first starts, operations, an orderly stop and a clean exit have no cause', async () => {
  const it = bench({ children: [child('a'), child('t', { restart: 'transient' })] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  it.events.length = 0
  await it.app.terminateChild('a')
  await it.app.restartChild('a')
  await it.end('t', { type: 'normal' })
  await it.app.startChild(child('b'))
  await it.app.stop()
  expect(causes(it.events)).toEqual([
    ...['exit a: none', 'start a: none', 'exit t: none', 'start b: none', 'exit b: none', 'exit a: none'],
  ])
})

test.each(['default', 'otp'] as const)('mode %s: a temporary child that fails tells so', async (mode) => {
  const it = await started({
    mode,
    children: [child('t', { restart: 'temporary' }), child('c', { restart: 'temporary' })],
  })
  await it.crash('t')
  await it.end('c', { type: 'normal' })
  expect(causes(it.events.slice(4))).toEqual(['exit t: #1 app/t', 'exit c: none'])
  await it.app.stop()
})

test('an exit that waits for its answer is judged at once, unless its failures are forgotten meanwhile', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  for (const id of ['a', 'b']) await it.crash(id)
  await it.clock.advance(100)
  it.events.length = 0
  const added = it.app.startChild(slow('c'))
  await it.clock.advance(0)
  const changed = it.app.reconfigure(child('a', { meta: 'another' }))
  await it.crash('a')
  await it.crash('b')
  await it.clock.advance(300)
  await it.send('c', { type: 'ready' })
  await Promise.all([added, changed])
  const told = (it.events as (Caused & { readonly failure?: unknown })[])
    .filter(({ type }) => type === 'child.exit' || type === 'child.restart' || type === 'child.backoff')
    .map(
      ({ type, id, because }) => `${type} ${id} ${because?.failure.attempts ?? 0} ${(because?.failure.at ?? 0) - NOON}`,
    )
  expect(told).toEqual([
    ...['child.exit a 2 110', 'child.exit b 2 110'],
    ...['child.restart a 1 410', 'child.backoff b 2 110'],
  ])
  await it.app.stop()
})

test('a child that is held down for one failure keeps that cause when another one needs it too', async () => {
  const strategy: RestartStrategy = { name: 'pairs', plan: ({ id }) => ({ restart: [id, 'c'] }) }
  const backoff = { first: 100, jitter: 'none' } as const
  const it = await started({ strategy, backoff, children: [child('a'), child('b'), child('c')] })
  await it.crash('a')
  await it.clock.advance(50)
  await it.crash('b')
  expect(it.app.explain('c').because).toMatchObject({ child: 'a' })
  await it.app.stop()
})

test('an incident lasts until the child is ready again; the next failure begins another', async () => {
  let starts = 0
  const logic = (): typeof obedient => {
    starts += 1
    if (starts === 2) throw new Error('not yet')
    return obedient
  }
  const it = await started({ children: [child('a', { logic })] })
  await it.crash('a')
  await it.clock.advance(1_000)
  await it.crash('a')
  await it.clock.advance(1_000)
  expect(causes(it.events.slice(2))).toEqual([
    ...['exit a: #1 app/a', 'restart a: #1 app/a', 'backoff a: #1 app/a', 'restart a: #1 app/a', 'start a: #1 app/a'],
    ...['exit a: #2 app/a', 'backoff a: #2 app/a', 'restart a: #2 app/a', 'start a: #2 app/a'],
  ])
  await it.app.stop()
})

test('a parked child tells why, and so does its probe; unpark() is an operation', async () => {
  const fails = { error: new Error('boom') }
  const it = bench({ children: [slow('a', { awaitReady: false, breaker: { identical: 1 } })] })
  await it.app.start()
  await it.crash('a', fails.error)
  await it.clock.advance(30_000)
  await it.crash('a', fails.error)
  await it.app.unpark('a')
  expect(causes(it.events)).toEqual([
    ...['start a: none', 'exit a: #1 app/a', 'parked a: #1 app/a', 'start a: #1 app/a'],
    ...['exit a: #1 app/a', 'parked a: #1 app/a', 'start a: none'],
  ])
  const parked = it.events.find(({ type }) => type === 'child.parked') as Caused
  expect(parked.because?.plan).toBeUndefined() // the breaker did not ask the strategy
  await it.app.stop()
})

test('each child has the words of its own action', async () => {
  const strategy: RestartStrategy = {
    name: 'talkative',
    plan: ({ id }) => ({
      actions: [
        { action: 'delay', child: id, by: 100, because: 'let it cool' },
        { action: 'restart', child: 'b', because: 'it caches a' },
        { action: 'park', child: 'c', because: 'useless without a' },
      ],
    }),
  }
  const it = await started({ strategy, children: [child('a'), child('b'), child('c')] })
  await it.crash('a')
  await it.clock.advance(100)
  const words = (it.events as Caused[])
    .filter(({ because }) => because?.plan !== undefined)
    .map(
      ({ type, id, because }) =>
        `${type} ${id}: ${because?.plan?.strategy ?? ''} ${because?.plan?.action ?? ''}, ${because?.plan?.because ?? ''}`,
    )
  expect(words).toEqual([
    'child.backoff a: talkative delay, let it cool',
    'child.exit c: talkative park, useless without a',
    'child.exit b: talkative restart, it caches a',
    'child.parked c: talkative park, useless without a',
    'child.restart b: talkative restart, it caches a',
    'child.start b: talkative restart, it caches a',
    'child.restart a: talkative delay, let it cool',
    'child.start a: talkative delay, let it cool',
  ])
  expect(new Set((it.events as Caused[]).flatMap(({ because }) => because?.incident ?? [])).size).toBe(1)
  await it.app.stop()
})

test('children that a faulty plan or an exceeded intensity ends tell of the failure', async () => {
  for (const options of [
    { strategy: { name: 'odd', plan: () => ({ restart: ['x'] }) } },
    { intensity: 0, backoff: 'off' },
  ] as const) {
    const it = await started({ ...options, children: [child('a'), child('b')] })
    await it.crash('a')
    expect(causes(it.events.slice(4))).toEqual(['exit a: #1 app/a', 'exit b: #1 app/a'])
  }
})

describe.each(['default', 'otp'] as const)('nested supervisors, mode %s', (mode) => {
  const inside = (it: { app: Supervisor }, id: string): AnyActorRef | undefined =>
    (it.app.child('sub')?.getSnapshot() as { child(id: string): { ref?: AnyActorRef } }).child(id).ref
  const sub = (options: Partial<SupervisorOptions> = {}) =>
    supervisor({
      id: 'sub',
      mode,
      intensity: 0,
      children: [child('x'), child('y')],
      ...(mode === 'otp' ? {} : { backoff: 'off' as const }),
      ...options,
    })

  async function tree(options: Partial<SupervisorOptions> = {}, inner: Partial<SupervisorOptions> = {}) {
    const it = bench({
      mode,
      strategy: 'one_for_all',
      intensity: 5,
      children: [child('a'), { id: 'sub', logic: sub(inner) }],
      ...options,
    })
    const events: SupervisorEvent[] = []
    watch(it.app.ref, events)
    await it.app.start()
    await it.clock.advance(10)
    events.length = 0
    return { ...it, tree: events }
  }
  const incidents = (events: readonly SupervisorEvent[]): string[] => [
    ...new Set((events as Caused[]).flatMap(({ because }) => because?.incident ?? [])),
  ]

  test('up: a supervisor that gives up hands its incident to the supervisor above', async () => {
    const it = await tree()
    inside(it, 'x')?.send(BOOM)
    await it.clock.advance(0)
    expect(causes(it.tree)).toEqual([
      'exit x: #1 sub/x',
      'exit y: #1 sub/x',
      'exit sub: #1 app/sub',
      'restart sub: #1 app/sub',
      'exit a: #1 app/sub',
      'start a: #1 app/sub',
      'start sub: #1 app/sub',
    ])
    expect(incidents(it.tree)).toEqual([expect.stringMatching(/^sub-\d+\.1$/)])
    await it.app.stop()
  })

  test('down: what it does because the supervisor above stops or starts it has that incident', async () => {
    const it = await tree()
    const heard: SupervisorEvent[] = []
    watch(it.app.child('sub') as AnyActorRef, heard)
    await it.crash('a')
    expect(causes(heard)).toEqual(['exit y: #1 app/a', 'exit x: #1 app/a'])
    expect(incidents(heard)).toEqual(incidents(it.tree))
    const again = it.app.child('sub')?.getSnapshot() as { child(id: string): unknown }
    expect(again.child('x')).toMatchObject({ state: 'running' })
    await it.app.stop()
  })

  test('an orderly stop from above has no cause', async () => {
    const it = await tree()
    await it.crash('a')
    it.tree.length = 0
    await it.app.stop()
    expect(new Set(causes(it.tree).map((line) => line.replace(/^.*: /, '')))).toEqual(new Set(['none']))
  })

  test('a user who stops a nested supervisor is not the supervisor above', async () => {
    const it = await tree({ strategy: 'one_for_one' })
    await it.crash('a')
    it.tree.length = 0
    const heard: SupervisorEvent[] = []
    const ref = it.app.child('sub') as AnyActorRef
    watch(ref, heard)
    await administrate(ref).stop()
    expect(causes(heard)).toEqual(['exit y: none', 'exit x: none'])
    await it.app.stop()
  })
})

test('down through a machine: the supervisor that it invokes has the incident', async () => {
  const events: SupervisorEvent[] = []
  const inner = supervisor({ id: 'inner', children: [child('x')] })
  const machine = createMachine({ invoke: { id: 'inner', src: inner, onSnapshot: {} } })
  const it = await started({ strategy: 'one_for_all', children: [child('a'), child('m', { logic: machine })] })
  const find = (): AnyActorRef =>
    (it.ref('m').getSnapshot() as { children: Record<string, AnyActorRef> }).children.inner as AnyActorRef
  watch(find(), events)
  await it.crash('a')
  expect(causes(events)).toEqual(['exit x: #1 app/a'])
  await it.app.stop()
})

test('a supervisor whose first start fails tells its incident to the supervisor above', async () => {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    if (starts === 2) throw new Error('not yet')
    return idle
  }
  const inner = supervisor({ id: 'sub', intensity: 0, backoff: 'off', children: [child('x', { logic }), child('y')] })
  const it = await started({ backoff: NO_JITTER, children: [{ id: 'sub', logic: inner }] })
  ;(it.ref('sub').getSnapshot() as { child(id: string): { ref: AnyActorRef } }).child('y').ref.send(BOOM)
  await it.clock.advance(1_000)
  const told = (it.events as Caused[]).flatMap(({ because }) => because ?? [])
  expect(told.map(({ failure }) => failure.attempts)).toEqual([1, 1, 1, 2, 2, 2, 2])
  expect(new Set(told.map(({ incident }) => incident)).size).toBe(1)
  await it.app.stop()
})

test('two supervisors with one id in an actor system have incidents of their own', async () => {
  const clock = new VirtualClock()
  const logic = supervisor({ id: 'same', children: [child('x')] })
  const machine = createMachine({
    invoke: [
      { id: 'one', src: logic },
      { id: 'two', src: logic },
    ],
  })
  const actor = createActor(machine, { clock }).start()
  const events: SupervisorEvent[] = []
  for (const ref of Object.values<AnyActorRef>(actor.getSnapshot().children)) {
    watch(ref, events)
    ;(ref.getSnapshot() as { child(id: string): { ref: AnyActorRef } }).child('x').ref.send(BOOM)
  }
  await clock.advance(0)
  const told = (events as Caused[]).flatMap(({ because }) => because?.incident ?? [])
  expect([told.length, new Set(told).size]).toEqual([6, 2])
  actor.stop()
})
