import { expect, test } from '@jest/globals'
import type { AnyActorLogic, AnyActorRef } from 'xstate'
import { administrate, supervisor, type Administration, type ChildSpec } from '@terrarium/supervisor'
import { call, exit } from '@terrarium/supervisor/otp'
import { bench, child, idle, refusal, stubborn, type Bench } from '../support.ts'

const KILLED = { type: 'killed' } as const

/** A child that does not hear `supervisor.shutdown`, as most of OTP's. */
const worker = (id: string, more: Partial<ChildSpec> = {}): ChildSpec => child(id, { logic: idle, ...more })

async function running(...ids: string[]): Promise<Bench> {
  const it = bench({ mode: 'otp', children: ids.map((id) => worker(id)) })
  await it.app.start()
  return it
}

/** Nothing is left of the supervisor. */
async function over(it: Bench): Promise<void> {
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
}

/** Keeps the supervisor busy with the start of a child until it is let go. */
function hold(it: Bench, id = 'held'): () => Promise<void> {
  let release: (() => void) | undefined
  const held = new Promise<AnyActorLogic>((resolve) => {
    release = () => {
      resolve(idle)
    }
  })
  const started = it.app.startChild({ id, logic: () => held })
  return async () => {
    release?.()
    await started
  }
}

/** Every operation there is, asked of the child `a`. */
const everything = (of: Administration): Promise<unknown>[] => [
  of.startChild(worker('a')),
  of.terminateChild('a'),
  of.restartChild('a'),
  of.deleteChild('a'),
  of.reconfigure(worker('a')),
  of.unpark('a'),
  of.getChildSpec('a'),
  of.whichChildren(),
  of.countChildren(),
]

test('J01 startChild with the id of a running child is refused with its ref', async () => {
  const it = await running('a')
  await expect(it.app.startChild(worker('a'))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { reason: 'already_started', ref: it.ref('a') },
  })
  expect(await it.app.countChildren()).toEqual({ specs: 1, active: 1, supervisors: 0, workers: 1 })
  await over(it)
})

test('J02 startChild with the id of a stopped child is refused, and the old specification is kept', async () => {
  const it = await running('a')
  await it.app.terminateChild('a')
  expect(await refusal(it.app.startChild(worker('a', { restart: 'transient', shutdown: 7 })))).toBe('already_present')
  expect(await it.app.getChildSpec('a')).toMatchObject({ restart: 'permanent', shutdown: 5_000 })
  expect(it.state('a')).toBe('stopped')
  await over(it)
})

test('J03 every operation on an unknown id rejects with not_found', async () => {
  const it = await running('a')
  const { app } = it
  const operations = [app.terminateChild('x'), app.restartChild('x'), app.deleteChild('x'), app.getChildSpec('x')]
  expect(await Promise.all(operations.map(refusal))).toEqual(Array(4).fill('not_found'))
  expect(it.state('a')).toBe('running')
  await over(it)
})

test('J04 a running child can neither be deleted nor restarted', async () => {
  const it = await running('a')
  const a = it.ref('a')
  expect(await refusal(it.app.deleteChild('a'))).toBe('running')
  expect(await refusal(it.app.restartChild('a'))).toBe('running')
  expect(it.app.children).toMatchObject([{ id: 'a', state: 'running', ref: a, incarnation: 1 }])
  await over(it)
})

test('J05 terminateChild is idempotent, and keeps the specification', async () => {
  const it = await running('a')
  const a = it.ref('a')
  it.take()
  await expect(it.app.terminateChild('a')).resolves.toBeUndefined()
  await expect(it.app.terminateChild('a')).resolves.toBeUndefined()
  expect(it.take()).toEqual(['child.exit a'])
  expect(it.state('a')).toBe('stopped')
  expect(await it.app.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 1 })
  const again = await it.app.restartChild('a')
  expect(again).toBe(it.ref('a'))
  expect(again).not.toBe(a)
  await over(it)
})

