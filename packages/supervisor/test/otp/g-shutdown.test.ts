import { expect, test } from '@jest/globals'
import { createMachine, fromTransition } from 'xstate'
import {
  administrate,
  exitWith,
  supervisor,
  type ChildSpec,
  type ExitReason,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { exit, exitReasonOf, fromServer, unlink, type ServerLogic } from '@terrarium/supervisor/otp'
import { bench, child, idle, stubborn, type Bench } from '../support.ts'
import { BOOM, KILLED, NORMAL, SHUTDOWN } from './actors.ts'

const DAY = 24 * 3_600_000

interface Started extends Bench {
  /** The exits since the start: which child, when, how. */
  readonly ends: string[]
}

async function started(options: Partial<SupervisorOptions>): Promise<Started> {
  const it = bench({ mode: 'otp', ...options })
  const ends: string[] = []
  it.app.on('child.exit', ({ id, reason }) => ends.push(`${it.elapsed()} ${id} ${reason.type}`))
  await it.app.start()
  return { ...it, ends }
}

/** Stops the supervisor; it takes exactly so many ms, and nothing is left of it. */
async function stopsIn(ms: number, { app, clock, events }: Bench): Promise<void> {
  let stopped = false
  const stopping = app.stop().then(() => {
    stopped = true
  })
  if (ms > 0) {
    await clock.advance(ms - 1)
    expect(stopped).toBe(false)
    await clock.advance(1)
  }
  await stopping
  expect(events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: SHUTDOWN })
  expect(clock.pending).toBe(0)
}

/** Ends so many ms after it was asked to, for this reason. */
const slowly = (ms: number, reason: ExitReason = SHUTDOWN, asked: () => void = () => undefined): ChildSpec['logic'] =>
  createMachine({
    initial: 'up',
    states: {
      up: { on: { 'supervisor.shutdown': { target: 'ending', actions: asked } } },
      ending: { after: { [ms]: 'down' } },
      down: { type: 'final' },
    },
    output: () => exitWith(reason),
  })

/** A server, and what its terminate hook was told. */
function hooked(trapExit: boolean): {
  readonly reasons: ExitReason[]
  readonly logic: ServerLogic<undefined, unknown>
} {
  const reasons: ExitReason[] = []
  const terminate = (reason: ExitReason): void => {
    reasons.push(reason)
  }
  return { reasons, logic: fromServer({ trapExit, init: () => ({ state: undefined }), terminate }) }
}

test('G01 children are stopped one at a time in reverse start order, each down before the next is signalled', async () => {
  const log: string[] = []
  const spec = (id: string, ms: number): ChildSpec =>
    child(id, { logic: slowly(ms, SHUTDOWN, () => log.push(`${it.elapsed()} ask ${id}`)) })
  const it = await started({ children: [spec('a', 10), spec('b', 20), spec('c', 30)] })
  it.app.on('child.exit', ({ id }) => log.push(`${it.elapsed()} exit ${id}`))
  await stopsIn(60, it)
  expect(log).toEqual(['0 ask c', '30 exit c', '30 ask b', '50 exit b', '50 ask a', '60 exit a'])
})

test('G02 two children that ignore the request take the sum of their times', async () => {
  const deaf = { logic: stubborn, shutdown: 100 }
  const it = await started({ children: [child('a', deaf), child('b', deaf)] })
  await stopsIn(200, it)
  expect(it.ends).toEqual(['100 b killed', '200 a killed'])
})

test('G03 dynamic children are stopped all at once', async () => {
  const deaf = child('job', { logic: stubborn, shutdown: 100 })
  for (const strategy of ['simple_one_for_one', 'dynamic'] as const) {
    const isTemplated = strategy === 'simple_one_for_one'
    const it = await started({ strategy, ...(isTemplated ? { children: [deaf] } : {}) })
    for (let n = 0; n < 3; n += 1) await (isTemplated ? it.app.startChild() : it.app.startChild(deaf))
    await stopsIn(100, it)
    expect(it.ends.toSorted()).toEqual(['100 job:1 killed', '100 job:2 killed', '100 job:3 killed'])
  }
})

test('G04 a trapping child is asked, runs its terminate hook with shutdown, and ends with that', async () => {
  const { reasons, logic } = hooked(true)
  const it = await started({ children: [child('server', { logic }), child('machine')] })
  await stopsIn(0, it)
  expect(reasons).toEqual([SHUTDOWN])
  expect(it.ends).toEqual(['0 machine shutdown', '0 server shutdown'])
})

