import { expect, test } from '@jest/globals'
import { supervisor } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { child, NO_JITTER, slow, started, stubborn, type Bench } from './support.ts'

const HOUR = 3_600_000
const boom = new Error('boom')

const attempts = (it: Bench): unknown => it.app.children[0]?.failure?.attempts

const inside = (it: Bench, id: string): ReturnType<Bench['app']['child']> =>
  (it.ref('sub').getSnapshot() as ReturnType<Bench['app']['ref']['getSnapshot']>).child(id)?.ref

/** What the nested supervisor remembers of its children. */
const knownTo = (it: Bench): unknown =>
  (it.ref('sub').getSnapshot() as { memory: { children: unknown } }).memory.children

test('X03 a stable run that a group restart ends counts as stable', async () => {
  const it = await started({ strategy: 'one_for_all', children: [child('a'), child('b')] })
  await it.crash('a')
  await it.clock.advance(HOUR)
  await it.crash('b')
  await it.clock.advance(1_000)
  await it.crash('a')
  expect([it.state('a'), attempts(it)]).toEqual(['running', 1])
  await it.app.stop()
})

test('X03 a stable run that an operation ends counts as stable, and its failures are forgotten', async () => {
  const it = await started({ children: [child('a', { onExhausted: 'escalate' })] })
  await it.crash('a')
  expect(it.app.ref.getSnapshot().memory.children).toHaveProperty('a')
  await it.clock.advance(HOUR)
  expect(it.app.ref.getSnapshot().memory.children).toEqual({})
  await it.app.terminateChild('a')
  await it.app.restartChild('a')
  await it.clock.advance(1_000)
  await it.crash('a')
  expect([it.state('a'), attempts(it)]).toEqual(['running', 1])
  await it.app.stop()
})

test('X14 ready in between clears the count, also if that run ended cleanly', async () => {
  const it = await started({ backoff: NO_JITTER, children: [slow('a', { awaitReady: false })] })
  const wait = (): Promise<void> => it.clock.advance(Math.max(0, (it.app.children[0]?.until ?? 0) - it.clock.now()))
  for (let failure = 0; failure < 2; failure += 1) {
    await it.crash('a', boom)
    await wait()
  }
  await it.send('a', { type: 'ready' })
  await it.clock.advance(6_000)
  await it.send('a', { type: 'finish', output: undefined })
  await wait()
  await it.crash('a', boom)
  expect(it.state('a')).toBe('backing_off')
  await it.app.stop()
})

test('X22 a parked child stays parked in the next incarnation of its supervisor', async () => {
  let starts = 0
  const latched = child('x', {
    awaitReady: false,
    logic: () => {
      starts += 1
      throw Object.assign(new Error('no such path'), { code: 'CONFIGURATION' })
    },
  })
  const sub = supervisor({ id: 'sub', intensity: 0, children: [latched, child('y')] })
  const it = await started({ children: [child('sub', { logic: sub })] })
  for (let life = 2; life < 5; life += 1) {
    inside(it, 'y')?.send({ type: 'throw', error: boom })
    await it.clock.advance(11_000)
    expect(it.app.children[0]?.incarnation).toBe(life)
  }
  expect(starts).toBe(1)
  await it.app.stop()
})

test('X22 a killed supervisor hands on its own history, not that of an earlier incarnation', async () => {
  const backoff = { ...NO_JITTER, maxAttempts: 2 }
  const x = child('x', { onExhausted: 'escalate' })
  const sub = supervisor({ id: 'sub', breaker: 'off', backoff, children: [x] })
  const it = await started({ children: [child('sub', { logic: sub })] })
  const fail = async (): Promise<void> => {
    inside(it, 'x')?.send({ type: 'throw', error: boom })
    await it.clock.advance(1_000)
  }
  for (let failure = 0; failure < 3; failure += 1) await fail()
  expect(it.app.children[0]?.incarnation).toBe(2)
  await it.clock.advance(HOUR)
  await fail()
  await it.clock.advance(HOUR)
  exit(it.ref('sub'), { type: 'killed' })
  await it.clock.advance(1_000)
  expect(knownTo(it)).toEqual({})
  await fail()
  expect(it.app.children[0]?.incarnation).toBe(3)
  await it.app.stop()
})

test('a snapshot keeps the last delay, the age of the first failure, and the remaining time of a parked child', async () => {
  const options = {
    backoff: {
      delay: ({ attempt, previous }: { attempt: number; previous: number }) => attempt * 100 + previous,
      maxElapsed: 5_000,
      maxAttempts: Infinity,
    },
    children: [child('a', { breaker: 'off' }), slow('b', { awaitReady: false, breaker: { identical: 1 } })],
  } as const
  const before = await started(options)
  await before.crash('a')
  await before.clock.advance(100)
  await before.crash('a')
  await before.clock.advance(300)
  await before.crash('b')
  await before.clock.advance(1_000)
  const snapshot = JSON.parse(JSON.stringify(before.app.ref.getPersistedSnapshot())) as never
  await before.app.stop()
  const after = await started({ ...options, snapshot })
  const left = (index: number): number => (after.app.children[index]?.until ?? 0) - after.clock.now()
  expect([after.state('b'), left(1)]).toEqual(['parked', 28_990])
  await after.crash('a')
  expect([after.state('a'), left(0)]).toEqual(['backing_off', 600])
  await after.clock.advance(4_500)
  await after.crash('a')
  expect(after.state('a')).toBe('parked')
  await after.app.stop()
})

test.each(['terminateChild', 'reconfigure'] as const)(
  '%s drops the history of a nested supervisor',
  async (operation) => {
    const make = () => supervisor({ id: 'sub', children: [child('x')] })
    const it = await started({ children: [child('sub', { logic: make() })] })
    const failure = (): unknown =>
      (it.ref('sub').getSnapshot() as { child(id: string): { failure?: unknown } }).child('x').failure
    inside(it, 'x')?.send({ type: 'throw', error: boom })
    await it.clock.advance(1_000)
    expect(failure()).toBeDefined()
    exit(it.ref('sub'), { type: 'killed' })
    await it.clock.advance(1_000)
    expect(failure()).toBeDefined()
    if (operation === 'terminateChild') {
      await it.app.terminateChild('sub')
      await it.app.restartChild('sub')
    } else {
      exit(it.ref('sub'), { type: 'killed' })
      expect(it.state('sub')).toBe('backing_off')
      await it.app.reconfigure(child('sub', { logic: make() }))
    }
    expect(it.state('sub')).toBe('running')
    expect(failure()).toBeUndefined()
    await it.app.stop()
  },
)

test('a nested supervisor that is killed at its deadline leaves nothing either', async () => {
  const children = [child('x'), child('slow', { logic: stubborn, shutdown: 'infinity' })]
  const logic = supervisor({ id: 'sub', children })
  const it = await started({ children: [child('sub', { logic, shutdown: 100 })] })
  inside(it, 'x')?.send({ type: 'throw', error: boom })
  await it.clock.advance(1_000)
  const terminated = it.app.terminateChild('sub')
  await it.clock.advance(100)
  await terminated
  expect(it.events.at(-1)).toMatchObject({ type: 'child.exit', reason: { type: 'killed' } })
  await it.app.restartChild('sub')
  expect(knownTo(it)).toEqual({})
  const stopped = it.app.stop()
  await it.clock.advance(100)
  await stopped
})