test('J06 a deleted child is not found any more', async () => {
  const it = await running('a')
  await it.app.terminateChild('a')
  await expect(it.app.deleteChild('a')).resolves.toBeUndefined()
  const operations = [it.app.deleteChild('a'), it.app.terminateChild('a'), it.app.restartChild('a')]
  expect(await Promise.all(operations.map(refusal))).toEqual(Array(3).fill('not_found'))
  expect(await it.app.countChildren()).toEqual({ specs: 0, active: 0, supervisors: 0, workers: 0 })
  await over(it)
})

test('J07 the specification of a temporary child is gone once it is stopped', async () => {
  const it = await running()
  await it.app.startChild(worker('a', { restart: 'temporary' }))
  await expect(it.app.terminateChild('a')).resolves.toBeUndefined()
  expect(await refusal(it.app.restartChild('a'))).toBe('not_found')
  expect(await it.app.whichChildren()).toEqual([])
  await over(it)
})

test('J08 whichChildren lists in reverse start order', async () => {
  const it = await running('a', 'b')
  await it.app.startChild({ id: 'c', logic: supervisor({ id: 'c', mode: 'otp' }) })
  await it.app.terminateChild('b')
  expect(await it.app.whichChildren()).toEqual([
    { id: 'c', type: 'supervisor', state: 'running', ref: it.ref('c'), incarnation: 1 },
    { id: 'b', type: 'worker', state: 'stopped', incarnation: 1 },
    { id: 'a', type: 'worker', state: 'running', ref: it.ref('a'), incarnation: 1 },
  ])
  await over(it)
})

test('J09 countChildren counts specifications by type, and the children that are alive now', async () => {
  const it = await running('a', 'b')
  await it.app.startChild({ id: 'sub', logic: supervisor({ id: 'sub', mode: 'otp' }) })
  await it.app.startChild({ id: 'down', logic: supervisor({ id: 'down', mode: 'otp' }) })
  await it.app.terminateChild('b')
  await it.app.terminateChild('down')
  expect(await it.app.countChildren()).toEqual({ specs: 4, active: 2, supervisors: 2, workers: 2 })

  // Dead, but the supervisor has not got as far as that yet.
  const release = hold(it)
  const listed = it.app.whichChildren()
  const counted = it.app.countChildren()
  exit(it.ref('a'), KILLED)
  await release()
  expect(await listed).toContainEqual({ id: 'a', type: 'worker', state: 'running', incarnation: 1 })
  expect(await counted).toEqual({ specs: 5, active: 2, supervisors: 2, workers: 3 })
  await it.clock.advance(1)
  expect(await it.app.countChildren()).toMatchObject({ active: 3 })
  await over(it)
})

test('J10 a child that has an id is not found by its ref', async () => {
  const it = await running('a')
  const a = it.ref('a')
  expect(await refusal(it.app.terminateChild(a))).toBe('not_found')
  expect(it.ref('a')).toBe(a)
  await over(it)
})

test('J11 terminateChild leaves the siblings alone, whatever the strategy', async () => {
  const it = bench({
    mode: 'otp',
    strategy: 'one_for_all',
    intensity: 0,
    children: ['a', 'b', 'c'].map((id) => worker(id)),
  })
  await it.app.start()
  const [a, c] = [it.ref('a'), it.ref('c')]
  it.take()
  await it.app.terminateChild('b')
  await it.clock.advance(1_000)
  expect(it.take()).toEqual(['child.exit b'])
  expect([it.ref('a'), it.ref('c')]).toEqual([a, c])
  await over(it)
})

test('J12 a supervisor before its start or after its end refuses every operation', async () => {
  const it = bench({ mode: 'otp', intensity: 0, children: [worker('a')] })
  expect(await Promise.all(everything(it.app).map(refusal))).toEqual(Array(9).fill('STOPPED'))
  await it.app.start()
  exit(it.ref('a'), KILLED)
  await it.clock.advance(0)
  expect(it.take('supervisor.exit')).toEqual(['supervisor.exit'])
  expect(await Promise.all(everything(it.app).map(refusal))).toEqual(Array(9).fill('STOPPED'))

  const other = bench({ mode: 'otp', children: [{ id: 'sub', logic: supervisor({ id: 'sub', mode: 'otp' }) }] })
  await other.app.start()
  const sub = administrate(other.ref('sub'))
  await other.app.stop()
  expect(await Promise.all(everything(sub).map(refusal))).toEqual(Array(9).fill('STOPPED'))
  expect([it.clock.pending, other.clock.pending]).toEqual([0, 0])
})

