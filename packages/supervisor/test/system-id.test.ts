import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, fromPromise, spawnChild, type AnyActorRef } from 'xstate'
import { childSpec, createSupervisor, supervisor, type ChildSpec, type SupervisorOptions } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, idle, refusal, slow, stubborn, type Bench } from './support.ts'

const boom = new Error('boom')

async function started(...children: ChildSpec[]): Promise<Bench> {
  const it = bench({ breaker: 'off', children })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

const named = ({ app }: Bench, systemId = 'name'): AnyActorRef | undefined =>
  app.ref.system.get(systemId as never) as AnyActorRef | undefined

const throwing = fromCallback(({ receive }) => {
  receive(fail)
})

/** A child of this name. */
const called = (more: Partial<ChildSpec> = {}): ChildSpec => child('a', { systemId: 'name', ...more })

test('E9: a child is found by its systemId in each incarnation', async () => {
  const it = await started(called(), child('b'))
  for (let life = 1; life <= 3; life += 1) {
    expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: life })
    expect(named(it)).toBe(it.ref('a'))
    await it.crash('a')
    await it.clock.advance(1_000)
  }
  expect(await it.app.getChildSpec('a')).toMatchObject({ systemId: 'name' })
  await it.app.stop()
  expect(named(it)).toBeUndefined()
})

test('E9: nested children and siblings find a systemId under any supervisor', async () => {
  const found: unknown[] = []
  const seeker = createMachine({
    on: { seek: { actions: ({ system }) => void found.push(system.get('inner')) } },
  })
  const inner = supervisor({ id: 'inner', children: [child('x', { systemId: 'inner' })] })
  const it = await started({ id: 'sub', logic: inner, systemId: 'name' }, child('seeker', { logic: seeker }))
  it.ref('seeker').send({ type: 'seek' })
  const { ref } = (it.ref('sub').getSnapshot() as { child(id: string): { ref: AnyActorRef } }).child('x')
  expect(found).toEqual([ref])
  expect(named(it)).toBe(it.ref('sub'))
  exit(it.ref('sub'), { type: 'killed' })
  await it.clock.advance(1_000)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  expect(named(it)).toBe(it.ref('sub'))
  await it.app.stop()
})

test('E9: the systemId of a child is free after any exit, and belongs to the next incarnation', async () => {
  const ends: [string, Partial<ChildSpec>, (it: Bench) => unknown][] = [
    ['crash', {}, (it) => it.crash('a')],
    ['end', {}, (it) => it.end('a', { type: 'normal' })],
    [
      'kill',
      {},
      (it) => {
        exit(it.ref('a'), { type: 'killed' })
      },
    ],
    ['termination', {}, (it) => it.app.terminateChild('a')],
    ['brutal kill', { shutdown: 'brutal_kill' }, (it) => it.app.terminateChild('a')],
    [
      'deadline',
      { logic: stubborn, shutdown: 10 },
      (it) => {
        const terminated = it.app.terminateChild('a')
        return it.clock.advance(10).then(() => terminated)
      },
    ],
    ['throwing callback', { logic: throwing }, (it) => it.crash('a')],
    ['rejection', { logic: fromPromise(() => Promise.reject(boom)) }, (it) => it.clock.advance(0)],
    ['start that takes too long', { ...slow('a'), awaitReady: false, startTimeout: 20 }, (it) => it.clock.advance(10)],
    [
      'failing initial state',
      { logic: createMachine({ context: fail }), awaitReady: false },
      (it) => it.clock.advance(0),
    ],
    ['failing entry', { logic: createMachine({ entry: fail }), awaitReady: false }, (it) => it.clock.advance(0)],
  ]
  for (const [name, spec, end] of ends) {
    const it = await started(called({ backoff: { first: 1_000, jitter: 'none' }, ...spec }))
    await end(it)
    expect([name, it.app.children[0]?.ref, named(it)]).toEqual([name, undefined, undefined])
    await it.app.terminateChild('a')
    // Another actor may have it meanwhile.
    const other = await it.app.startChild(child('other', { systemId: 'name' }))
    expect(named(it)).toBe(other)
    await it.app.terminateChild('other')
    const { logic } = spec
    if (logic === undefined || logic === stubborn) {
      const next = await it.app.restartChild('a')
      expect(named(it)).toBe(next)
    }
    const stopped = it.app.stop()
    await it.clock.advance(10)
    await stopped
    expect(named(it)).toBeUndefined()
  }
})

test('E9: after a group restart, and after a restart of the supervisor, all children have their systemIds again', async () => {
  const inner = supervisor({
    id: 'inner',
    strategy: 'one_for_all',
    backoff: 'off',
    intensity: 1,
    children: ['x', 'y', 'z'].map((id) => child(id, { systemId: id })),
  })
  const it = await started({ id: 'sub', logic: inner, systemId: 'sub', backoff: 'off' })
  const statusOf = (id: string): unknown => (named(it, id)?.getSnapshot() as { status: string } | undefined)?.status
  const incarnations = (): unknown => ['x', 'y', 'z'].map(statusOf)
  const before = named(it, 'sub')
  for (const id of ['y', 'x', 'z']) {
    named(it, id)?.send({ type: 'throw', error: boom })
    await it.clock.advance(100)
    expect(incarnations()).toEqual(['active', 'active', 'active'])
  }
  expect(named(it, 'sub')).not.toBe(before)
  await it.app.stop()
  expect(incarnations()).toEqual([undefined, undefined, undefined])
})

