import { expect, test } from '@jest/globals'
import { createMachine, type AnyActorLogic } from 'xstate'
import { IGNORE, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { bench, child, obedient, slow, stubborn, type Bench } from '../support.ts'
import { boom } from './actors.ts'

type Logic = ChildSpec['logic']

const fails: Logic = () => {
  throw boom
}
const ignored: Logic = () => IGNORE

/** The error of a start function that makes no logic. */
function junk(shown: string): unknown {
  const made = { code: 'INVALID_ARGUMENT', details: { supervisor: 'app', child: 'sub' } }
  return { ...made, message: expect.stringContaining(shown) as unknown }
}

const otp = (...children: ChildSpec[]): Bench => bench({ mode: 'otp', children })

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

/** A supervisor with a running `sub` of this logic that is started by hand: what becomes of it, and what is left. */
async function startOf(logic: Logic): Promise<{ readonly result: unknown; readonly left: Bench }> {
  const left = otp(child('a'))
  await left.app.start()
  left.take()
  const result = await left.app.startChild(child('sub', { logic, type: 'supervisor' })).catch((error: unknown) => error)
  return { result, left }
}

/** What becomes of a supervisor that has such a `sub` from the beginning. */
async function bootOf(logic: Logic): Promise<{ readonly result: unknown; readonly boot: Bench }> {
  const boot = otp(child('a'), child('sub', { logic, type: 'supervisor' }))
  const result = await boot.app.start().catch((error: unknown) => error)
  return { result, boot }
}

test('B01 children are started strictly one after another', async () => {
  const it = otp(slow('a'), slow('b'), child('c'))
  const started = it.app.start()
  await it.clock.advance(1_000)
  expect(it.take()).toEqual(['child.start a'])
  await it.send('a', { type: 'ready' })
  expect(it.take()).toEqual(['child.ready a', 'child.start b'])
  await it.send('b', { type: 'ready' })
  expect(it.take()).toEqual(['child.ready b', 'child.start c', 'child.ready c'])
  await started
  await over(it)
})

test('B02 start() resolves when every child has started', async () => {
  let release = (_: AnyActorLogic): void => undefined
  const late = new Promise<AnyActorLogic>((resolve) => {
    release = resolve
  })
  const it = otp(child('a'), child('b', { logic: () => late }))
  let isStarted = false
  const started = it.app.start().then(() => {
    isStarted = true
  })
  await it.clock.advance(60_000)
  expect([isStarted, it.state('a'), it.state('b')]).toEqual([false, 'running', 'starting'])
  release(obedient)
  await started
  expect(it.state('b')).toBe('running')
  await over(it)
})

test('B03 a child that does not start stops the children before it, newest first, and ends the supervisor', async () => {
  const it = otp(child('a'), child('b'), child('c', { logic: fails }), child('d'))
  await expect(it.app.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    details: { supervisor: 'app', child: 'c' },
    cause: boom,
  })
  expect(it.take('child.start', 'child.exit', 'supervisor.exit')).toEqual([
    'child.start a',
    'child.start b',
    'child.exit b',
    'child.exit a',
    'supervisor.exit',
  ])
  const reasons = it.events.flatMap((event) => ('reason' in event ? [event.reason] : []))
  expect(reasons).toMatchObject([
    { type: 'shutdown' },
    { type: 'shutdown' },
    { type: 'shutdown', detail: { code: 'START_FAILED', details: { child: 'c' }, cause: boom } },
  ])
  expect(it.clock.pending).toBe(0)
})

test('B04 the start error of a nested supervisor has the child’s as its cause', async () => {
  const sub = supervisor({ id: 'sub', mode: 'otp', children: [child('x', { logic: fails })] })
  await expect(otp({ id: 'sub', logic: sub }).app.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    details: { supervisor: 'app', child: 'sub' },
    cause: { code: 'START_FAILED', details: { supervisor: 'sub', child: 'x' }, cause: boom },
  })
})

const start = (act: () => unknown): Logic => act as Logic

