import { expect, test } from '@jest/globals'
import {
  administrate,
  createSupervisor,
  supervisor,
  type SupervisorOptions,
  type Supervisor,
} from '@terrarium/supervisor'
import { call } from '@terrarium/supervisor/otp'
import { faultsOf, VirtualClock, type Faults } from '@terrarium/supervisor/testing'
import { createMachine, type AnyActorRef } from 'xstate'
import { counter, db, every, KINDS, nested } from './support.ts'

interface Stand {
  readonly app: Supervisor
  readonly clock: VirtualClock
  readonly faults: Faults
}

function stand(options: Partial<SupervisorOptions>): Stand {
  const clock = new VirtualClock()
  const app = createSupervisor({ id: 'app', clock, random: () => 0.5, ...options } as SupervisorOptions)
  return { app, clock, faults: faultsOf(app) }
}

const refOf = ({ app }: Stand, id: string): AnyActorRef => {
  const ref = app.child(id)
  if (ref === undefined) throw new Error(`${id} has no actor`)
  return ref
}

const contextOf = (ref: AnyActorRef | undefined): unknown => (ref?.getSnapshot() as { context?: unknown }).context

test.each(Object.keys(KINDS))('a child that is a %s crashes when told to, and is restarted', async (id) => {
  const the = stand({ children: every() })
  await the.app.start()
  const failures: unknown[] = []
  the.app.on('child.exit', ({ reason }) => failures.push(reason))
  const before = refOf(the, id)
  the.faults.crash(id)
  expect(failures).toEqual([{ type: 'error', error: new Error(`${id} was told to crash`) }])
  await the.clock.advance(60_000)
  expect(the.app.children.find((each) => each.id === id)).toMatchObject({ state: 'running', incarnation: 2 })
  expect(refOf(the, id)).not.toBe(before)
  await the.app.stop()
})

test('a crash has the error that is given', async () => {
  const the = stand({ children: nested() })
  await the.app.start()
  const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  the.faults.crash('cache', error)
  expect(the.app.children[0]?.failure).toMatchObject({ error, class: 'transient' })
  await the.app.stop()
})

test('a child of a nested supervisor, a dynamic child, and an actor that a machine invokes have faults by their paths', async () => {
  const pool = supervisor({ id: 'pool', strategy: 'simple_one_for_one', children: [{ id: 'item', logic: counter }] })
  const machine = createMachine({ invoke: { id: 'inner', src: KINDS.supervisor as never } })
  const the = stand({ children: [...nested(), { id: 'pool', logic: pool }, { id: 'machine', logic: machine }] })
  await the.app.start()
  const item = await administrate(refOf(the, 'pool')).startChild({})
  the.faults.crash('jobs/mailer')
  the.faults.crash(item as AnyActorRef)
  the.faults.crash('machine/inner/leaf')
  await the.clock.advance(60_000)
  const incarnations = async (ref: AnyActorRef): Promise<number[]> =>
    (await administrate(ref).whichChildren()).map(({ incarnation }) => incarnation)
  expect(await incarnations(refOf(the, 'jobs'))).toEqual([2])
  expect(await incarnations(refOf(the, 'pool'))).toEqual([2])
  const { children } = refOf(the, 'machine').getSnapshot() as { readonly children: { readonly inner: AnyActorRef } }
  expect(await incarnations(children.inner)).toEqual([2])
  expect(the.app.children.map(({ incarnation }) => incarnation)).toEqual([1, 1, 1, 1])
  await the.app.stop()
})

test('starts fail as often as they are told to: the first start of the app, or restarts until the child is parked', async () => {
  const first = stand({ children: nested() })
  const refused = new Error('no database')
  first.faults.failStarts('cache', { error: refused })
  await expect(first.app.start()).rejects.toMatchObject({ code: 'START_FAILED', cause: refused })

  const deep = stand({ children: nested() })
  deep.faults.failStarts('jobs/mailer')
  await expect(deep.app.start()).rejects.toMatchObject({ code: 'START_FAILED' })

  const later = stand({ children: [{ id: 'cache', logic: counter, systemId: 'cache' }] })
  await later.app.start()
  later.faults.failStarts('cache', { times: Infinity, error: refused })
  later.faults.crash('cache')
  await later.clock.advance(3_600_000)
  expect(later.app.children[0]).toMatchObject({ state: 'parked', failure: { error: refused } })
  later.faults.heal()
  await later.app.unpark('cache')
  expect(later.app.children[0]).toMatchObject({ state: 'running' })
  await later.app.stop()
})

