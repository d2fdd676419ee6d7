import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromTransition, type AnyActorRef } from 'xstate'
import { administrate, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, idle, NO_JITTER, slow, started } from './support.ts'

const boom = new Error('boom')

test('corner 4: stop() from a listener during the first start stops the children started so far', async () => {
  const it = bench({ children: [child('a')] })
  let stopped: Promise<void> | undefined
  it.app.on('child.start', () => {
    stopped ??= it.app.stop()
  })
  await it.app.start().catch(() => undefined)
  await stopped
  expect([it.state('a'), it.app.ref.getSnapshot().status]).toEqual(['stopped', 'done'])
})

test('corner 4: an operation called by a listener during the first start runs after it', async () => {
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

test('a start function whose promise-like throws in then() is a start error', async () => {
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

test('a pending operation is rejected when the supervisor fails', async () => {
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

test('X16 a second probe of a parked child is refused, whichever operation asks for it', async () => {
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

test('X09 with reviveStopped false: a crashed child comes back with the group, also after a retry', async () => {
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

test('X09 with reviveStopped false: a child that was terminated while it was held down stays down', async () => {
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

test('corner 6: an outdated timer starts nothing', async () => {
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

test.each(['one_for_one', 'one_for_all', 'rest_for_one', 'dynamic'] as const)(
  'E3: %s: the second of two exits within one event is handled before a failed start is retried',
  async (strategy) => {
    const log: string[] = []
    const failures = new Map([['b', [2]]])
    const spec = (id: string): ChildSpec => ({
      id,
      logic: ({ incarnation }) => {
        const fails = failures.get(id)?.includes(incarnation) === true
        log.push(`${fails ? 'fail' : 'start'} ${id}${incarnation}`)
        if (fails) throw boom
        return idle
      },
    })
    const isDynamic = strategy === 'dynamic'
    const it = await started({ mode: 'otp', intensity: 9, strategy, children: isDynamic ? [] : ['a', 'b'].map(spec) })
    if (isDynamic) for (const id of ['a', 'b']) await it.app.startChild(spec(id))
    log.splice(0)
    const [a, b] = it.app.children.map(({ ref }) => ref) as [AnyActorRef, AnyActorRef]
    const reply = (): void => {
      for (const ref of [b, a]) exit(ref, { type: 'error', error: boom })
    }
    it.app.ref.send({ type: 'supervisor.call', call: { type: 'whichChildren' }, reply })
    await it.clock.advance(0)
    expect(log).toEqual(
      {
        one_for_one: ['fail b2', 'start a2', 'start b3'],
        dynamic: ['fail b2', 'start a2', 'start b3'],
        // The death of b stops a, whose own death is not noticed any more (D12).
        one_for_all: ['start a2', 'fail b2', 'start a3', 'start b3'],
        // The death of a comes before the next try, and takes b with it.
        rest_for_one: ['fail b2', 'start a2', 'start b3'],
      }[strategy],
    )
    await it.app.stop()
  },
)
