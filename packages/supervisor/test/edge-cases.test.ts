import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, fromPromise, fromTransition, type AnyActorRef } from 'xstate'
import {
  administrate,
  call,
  createRegistry,
  exit,
  exitReasonOf,
  fromServer,
  monitor,
  supervisor,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { bench, child, idle, NO_JITTER, slow, stubborn, type Bench } from './support.ts'

const HOUR = 3_600_000
const boom = new Error('boom')

async function started(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench(options)
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

const attempts = (it: Bench): unknown => it.app.children[0]?.failure?.attempts

// What a run has proven counts, however it ends.

test('X03 a stable run that the group has ended is stable', async () => {
  const it = await started({ strategy: 'one_for_all', children: [child('a'), child('b')] })
  await it.crash('a')
  await it.clock.advance(HOUR)
  await it.crash('b')
  await it.clock.advance(1_000)
  await it.crash('a')
  expect([it.state('a'), attempts(it)]).toEqual(['running', 1])
  await it.app.stop()
})

test('X03 a stable run that an operation has ended is stable, and its failures are not handed on', async () => {
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

test('X14 ready in between clears the count, also if that run has ended well', async () => {
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

// While the children are being started.

test('corner 4: stop() from a listener during the first start stops what has been started', async () => {
  const it = bench({ children: [child('a')] })
  let stopped: Promise<void> | undefined
  it.app.on('child.start', () => {
    stopped ??= it.app.stop()
  })
  await it.app.start().catch(() => undefined)
  await stopped
  expect([it.state('a'), it.app.ref.getSnapshot().status]).toEqual(['stopped', 'done'])
})

test('corner 4: what is asked for by a listener during the first start is done after it', async () => {
  const it = bench({ children: [child('a'), child('b')] })
  let asked: Promise<unknown> | undefined
  it.app.on('child.start', () => {
    asked ??= it.app.startChild(child('c'))
  })
  await it.app.start()
  await expect(asked).resolves.toMatchObject({ id: 'c' })
  expect(it.take('child.start')).toEqual(['child.start a', 'child.start b', 'child.start c'])
  await it.app.stop()
})

test('awaitReady: false waits for no start function either', async () => {
  const never = child('a', { awaitReady: false, logic: () => new Promise<never>(() => undefined) })
  const it = bench({ children: [never, child('b')] })
  await it.app.start()
  expect([it.state('a'), it.state('b')]).toEqual(['starting', 'running'])
  await it.app.stop()
})

test('startChild of a child that need not become ready waits for its actor', async () => {
  const it = await started({})
  let make: (logic: typeof idle) => void = () => undefined
  const logic = (): Promise<typeof idle> =>
    new Promise((resolve) => {
      make = resolve
    })
  const asked = it.app.startChild(child('a', { awaitReady: false, logic }))
  await it.clock.advance(10)
  make(idle)
  await expect(asked).resolves.toMatchObject({ id: 'a' })
  await it.app.stop()
})

test('a promise-like that throws when it is waited for is a start error', async () => {
  const it = await started({ children: [child('b')] })
  const logic = (): never =>
    ({
      then: () => {
        throw boom
      },
    }) as never
  await expect(it.app.startChild(child('a', { logic }))).rejects.toMatchObject({ code: 'START_FAILED', cause: boom })
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})

test('an operation is rejected, and not thrown, when an inspector of the root breaks its message', async () => {
  let isFaulty = false
  const inspect = (): void => {
    if (isFaulty) throw boom
  }
  const root = createActor(createMachine({ invoke: { id: 'sub', src: supervisor({ id: 'sub' }) } }), {
    inspect,
  }).start()
  const { sub } = root.getSnapshot().children as Record<string, AnyActorRef | undefined>
  const administration = administrate(sub as AnyActorRef)
  isFaulty = true
  const answer = administration.whichChildren()
  isFaulty = false
  await expect(answer).rejects.toBe(boom)
  root.stop()
})

test('whoever waits for an answer while the supervisor fails is refused', async () => {
  let isFaulty = false
  const random = (): number => {
    if (isFaulty) throw boom
    return 0.5
  }
  const it = await started({ random, children: [child('b')] })
  const waiting = it.app.startChild(slow('a'))
  const refused = expect(waiting).rejects.toMatchObject({ code: 'STOPPED' })
  isFaulty = true
  it.ref('b').send({ type: 'throw', error: boom })
  await refused
})

test('administrations leave nothing behind at the supervisor', async () => {
  const it = await started({ children: [slow('a', { awaitReady: false })] })
  const observers = (): number => (it.app.ref as unknown as { observers: Set<unknown> }).observers.size
  const before = observers()
  const waiting = [administrate(it.app.ref), administrate(it.app.ref)].map((each, index) =>
    each.startChild(slow(`b${index}`)),
  )
  expect(observers()).toBeGreaterThan(before)
  for (const id of ['b0', 'b1']) await it.send(id, { type: 'ready' })
  await Promise.all(waiting)
  expect(observers()).toBe(before)
  await it.app.stop()
})

// Who is in the middle of an event ends after it.

test.each(['otp', 'default'] as const)(
  'mode %s: a child whose own message has felled its sibling is down before it is started again',
  async (mode) => {
    let alive = 0
    let most = 0
    let fell = (): void => undefined
    const registry = createRegistry<string>({ keys: 'unique' })
    const logic = fromCallback(({ receive }) => {
      most = Math.max(most, ++alive)
      receive(() => {
        fell()
      })
      return () => {
        alive -= 1
      }
    })
    const it = await started({
      mode,
      strategy: 'one_for_all',
      ...(mode === 'otp' ? { intensity: 1 } : {}),
      children: [child('a', { logic: registry.named('a', logic) }), child('b')],
    })
    const early: string[] = []
    it.app.on('child.exit', ({ id, ref }) => {
      if (exitReasonOf(ref) === undefined) early.push(id)
    })
    const b = it.ref('b')
    fell = () => {
      b.send({ type: 'throw', error: boom })
    }
    it.ref('a').send({ type: 'go' })
    await it.clock.advance(0)
    expect({ early, most }).toEqual({ early: [], most: 1 })
    expect(it.app.children).toMatchObject([
      { id: 'a', state: 'running', incarnation: 2 },
      { id: 'b', state: 'running', incarnation: 2 },
    ])
    await it.app.stop()
    expect(alive).toBe(0)
  },
)

// Why an actor is over.

test.each(['normal', 'shutdown'] as const)(
  'a transient child that exits with %s while it starts has ended well',
  async (type) => {
    const reason = type === 'normal' ? { type, output: undefined } : { type }
    const logic = createMachine({
      entry: ({ self }) => {
        exit(self, reason)
      },
    })
    const it = bench({ children: [child('a', { logic, restart: 'transient' })] })
    await it.app.start()
    await it.clock.advance(60_000)
    expect(it.events.filter((event) => event.type === 'child.exit')).toMatchObject([{ reason }])
    expect([it.state('a'), it.app.ref.getSnapshot().zombieEffects]).toEqual(['stopped', 0])
    await it.app.stop()
  },
)

test('a supervisor that is ended by exit() says for what', async () => {
  const it = await started({ children: [child('a')] })
  exit(it.app.ref, { type: 'shutdown', detail: 'enough' })
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown', detail: 'enough' } })
})

test('a clean-up that throws is the reason of the exit', async () => {
  const logic = fromCallback(() => () => {
    throw boom
  })
  const it = await started({ children: [child('a', { logic })] })
  const downs: unknown[] = []
  monitor(it.ref('a'), ({ reason }) => downs.push(reason))
  await it.app.terminateChild('a')
  await it.clock.advance(0)
  const reason = { type: 'error', error: boom }
  expect(it.events.at(-1)).toMatchObject({ type: 'child.exit', reason })
  expect(downs).toEqual([reason])
  await it.app.stop()
})

test('an actor that is killed before it was ever started is over for those who wait for it', async () => {
  const ref = createActor(idle)
  const registry = createRegistry<string>({ keys: 'unique' })
  registry.register('k', ref)
  const downs: unknown[] = []
  monitor(ref, ({ reason }) => downs.push(reason.type))
  const called = call(ref, { type: 'x' }, { timeout: 'infinity' })
  exit(ref, { type: 'killed' })
  await expect(called).rejects.toMatchObject({ code: 'STOPPED' })
  expect([downs, registry.size]).toEqual([['killed'], 0])
})

test('a lock whose holder ends while its work throws is no unhandled rejection', async () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const holder = createActor(idle).start()
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const work = (): never => {
    exit(holder, { type: 'killed' })
    throw boom
  }
  await expect(registry.lock('k', holder, work)).rejects.toBe(boom)
  await new Promise((resolve) => setTimeout(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

test.each([Infinity, 30 * 86_400_000])('a call may wait for %s ms', async (timeout) => {
  const ref = createActor(fromServer({ init: () => ({ state: 0 }), handleCall: () => undefined })).start()
  let isSettled = false
  const aborter = new AbortController()
  const called = call(ref, { type: 'x' }, { timeout, signal: aborter.signal }).finally(() => {
    isSettled = true
  })
  const refused = expect(called).rejects.toMatchObject({ code: 'CANCELLED' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(isSettled).toBe(false)
  aborter.abort()
  await refused
  ref.stop()
})

// Specifications and memory.

test('an incarnation is stopped by the specification that it was started with', async () => {
  const it = await started({ children: [child('a', { logic: stubborn })] })
  await it.app.reconfigure({ id: 'a', logic: supervisor({ id: 'sub' }) })
  const stopped = it.app.stop()
  await it.clock.advance(5_000)
  await stopped
  expect(it.state('a')).toBe('stopped')
})

const inside = (it: Bench, id: string): ReturnType<Bench['app']['child']> =>
  (it.ref('sub').getSnapshot() as ReturnType<Bench['app']['ref']['getSnapshot']>).child(id)?.ref

/** What the nested supervisor remembers of its children. */
const knownTo = (it: Bench): unknown =>
  (it.ref('sub').getSnapshot() as { memory: { children: unknown } }).memory.children

test('X22 who is parked is parked in the next life of a supervisor', async () => {
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

test('X22 a supervisor that was killed hands on what it knew then, not what an earlier one had', async () => {
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

test('X16 a parked child is not tried twice at a time, however the second try is asked for', async () => {
  const it = bench({ children: [slow('a')] })
  const error = Object.assign(new Error('no key'), { code: 'CONFIGURATION' })
  const starting = it.app.start()
  await it.send('a', { type: 'ready' })
  await starting
  await it.crash('a', error)
  await it.crash('a', error)
  expect(it.state('a')).toBe('parked')
  const first = it.app.restartChild('a')
  await expect(it.app.restartChild('a')).rejects.toMatchObject({ details: { reason: 'breaker_half_open' } })
  await it.send('a', { type: 'ready' })
  await expect(first).resolves.toMatchObject({ id: 'a' })
  await it.app.stop()
})

test('X07 without a breaker any endless delay is refused, since delayed restarts are not counted', () => {
  const backoff = { ...NO_JITTER, base: 100, maxAttempts: Infinity, maxElapsed: Infinity }
  const options = { backoff, intensity: 5, period: 5_000, children: [child('a')] }
  expect(() => bench({ ...options, breaker: 'off' })).toThrow('could fail for ever')
  expect(() => bench(options)).not.toThrow()
})

test('X09 with reviveStopped false: who had crashed himself comes back with the group, also after a second try', async () => {
  let refuses = false
  const first = (ms: number) => ({ backoff: { ...NO_JITTER, first: ms } })
  const logic = (): typeof idle => {
    if (!refuses) return idle
    refuses = false
    throw boom
  }
  const failing = fromTransition((state: number, { type }: { type: string }) => {
    if (type === 'fail') throw boom
    return state
  }, 0)
  const it = await started({
    reviveStopped: false,
    strategy: 'rest_for_one',
    children: [
      child('a', { ...first(200), logic: () => (logic() === idle ? failing : idle) }),
      child('b', first(800)),
      child('c'),
    ],
  })
  await it.crash('b')
  await it.clock.advance(300)
  refuses = true
  it.ref('a').send({ type: 'fail' })
  await it.clock.advance(60_000)
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
  await it.app.stop()
})

test('X09 with reviveStopped false: who was terminated while he was held down stays down', async () => {
  const backoff = { ...NO_JITTER, first: 100 }
  const it = await started({
    reviveStopped: false,
    strategy: 'one_for_all',
    backoff,
    children: [child('a'), child('b')],
  })
  await it.crash('a')
  await it.app.terminateChild('b')
  await it.clock.advance(60_000)
  expect([it.state('a'), it.state('b')]).toEqual(['running', 'stopped'])
  await it.app.stop()
})

test('a late rejection of a child that was stopped is nobody’s, and what it sends goes where it is sent', async () => {
  let end = (): void => undefined
  const it = await started({
    children: [
      child('a', {
        logic: fromPromise(
          () =>
            new Promise((_resolve, reject) => {
              end = () => {
                reject(boom)
              }
            }),
        ),
      }),
    ],
  })
  await it.app.terminateChild('a')
  end()
  await it.clock.advance(100)
  expect([it.state('a'), it.app.ref.getSnapshot().zombieEffects]).toEqual(['stopped', 0])
  await it.app.stop()
})

test('a snapshot keeps the last delay, since when failures go on, and how long a child is still parked', async () => {
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
  '%s makes what a nested supervisor knew bygones',
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

test('corner 6: a timer that is not the present one starts nothing', async () => {
  const it = await started({ backoff: { ...NO_JITTER, first: 1_000 }, children: [child('a')] })
  await it.crash('a')
  for (let timer = 0; timer < 10; timer += 1) {
    if (it.clock.pending === 1 && timer !== 1)
      it.app.ref.send({ type: 'supervisor.timer', id: 'a', timer, random: 0.5 })
  }
  await it.clock.advance(999)
  expect(it.state('a')).toBe('backing_off')
  await it.clock.advance(1)
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('a nested supervisor that was too slow to be terminated leaves nothing either', async () => {
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