test.each<[string, Logic, unknown]>([
  ['throws', fails, boom],
  [
    'throws no error',
    start(() => {
      // oxlint-disable-next-line typescript/only-throw-error -- anything can be thrown
      throw 't'
    }),
    't',
  ],
  ['rejects', start(() => Promise.reject(boom)), boom],
  ['makes junk', start(() => 42), junk('42')],
  ['makes nothing', start(() => undefined), junk('undefined')],
  ['makes a specification', start(() => ({ id: 'x', logic: obedient })), junk('an object')],
  ['promises junk', start(() => Promise.resolve(42)), junk('42')],
  [
    'makes an actor that throws as it starts',
    () =>
      createMachine({
        entry: () => {
          throw boom
        },
      }),
    boom,
  ],
  ['makes an actor whose state cannot be made', () => createMachine({ context: fails as never }), boom],
])('B05 a start function that %s is a start error, and the supervisor goes on', async (_, logic, cause) => {
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  const refused = { code: 'START_FAILED', details: { supervisor: 'app', child: 'sub' }, cause }
  const ready = (snapshot: { status: string }): boolean => snapshot.status === 'active'

  // Asked for: nothing else is touched, and nothing is counted.
  const left = bench({ mode: 'otp', intensity: 1, children: [child('a')] })
  await left.app.start()
  left.take()
  const a = left.ref('a')
  for (let time = 0; time < 3; time += 1) {
    await expect(left.app.startChild(child('sub', { logic, ready: ready as never }))).rejects.toMatchObject(refused)
  }
  expect([left.app.children.map(({ id }) => id), left.ref('a')]).toEqual([['a'], a])
  await left.clock.advance(10)
  await left.crash('a')
  expect(left.app.children).toMatchObject([{ id: 'a', state: 'running', incarnation: 2 }])
  await over(left)

  // At boot: what was started is stopped, and the start fails with it.
  const boot = otp(child('a'), child('sub', { logic, ready: ready as never }), child('c'))
  await expect(boot.app.start()).rejects.toMatchObject(refused)
  expect(boot.take('child.exit').at(-1)).toBe('child.exit a')
  expect(boot.take('child.start')).not.toContain('child.start c')
  expect(boot.clock.pending).toBe(0)

  // At a restart: it is tried again until there are too many, and each time counts.
  let starts = 0
  const second: Logic = (context) => {
    starts += 1
    return starts === 1 ? obedient : (logic as (context: unknown) => AnyActorLogic)(context)
  }
  const again = bench({
    mode: 'otp',
    intensity: 3,
    children: [child('sub', { logic: second, ready: ready as never }), child('c')],
  })
  await again.app.start()
  await again.clock.advance(10)
  await again.crash('sub')
  await again.clock.advance(0)
  expect(starts).toBe(1 + 3)
  expect(again.events.at(-1)).toEqual({ type: 'supervisor.exit', supervisor: 'app', reason: { type: 'shutdown' } })
  expect(again.clock.pending).toBe(0)

  await new Promise((resolve) => setTimeout(resolve))
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(uncaught).toEqual([])
})

test('B07 a child that is ignored is kept, as stopped', async () => {
  const it = otp(child('a', { logic: ignored }), child('b', { logic: ignored, restart: 'transient' }), child('c'))
  await it.app.start()
  expect(it.take('child.start')).toEqual(['child.start c'])
  expect([it.state('a'), it.state('b')]).toEqual(['stopped', 'stopped'])
  expect(await it.app.countChildren()).toEqual({ specs: 3, active: 1, supervisors: 0, workers: 3 })
  await over(it)
})

test('B08 a temporary child that is ignored is forgotten', async () => {
  const spec = (id: string): ChildSpec => child(id, { logic: ignored, restart: 'temporary' })
  const it = otp(spec('a'))
  await it.app.start()
  expect(it.app.children).toEqual([])
  await expect(it.app.startChild(spec('b'))).resolves.toBeUndefined()
  expect(await it.app.countChildren()).toMatchObject({ specs: 0 })
  await over(it)
})

test('B09 a nested supervisor that is ignored is no failure, and has no actor', async () => {
  const { result, left } = await startOf(ignored)
  expect(result).toBeUndefined()
  expect(left.take()).toEqual([])
  expect(left.app.children.at(-1)).toEqual({ id: 'sub', type: 'supervisor', state: 'stopped', incarnation: 1 })
  await over(left)

  const { result: started, boot } = await bootOf(ignored)
  expect(started).toBeUndefined()
  expect([boot.state('a'), boot.state('sub')]).toEqual(['running', 'stopped'])
  await over(boot)
})