test('E9: a child that is killed in the middle of its own event gives its name to its successor at once', async () => {
  const logic = createMachine({
    on: {
      fell: {
        actions: ({ self }) => {
          exit(self._parent as AnyActorRef, { type: 'killed' })
        },
      },
    },
  })
  const sub = supervisor({ id: 'sub', children: [called({ logic }), nestedCalled()] })
  const it = await started({ id: 'sub', logic: sub, backoff: 'off' })
  const first = named(it)
  const t = named(it, 't')
  first?.send({ type: 'fell' })
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  expect(named(it)).toBeDefined()
  expect(named(it)).not.toBe(first)
  expect(named(it, 't')).not.toBe(t) // though the old one still stops its children
  expect(t?.getSnapshot()).toMatchObject({ status: 'active', phase: 'stopping' })
  await it.clock.advance(5_000)
  expect(t?.getSnapshot()).toMatchObject({ status: 'done' })
  expect(named(it, 't')?.getSnapshot()).toMatchObject({ status: 'active' })
  const stopped = it.app.stop()
  await it.clock.advance(5_000)
  await stopped
})

/** A supervisor that takes its time to stop. */
function nestedCalled(): ChildSpec {
  return { id: 't', systemId: 't', logic: supervisor({ id: 't', children: [child('w', { logic: stubborn })] }) }
}

test('E9: the systemId of an actor that a child made in its failed step is free', async () => {
  const inner = fromCallback(() => undefined)
  const fail = (): never => {
    throw boom
  }
  const logic = createMachine({ on: { fall: { actions: [spawnChild(inner, { systemId: 'inner' }), fail] } } })
  const it = await started(child('a', { logic }))
  for (const each of [1, 2]) {
    it.ref('a').send({ type: 'fall' })
    await it.clock.advance(1_000)
    expect(named(it, 'inner')).toBeUndefined()
    expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: each + 1 })
  }
  await it.app.stop()
})

test('E9: a taken systemId is refused: within one list as a mistake, else as a start error that names the owner', async () => {
  const twice = [called(), child('b', { systemId: 'name' }), child('c', { systemId: 'name' })]
  expect(() => createSupervisor({ id: 'app', children: twice })).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      details: {
        reason: 'duplicate',
        mistakes: [1, 2].map((index) => `children[${index}].systemId 'name' is taken by an earlier child`),
      },
    }),
  )

  const it = await started(called())
  const cause = {
    code: 'INVALID_ARGUMENT',
    message: "the systemId 'name' of child b belongs to actor a",
    hint: 'Give each actor of a system a systemId of its own.',
    details: { reason: 'already_started', systemId: 'name', ref: it.ref('a') },
  }
  await expect(it.app.startChild(child('b', { systemId: 'name' }))).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringContaining(cause.message),
    hint: cause.hint,
    cause,
  })
  expect([named(it), it.state('b')]).toEqual([it.ref('a'), 'absent'])
  await it.app.stop()

  // Also an id that is taken by an actor of the system that is no child of the supervisor.
  const app = supervisor({ id: 'app', children: [called()] })
  const machine = createMachine({
    invoke: [
      { src: idle, systemId: 'name', id: 'first' },
      { src: app, id: 'app' },
    ],
  })
  const actor = createActor(machine)
  let failure: unknown
  actor.subscribe({ error: (error) => (failure = error) })
  actor.start()
  expect(failure).toMatchObject({ code: 'START_FAILED', cause: { message: expect.stringContaining('actor first') } })
})

test('E9: a restart waits until a systemId that was taken meanwhile is free', async () => {
  const it = await started(called({ backoff: { first: 100, base: 100, jitter: 'none' } }))
  await it.crash('a')
  await it.app.startChild(child('thief', { systemId: 'name' }))
  await it.clock.advance(100)
  expect(it.app.children[0]).toMatchObject({
    state: 'backing_off',
    failure: { error: { details: { reason: 'already_started' } }, phase: 'start' },
  })
  await it.app.terminateChild('thief')
  await it.clock.advance(100)
  expect([it.state('a'), named(it)]).toEqual(['running', it.ref('a')])
  await it.app.stop()
})

test('E9: dynamic children may have one each, children of a template none', async () => {
  const dynamic = bench({ strategy: 'dynamic' })
  await dynamic.app.start()
  const ref = await dynamic.app.startChild(called())
  expect(named(dynamic)).toBe(ref)
  await expect(dynamic.app.startChild(called())).rejects.toMatchObject({ code: 'START_FAILED' })
  await dynamic.crash(ref?.id ?? '')
  await dynamic.clock.advance(100)
  expect(named(dynamic)).toBe(dynamic.app.children[0]?.ref)
  await dynamic.app.stop()

  const options: SupervisorOptions = { id: 'app', strategy: 'simple_one_for_one', children: [called()] }
  expect(() => createSupervisor(options)).toThrow(/children\[0\]\.systemId is not for strategy simple_one_for_one/)
})

test('E9: a systemId that is empty or no string is refused', async () => {
  for (const systemId of ['', 7, null, {}] as never[]) {
    expect(() => createSupervisor({ id: 'app', children: [called({ systemId })] })).toThrow(
      /children\[0\]\.systemId must be a non-empty string, not /,
    )
    const it = await started()
    expect(await refusal(it.app.startChild(called({ systemId })))).toBe('invalid_option')
    await it.app.stop()
  }
})

test('E9: types know what a systemId may be', () => {
  expect(childSpec({ id: 'a', logic: idle, systemId: 'name' })).toMatchObject({ systemId: 'name' })
  // @ts-expect-error -- a name is a string
  const wrong = childSpec({ id: 'a', logic: idle, systemId: 7 })
  expect(() => createSupervisor({ id: 'app', children: [wrong] })).toThrow(/systemId must be a non-empty string/)
})

function fail(): never {
  throw boom
}