test('G05 a child that does not trap dies at once with shutdown, and its terminate hook does not run', async () => {
  const { reasons, logic } = hooked(false)
  const it = await started({ children: [child('server', { logic }), child('plain', { logic: idle })] })
  await stopsIn(0, it)
  expect(reasons).toEqual([])
  expect(it.ends).toEqual(['0 plain shutdown', '0 server shutdown'])
})

test('G06 a child that ignores the request is killed at its deadline, and the call resolves', async () => {
  const it = await started({ children: [child('a', { logic: stubborn, shutdown: 100 })] })
  const terminated = it.app.terminateChild('a')
  await it.clock.advance(99)
  expect(it.state('a')).toBe('stopping')
  await it.clock.advance(1)
  await terminated
  expect(it.ends).toEqual(['100 a killed'])
  expect(it.state('a')).toBe('stopped')
  await stopsIn(0, it)
})

test('G07 with a shutdown of 0 the child is asked, and killed at once', async () => {
  let asked = 0
  const logic = slowly(50, SHUTDOWN, () => {
    asked += 1
  })
  const it = await started({ children: [child('a', { logic, shutdown: 0 })] })
  const terminated = it.app.terminateChild('a')
  await it.clock.advance(0)
  await terminated
  expect(asked).toBe(1)
  expect(it.ends).toEqual(['0 a killed'])
  await stopsIn(0, it)
})

test('G08 brutal_kill sends no shutdown and runs no hook', async () => {
  let asked = 0
  const machine = slowly(50, SHUTDOWN, () => {
    asked += 1
  })
  for (const strategy of ['one_for_one', 'dynamic'] as const) {
    const { reasons, logic } = hooked(true)
    const specs = [
      child('a', { logic, shutdown: 'brutal_kill' }),
      child('b', { logic: machine, shutdown: 'brutal_kill' }),
    ]
    const it = await started({ strategy })
    for (const spec of specs) await it.app.startChild(spec)
    await stopsIn(0, it)
    expect(it.ends.toSorted()).toEqual(
      strategy === 'dynamic' ? ['0 a:1 killed', '0 b:2 killed'] : ['0 a killed', '0 b killed'],
    )
    expect(reasons).toEqual([])
  }
  expect(asked).toBe(0)
})

test('G09 infinity waits without limit, for a worker too', async () => {
  const it = await started({
    children: [child('a', { logic: slowly(365 * DAY), shutdown: 'infinity', type: 'worker' })],
  })
  await stopsIn(365 * DAY, it)
  expect(it.ends).toEqual([`${365 * DAY} a shutdown`])
})

test('G10 a child that ends for another reason while it is being stopped is stopped all the same', async () => {
  const detailed: ExitReason = { type: 'shutdown', detail: 'x' }
  for (const reason of [BOOM, KILLED, NORMAL, detailed]) {
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      const it = await started({
        children: ['a', 'b', 'c'].map((id) => child(id, { restart, logic: slowly(10, reason) })),
      })
      const terminated = it.app.terminateChild('b')
      await it.clock.advance(10)
      await terminated
      expect(it.state('b')).toBe(restart === 'temporary' ? 'absent' : 'stopped')
      await stopsIn(20, it)
      expect(it.events.filter(({ type }) => type === 'child.exit')).toMatchObject([
        { id: 'b', reason },
        { id: 'c', reason },
        { id: 'a', reason },
      ])
      expect(it.take('child.start', 'child.restart')).toHaveLength(3)
    }
  }
})

test('G11 a child that dies by itself while a later sibling stops slowly is neither restarted nor counted', async () => {
  const children = [child('a'), child('b'), child('c'), child('d', { logic: stubborn, shutdown: 100 })]
  const it = await started({ intensity: 0, children })
  it.take()
  const stopping = stopsIn(100, it)
  it.ref('b').send({ type: 'throw', error: new Error('boom') })
  it.ref('a').send({ type: 'end', reason: NORMAL })
  exit(it.ref('c'), KILLED)
  await stopping
  expect(it.ends).toEqual(['0 b error', '0 a normal', '0 c killed', '100 d killed'])
  expect(it.take('child.start', 'child.restart')).toEqual([])
})