test('B10 a start function that returns no logic is a start error that names the value', async () => {
  const junk = (() => 'junk') as never
  const startError = {
    code: 'START_FAILED',
    details: { supervisor: 'app', child: 'sub' },
    cause: { code: 'INVALID_ARGUMENT', message: expect.stringContaining('child sub of app') },
  }
  const { result, left } = await startOf(junk)
  expect(result).toMatchObject(startError)
  const { message, details } = (result as { cause: { message: string; details?: object } }).cause
  expect(message + JSON.stringify(details)).toContain('junk')
  expect(left.app.children).toHaveLength(1)
  await over(left)

  const { result: started, boot } = await bootOf(junk)
  expect(started).toMatchObject(startError)
  expect(boot.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown', detail: started } })
  expect(boot.clock.pending).toBe(0)
})

test('B11 a supervisor with invalid options is a start error with these as its cause', async () => {
  const wrong = (): AnyActorLogic => supervisor({ id: 'sub', mode: 'otp', intensity: -1 })
  const cause = {
    code: 'INVALID_ARGUMENT',
    details: { reason: 'invalid_intensity' },
    stack: expect.stringContaining('b-start.test'),
  }
  const { result, left } = await startOf(wrong)
  expect(result).toMatchObject({ code: 'START_FAILED', cause })
  await over(left)

  const { result: started, boot } = await bootOf(wrong)
  expect(started).toMatchObject({ code: 'START_FAILED', cause })
  expect(boot.take('child.exit', 'supervisor.exit')).toEqual(['child.exit a', 'supervisor.exit'])
  expect(boot.clock.pending).toBe(0)
})

test('B12 a child that fails at startChild leaves no trace, touches no sibling and does not count', async () => {
  const it = bench({ mode: 'otp', strategy: 'one_for_all', intensity: 0, children: [child('a')] })
  await it.app.start()
  const a = it.ref('a')
  it.take()
  await expect(it.app.startChild(child('e', { logic: fails }))).rejects.toMatchObject({
    code: 'START_FAILED',
    details: { child: 'e' },
    cause: boom,
  })
  expect(it.take()).toEqual([])
  expect(it.app.children).toMatchObject([{ id: 'a', ref: a }])
  await over(it)
})

test('B13 a child that is not ready in time is a start error, and is gone', async () => {
  const it = otp()
  await it.app.start()
  const started = it.app.startChild(slow('a', { logic: stubborn, ready: () => false, startTimeout: 50 }))
  const failure = started.catch((error: unknown) => error)
  await it.clock.advance(49)
  const half = it.ref('a')
  await it.clock.advance(1)
  expect(await failure).toMatchObject({ code: 'START_FAILED', cause: { details: { child: 'a', timeout: 50 } } })
  expect(half.getSnapshot()).toMatchObject({ status: 'stopped' })
  expect(it.app.children).toEqual([])
  await over(it)
})

test('B15 a child that fails as soon as it has started is a failure of the running supervisor', async () => {
  let starts = 0
  const fleeting = (): AnyActorLogic => {
    starts += 1
    return createMachine({
      initial: 'over',
      states: { over: { type: 'final' } },
      output: () => ({ starts }),
    })
  }
  const it = bench({ mode: 'otp', intensity: 3, children: [child('a', { logic: fleeting }), child('b')] })
  await expect(it.app.start()).resolves.toBeUndefined()
  await it.clock.advance(0)
  expect(starts).toBe(1 + 3)
  expect(it.take('child.start', 'child.exit', 'supervisor.exit')).toEqual([
    'child.start a',
    'child.exit a',
    'child.start b',
    'child.start a',
    'child.exit a',
    'child.start a',
    'child.exit a',
    'child.start a',
    'child.exit a',
    'child.exit b',
    'supervisor.exit',
  ])
  expect(it.events.at(-1)).toMatchObject({ reason: { type: 'shutdown' } })
  expect(it.clock.pending).toBe(0)

  let crashes = 0
  const crashing = createMachine({
    entry: ({ self }) => {
      queueMicrotask(() => {
        self.send({ type: 'go' })
      })
    },
    on: {
      go: {
        actions: () => {
          crashes += 1
          throw boom
        },
      },
    },
  })
  const other = bench({ mode: 'otp', intensity: 3, children: [child('a', { logic: crashing })] })
  await expect(other.app.start()).resolves.toBeUndefined()
  for (let turn = 0; turn < 4; turn += 1) await other.clock.advance(0)
  expect(crashes).toBe(3 + 1)
  expect(other.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
  expect(other.clock.pending).toBe(0)
})
