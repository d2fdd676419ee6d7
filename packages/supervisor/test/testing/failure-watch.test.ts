import { expect, test } from '@jest/globals'
import {
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
  type SupervisorSnapshot,
} from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { FailureWatch, faultsOf, VirtualClock, watchFailures } from '@terrarium/supervisor/testing'
import { fromPromise, fromTransition, type AnyActorRef } from 'xstate'
import { counter, db, nested } from './support.ts'

// A test whose body looks at nothing fails all the same: the watch looks at its end.

const failing = fromTransition((state: number, { type }: { type: string }) => {
  if (type === 'fail') throw new Error('refused')
  return state
}, 0)

interface Stand {
  readonly app: Supervisor
  readonly clock: VirtualClock
  readonly failures: FailureWatch
}

function stand(options: Partial<SupervisorOptions>): Stand {
  const failures = new FailureWatch()
  const clock = new VirtualClock()
  const app = createSupervisor({ id: 'app', clock, random: () => 0.5, ...options } as SupervisorOptions)
  return { app: failures.watch(app), clock, failures }
}

/** What the check at the end says. */
async function wrongAtEnd({ failures }: Stand): Promise<readonly string[]> {
  try {
    await failures.end()
    return []
  } catch (error) {
    const lines = (error as Error).message.split('\n')
    return lines.filter((line) => line.startsWith('  - ')).map((line) => line.slice('  - '.length))
  }
}

test('a test in which all goes well passes, whether it stops its app or not', async () => {
  for (const stops of [true, false]) {
    const the = stand({ children: nested() })
    await the.app.start()
    const { ref } = the.app
    if (stops) await the.app.stop()
    expect(await wrongAtEnd(the)).toEqual([])
    expect(ref.getSnapshot().status).not.toBe('active')
    expect(the.clock.pending).toBe(0)
  }
})

test('a child that fails and is restarted fails the test', async () => {
  const the = stand({ children: [{ id: 'flaky', logic: failing }] })
  await the.app.start()
  the.app.child('flaky')?.send({ type: 'fail' })
  await the.clock.advance(60_000)
  expect(the.app.children[0]?.state).toBe('running')
  await the.app.stop()
  expect(await wrongAtEnd(the)).toEqual(['app/flaky: refused'])
})

test('a child of a nested supervisor that fails fails the test, also after the supervisor was restarted', async () => {
  const the = stand({ children: nested() })
  await the.app.start()
  faultsOf(the.app).crash('jobs')
  await the.clock.advance(60_000)
  expect(the.failures.unexpected).toEqual([])
  const jobs = the.app.child('jobs')?.getSnapshot() as SupervisorSnapshot
  exit(jobs.child('mailer')?.ref as AnyActorRef, { type: 'error', error: new Error('gone') })
  await the.clock.advance(60_000)
  expect(await wrongAtEnd(the)).toEqual(['app/jobs/mailer: gone'])
})

test('a start that fails is noticed where the test swallows the rejection', async () => {
  const refusing = fromPromise(() => Promise.reject(new Error('no database')))
  const throwing = (): never => {
    throw new Error('no logic')
  }
  for (const [logic, why] of [
    [refusing, 'no database'],
    [throwing, 'no logic'],
  ] as const) {
    const the = stand({ children: [{ id: 'db', logic, ready: () => false }] })
    await the.app.start().catch(() => undefined)
    expect(await wrongAtEnd(the)).toEqual([expect.stringContaining(why)])
  }
})

test('an app that is not started, or not awaited until it is ready, fails the test', async () => {
  expect(await wrongAtEnd(stand({ children: nested() }))).toEqual(['app was never started'])
  const the = stand({ children: [db] })
  void the.app.start().catch(() => undefined)
  expect(await wrongAtEnd(the)).toEqual(['app never became ready'])
})

test('failures that a pattern names, or that faults have made, are wanted; a fault that nothing had is not', async () => {
  const the = stand({ children: [{ id: 'flaky', logic: failing }, ...nested()] })
  await the.app.start()
  the.failures.expect(/^app\/flaky: refused$/)
  the.app.child('flaky')?.send({ type: 'fail' })
  const faults = faultsOf(the.app)
  faults.crash('cache')
  faults.failStarts('jobs/mailer', { times: 2 })
  faults.crash('jobs/mailer')
  await the.clock.advance(60_000)
  expect(await wrongAtEnd(the)).toEqual([])

  const other = stand({ children: nested() })
  await other.app.start()
  faultsOf(other.app).hang('cash')
  expect(await wrongAtEnd(other)).toEqual(['no actor has had the fault for cash'])
})

test('patterns and failures are of one test', async () => {
  const the = stand({ children: [{ id: 'flaky', logic: failing }] })
  the.failures.expect(/refused/)
  await the.app.start()
  the.app.child('flaky')?.send({ type: 'fail' })
  expect(await wrongAtEnd(the)).toEqual([])
  const clock = new VirtualClock()
  const app = the.failures.watch(createSupervisor({ id: 'next', clock, children: [{ id: 'flaky', logic: failing }] }))
  await app.start()
  app.child('flaky')?.send({ type: 'fail' })
  expect(await wrongAtEnd(the)).toEqual(['next/flaky: refused'])
})

test('with the `afterEach` of a runner the check is registered once for all tests of a file', async () => {
  const ends: (() => void | Promise<void>)[] = []
  const failures = watchFailures((end) => ends.push(end))
  expect(ends).toHaveLength(1)
  failures.watch(createSupervisor({ id: 'app', children: [{ id: 'a', logic: counter }] }))
  await expect(ends[0]?.()).rejects.toThrow('app was never started')
  await expect(ends[0]?.()).resolves.toBeUndefined()
})