test('G12 a child that has unlinked itself from its supervisor is terminated like others', async () => {
  const logic = fromTransition((state: number, event: { type: string }, { self }) => {
    if (event.type === 'unlink' && self._parent !== undefined) unlink(self, self._parent)
    return state
  }, 0)
  const it = await started({ children: [child('a', { logic })] })
  const ref = it.ref('a')
  ref.send({ type: 'unlink' })
  await it.app.terminateChild('a')
  expect(exitReasonOf(ref)).toEqual(SHUTDOWN)
  expect(it.state('a')).toBe('stopped')
  await stopsIn(0, it)
})

test('G14 a nested supervisor that exceeds its shutdown time is killed; its children go on stopping without it', async () => {
  let cleaned: number | undefined
  const grandchild = fromServer({
    trapExit: true,
    init: () => ({ state: undefined }),
    terminate: () =>
      new Promise<void>((resolve) => {
        it.clock.setTimeout(() => {
          cleaned = it.elapsed()
          resolve()
        }, 500)
      }),
  })
  const sub = supervisor({ id: 'sub', mode: 'otp', children: [child('x', { logic: grandchild })] })
  const it = await started({ children: [child('sub', { logic: sub, shutdown: 50 }), child('other', { logic: sub })] })
  expect(await it.app.getChildSpec('other')).toMatchObject({ type: 'supervisor', shutdown: 'infinity' })
  const [{ ref: x } = {}] = await administrate(it.ref('sub')).whichChildren()
  const terminated = it.app.terminateChild('sub')
  await it.clock.advance(50)
  await terminated
  expect(it.ends).toEqual(['50 sub killed'])
  expect(x && exitReasonOf(x)).toEqual(KILLED)
  expect(cleaned).toBeUndefined()
  await it.clock.advance(450)
  expect(cleaned).toBe(500)
  await stopsIn(500, it)
  expect(it.ends).toEqual(['50 sub killed', '1000 other shutdown'])
})

test('G15 a stop waits until the running start function has returned; then the new child is stopped too', async () => {
  const it = await started({ children: [child('a')] })
  const logic = (): Promise<typeof idle> =>
    new Promise((resolve) => {
      it.clock.setTimeout(() => {
        resolve(idle)
      }, 300)
    })
  const starting = it.app.startChild(child('b', { logic }))
  await it.clock.advance(0)
  it.take()
  await stopsIn(300, it)
  expect(it.take()).toEqual(['child.start b', 'child.ready b', 'child.exit b', 'child.exit a', 'supervisor.exit'])
  expect((await starting)?.id).toBe('b')
})

test('G16 a stop with a reason ends the supervisor for it, once its children have been shut down', async () => {
  for (const reason of [NORMAL, SHUTDOWN, { type: 'shutdown', detail: 'x' }, KILLED, BOOM] as const) {
    const it = await started({ children: [child('a'), child('b')] })
    await it.app.stop({ reason })
    expect(it.ends).toEqual(['0 b shutdown', '0 a shutdown'])
    expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason })
    expect(exitReasonOf(it.app.ref)).toMatchObject(reason)
  }

  // Of two stops with different reasons the first resolves, and the other rejects.
  const two = await started({ children: [child('a', { logic: stubborn, shutdown: 100 })] })
  const [first, second] = [two.app.stop({ reason: SHUTDOWN }), two.app.stop({ reason: BOOM })]
  const refused = expect(second).rejects.toMatchObject({ code: 'STOPPED', details: { exit: SHUTDOWN } })
  await two.clock.advance(100)
  await Promise.all([first, refused])

  // A supervisor that is killed meanwhile has not ended for the reason asked for.
  const killed = await started({ children: [child('a', { logic: stubborn, shutdown: 100 })] })
  const stopped = expect(killed.app.stop({ reason: SHUTDOWN })).rejects.toMatchObject({ details: { exit: KILLED } })
  exit(killed.app.ref, KILLED)
  await stopped
})

test('G17 a stop with a time limit fails when that is over, and the supervisor goes on stopping', async () => {
  const it = await started({ children: [child('a'), child('b', { logic: stubborn, shutdown: 200 })] })
  const late = expect(it.app.stop({ timeout: 50 })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    details: { supervisor: 'app', timeout: 50, children: ['a', 'b'] },
  })
  await it.clock.advance(50)
  await late
  expect(it.ends).toEqual([])
  expect(exitReasonOf(it.app.ref)).toBeUndefined()
  const inTime = it.app.stop({ timeout: 151 })
  await it.clock.advance(150)
  await inTime
  expect(it.ends).toEqual(['200 b killed', '200 a shutdown'])
  expect([exitReasonOf(it.app.ref), it.clock.pending]).toEqual([SHUTDOWN, 0])
})