test('J13 operations on a supervisor that is ending are rejected', async () => {
  const it = bench({ mode: 'otp', children: [worker('a', { logic: stubborn, shutdown: 100 })] })
  await it.app.start()
  const stopped = it.app.stop()
  expect(it.state('a')).toBe('stopping')
  let starts = 0
  const late = it.app.startChild({
    id: 'late',
    logic: () => {
      starts += 1
      return idle
    },
  })
  const refused = refusal(late)
  await it.clock.advance(100)
  expect(await refused).toBe('STOPPED')
  await stopped
  expect(starts).toBe(0)
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
  expect(it.clock.pending).toBe(0)
})

test('J14 a supervisor ignores a message and a call that it does not know', async () => {
  const it = bench({
    mode: 'otp',
    children: [{ id: 'sub', logic: supervisor({ id: 'sub', mode: 'otp', children: [worker('a')] }) }],
  })
  await it.app.start()
  const sub = it.ref('sub')
  const before = await administrate(sub).whichChildren()
  sub.send({ type: 'hello' })
  sub.send({ type: 'xstate.done.actor.unknown', actorId: 'unknown' })
  const asked = call(sub, { type: 'what is this' }, { timeout: 100, clock: it.clock })
  await Promise.all([expect(asked).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' }), it.clock.advance(100)])
  // Even if it looks like one of the supervisor's own.
  sub.send({ type: 'supervisor.hello' })
  sub.send({ type: 'supervisor.call', call: { type: 'hello' }, reply: () => undefined })
  await it.clock.advance(0)
  expect(it.app.children).toMatchObject([{ id: 'sub', state: 'running', ref: sub, incarnation: 1 }])
  expect(await administrate(sub).whichChildren()).toEqual(before)
  await over(it)
})

test('J15 a child that has died is not active, though its supervisor has not heard of it and lists it as running', async () => {
  const it = await running('a', 'b')
  const a = it.ref('a')
  const answers: unknown[] = []
  // Asked before the death, answered after it: the supervisor is in the middle of an event.
  it.app.on('child.exit', ({ id }) => {
    if (id !== 'b') return
    void it.app.whichChildren().then((children) => answers.push(children))
    void it.app.countChildren().then((counts) => answers.push(counts))
    exit(a, KILLED)
  })
  await it.app.terminateChild('b')
  await it.clock.advance(0)
  expect(answers).toEqual([
    [
      expect.objectContaining({ id: 'b', state: 'stopped' }),
      expect.objectContaining({ id: 'a', state: 'running', ref: a }),
    ],
    { specs: 2, active: 0, supervisors: 0, workers: 2 },
  ])
  expect(await it.app.countChildren()).toMatchObject({ active: 1 })
  await over(it)

  // Dynamic children count as active until the supervisor has heard of their end.
  for (const strategy of ['simple_one_for_one', 'dynamic'] as const) {
    const many = bench({ mode: 'otp', strategy, ...(strategy === 'dynamic' ? {} : { children: [worker('job')] }) })
    await many.app.start()
    const start = (): Promise<unknown> => many.app.startChild(strategy === 'dynamic' ? worker('job') : undefined)
    const [one] = [(await start()) as AnyActorRef, await start()]
    const other = many.app.children[1]?.ref as AnyActorRef
    let counts: unknown
    many.app.on('child.exit', ({ ref }) => {
      if (ref !== other) return
      void many.app.countChildren().then((answer) => (counts = answer))
      exit(one, KILLED)
    })
    await many.app.terminateChild(other)
    await many.clock.advance(0)
    expect(counts).toMatchObject({ active: 1, workers: 1 })
    await over(many)
  }
})