test.each(Object.keys(KINDS))('a child that is a %s hangs, and can be stopped', async (id) => {
  const the = stand({ children: every() })
  await the.app.start()
  const ref = refOf(the, id)
  the.faults.hang(id)
  ref.send({ type: 'count' })
  if (id === 'transition') expect(contextOf(ref)).toBe(0)
  const restarted = the.app.restartChild(id).catch((error: unknown) => error)
  expect(await restarted).toMatchObject({ code: 'INVALID_ARGUMENT' })
  const stopped = the.app.terminateChild(id)
  if (id === 'supervisor') the.faults.heal(id) // it has as long as it takes
  await the.clock.advance(10_000)
  await stopped
  expect(ref.getSnapshot()).not.toMatchObject({ status: 'error' })
  expect(the.app.child(id)).toBeUndefined()
  await the.app.stop()
})

test('a hung child answers no call, its promises and delays come to nothing, and it takes all of that once it is healed', async () => {
  const the = stand({ children: [db, { id: 'cache', logic: counter }] })
  const started = the.app.start()
  the.faults.hang('db')
  await the.clock.advance(1_000)
  expect(the.app.children[0]?.state).toBe('starting')
  the.faults.heal('db')
  await started
  expect(the.app.children[0]?.state).toBe('running')
  the.faults.hang('cache')
  const asked = call(refOf(the, 'cache'), { type: 'count' }, { timeout: 500 })
  const refused = expect(asked).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await the.clock.advance(500)
  await refused
  expect(contextOf(the.app.child('cache'))).toBe(0)
  the.faults.heal('cache')
  expect(contextOf(the.app.child('cache'))).toBe(1)
  await the.app.stop()
})

test('a child that hangs from its start on is not ready in time', async () => {
  const the = stand({ children: [{ ...db, startTimeout: 5_000 }] })
  the.faults.hang('db')
  const refused = expect(the.app.start()).rejects.toMatchObject({ code: 'START_FAILED' })
  await the.clock.advance(5_000)
  await refused
})

test('a slow child gets each event later, in order', async () => {
  const the = stand({ children: nested() })
  await the.app.start()
  const ref = refOf(the, 'cache')
  the.faults.slow('cache', 200)
  ref.send({ type: 'count' })
  await the.clock.advance(100)
  ref.send({ type: 'count' })
  expect(contextOf(ref)).toBe(0)
  await the.clock.advance(100)
  expect(contextOf(ref)).toBe(1)
  await the.clock.advance(100)
  expect(contextOf(ref)).toBe(2)
  ref.send({ type: 'count' })
  the.faults.heal()
  expect(contextOf(ref)).toBe(3)
  await the.clock.advance(1_000)
  expect(contextOf(ref)).toBe(3)
  await the.app.stop()
})

test('a fault is of as many incarnations as are named, by default of one', async () => {
  const the = stand({ children: nested(), backoff: 'off' })
  await the.app.start()
  const takes = (): boolean => {
    const ref = refOf(the, 'cache')
    ref.send({ type: 'count' })
    return contextOf(ref) === 1
  }
  for (const incarnations of [undefined, 2, Infinity]) {
    the.faults.hang('cache', incarnations === undefined ? {} : { incarnations })
    const seen: boolean[] = []
    for (let n = 0; n < 3; n += 1) {
      seen.push(takes())
      the.faults.crash('cache')
      await the.clock.advance(60_000)
    }
    expect(seen).toEqual([0, 1, 2].map((n) => n >= (incarnations ?? 1)))
    the.faults.heal()
    the.faults.crash('cache')
    await the.clock.advance(60_000)
  }
  await the.app.stop()
})

test('what cannot be meant is refused, and a fault that no actor has had is known', async () => {
  const the = stand({ children: nested() })
  const { faults } = the
  expect(() => {
    faults.crash('cache')
  }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/./) }))
  await the.app.start()
  const invalid = (use: () => void, message: RegExp): void => {
    expect(use).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }))
  }
  invalid(() => {
    faults.crash('cash')
  }, /^cash has no actor now: it does not exist$/)
  invalid(() => {
    faults.crash('jobs/cache')
  }, /does not exist/)
  invalid(() => {
    faults.hang('')
  }, /no such child below app/)
  invalid(() => {
    faults.slow('cache', -1)
  }, /ms must be ms, 0 or more, not -1/)
  invalid(() => {
    faults.hang('cache', { incarnations: 0 })
  }, /incarnations must be a whole number from 1/)
  invalid(() => {
    faults.failStarts('cache', { times: 1.5 })
  }, /times must be a whole number from 1/)
  invalid(() => {
    faultsOf({} as never)
  }, /is no supervisor/)
  faults.hang('cash')
  faults.hang('cache')
  expect(faults.unmet).toEqual(['cash'])
  expect(faultsOf(the.app)).toBe(faults)
  await the.app.stop()
})
