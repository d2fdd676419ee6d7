import { expect, test } from '@jest/globals'
import { createMachine, fromPromise } from 'xstate'
import { createSupervisor, IGNORE, TerrariumError, type ChildSpec } from '@terrarium/supervisor'
import { bench, child, idle, obedient, refusal, slow } from './support.ts'

const failing = (error: unknown): ChildSpec['logic'] => {
  return () => {
    throw error
  }
}

test('a child starts only after the one before it is ready, and start() resolves when the last one is', async () => {
  const { app, take, send, clock } = bench({ children: [slow('a'), slow('b'), child('c')] })
  let resolved = false
  const started = app.start().then(() => {
    resolved = true
  })
  await clock.advance(1_000)
  expect(take()).toEqual(['child.start a'])
  await send('a', { type: 'ready' })
  expect(take()).toEqual(['child.ready a', 'child.start b'])
  expect(resolved).toBe(false)
  await send('b', { type: 'ready' })
  await started
  expect(take()).toEqual(['child.ready b', 'child.start c', 'child.ready c'])
  await app.stop()
})

test('start() called twice starts the children once', async () => {
  const { app, take } = bench({ children: [child('a')] })
  await Promise.all([app.start(), app.start()])
  expect(take('child.start')).toEqual(['child.start a'])
  await app.stop()
})

test('a start failure stops the started ones in reverse order, starts no more, and names the cause', async () => {
  const boom = new Error('boom')
  const { app, clock, take } = bench({
    children: [child('a'), child('b'), child('c', { logic: failing(boom) }), child('d')],
  })
  await expect(app.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    cause: boom,
    details: { supervisor: 'app', child: 'c' },
  })
  expect(take()).toEqual([
    'child.start a',
    'child.ready a',
    'child.start b',
    'child.ready b',
    'child.exit b',
    'child.exit a',
    'supervisor.exit',
  ])
  expect(clock.pending).toBe(0)
  expect(app.children.every(({ ref, state }) => ref === undefined && state === 'stopped')).toBe(true)
})

test("the child's code and hint stay reachable", async () => {
  const cause = new TerrariumError('CONFIGURATION', 'no module', { hint: 'pip install it' })
  const { app } = bench({ children: [child('a', { logic: failing(cause) })] })
  await expect(app.start()).rejects.toMatchObject({ code: 'START_FAILED', hint: 'pip install it', cause })
})

test('the start failure of a nested supervisor has the child’s as its cause', async () => {
  const boom = new Error('boom')
  const { supervisor } = await import('@terrarium/supervisor')
  const sub = supervisor({ id: 'sub', children: [child('x', { logic: failing(boom) })] })
  const { app } = bench({ children: [{ id: 'sub', logic: sub }] })
  await expect(app.start()).rejects.toMatchObject({
    details: { child: 'sub' },
    cause: { code: 'START_FAILED', details: { supervisor: 'sub', child: 'x' }, cause: boom },
  })
})

test.each([
  ['throws', failing('thrown')],
  ['rejects', () => Promise.reject(new Error('thrown'))],
  ['makes junk', (() => 42) as never],
  ['makes a promise for junk', (() => Promise.resolve({})) as never],
] as [string, ChildSpec['logic']][])('a start function that %s is a start error', async (_, logic) => {
  const { app, take, clock } = bench({ children: [child('a', { logic })] })
  await expect(app.start()).rejects.toMatchObject({ code: 'START_FAILED' })
  expect(take()).toEqual(['supervisor.exit'])
  expect(clock.pending).toBe(0)
})

test('an ignored child is kept as stopped, a temporary one is forgotten', async () => {
  const { app, take } = bench({
    children: [child('a', { logic: () => IGNORE }), child('b', { logic: () => IGNORE, restart: 'temporary' })],
  })
  await app.start()
  expect(app.children.map(({ id, state }) => [id, state])).toEqual([['a', 'stopped']])
  expect(await app.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 1 })
  await expect(app.startChild(child('c', { logic: () => IGNORE, restart: 'temporary' }))).resolves.toBeUndefined()
  expect(await app.countChildren()).toMatchObject({ specs: 1 })
  expect(take()).toEqual([])
  await app.stop()
})

test('a child that fails at startChild leaves no trace and no sibling is touched', async () => {
  const { app, take } = bench({ strategy: 'one_for_all', intensity: 0, children: [child('a')] })
  await app.start()
  take()
  await expect(app.startChild(child('e', { logic: failing(new Error('boom')) }))).rejects.toMatchObject({
    code: 'START_FAILED',
  })
  expect(take()).toEqual([])
  expect(app.children.map(({ id }) => id)).toEqual(['a'])
  await app.stop()
})

test('a child that is not ready in time is a start error, and is gone', async () => {
  const { app, clock, take } = bench({ children: [slow('a', { startTimeout: 50 })] })
  const started = app.start()
  started.catch(() => undefined)
  await clock.advance(49)
  expect(take()).toEqual(['child.start a'])
  await clock.advance(1)
  await expect(started).rejects.toMatchObject({ code: 'START_FAILED', cause: { details: { timeout: 50 } } })
  expect(take()).toEqual(['child.exit a', 'supervisor.exit'])
  expect(clock.pending).toBe(0)
})

test('startTimeout ends when the child is ready', async () => {
  const { app, clock, send, state } = bench({ children: [slow('a', { startTimeout: 50 })] })
  const started = app.start()
  await send('a', { type: 'ready' })
  await started
  await clock.advance(1_000)
  expect(state('a')).toBe('running')
  await app.stop()
})

test('a child that ends cleanly before it is ready has not started', async () => {
  const { app, end } = bench({ children: [slow('a')] })
  const started = app.start()
  started.catch(() => undefined)
  await end('a', { type: 'normal' })
  await expect(started).rejects.toMatchObject({ code: 'START_FAILED', cause: { details: { exit: 'normal' } } })
})

test('a ready predicate that throws is a start error, and the child is stopped', async () => {
  const faulty = new Error('faulty')
  const { app, take } = bench({
    children: [
      child('a', {
        ready: () => {
          throw faulty
        },
      }),
    ],
  })
  await expect(app.start()).rejects.toMatchObject({ cause: faulty })
  expect(take()).toEqual(['child.start a', 'child.exit a', 'supervisor.exit'])
})

test('awaitReady: false neither holds up the next child nor start(), and its failure is no start error', async () => {
  const { app, take, crash, state } = bench({ children: [slow('a', { awaitReady: false }), child('b')] })
  await app.start()
  expect(take()).toEqual(['child.start a', 'child.start b', 'child.ready b'])
  expect(state('a')).toBe('starting')
  await crash('a')
  expect(take()).toEqual(['child.exit a', 'child.restart a', 'child.start a'])
  expect(app.children[0]?.failure).toMatchObject({ phase: 'start', attempts: 1 })
  await app.stop()
})

test('awaitReady: false holds for a start function that throws, and for startChild()', async () => {
  let made = 0
  const logic = (): typeof obedient => {
    made += 1
    if (made < 3) throw new Error('not yet')
    return obedient
  }
  const { app, clock, state } = bench({ children: [child('a', { logic, awaitReady: false })] })
  await app.start()
  await clock.advance(0)
  expect(state('a')).toBe('backing_off')
  await clock.advance(200)
  expect(state('a')).toBe('running')
  const ref = await app.startChild(slow('b', { awaitReady: false }))
  expect(ref).toBe(app.children[1]?.ref)
  expect(state('b')).toBe('starting')
  await app.stop()
})

test('a logic function gets supervisor, id and incarnation, and may return a promise', async () => {
  const seen: unknown[] = []
  const { app, clock, state, crash } = bench({
    children: [
      child('a', {
        logic: (context) => {
          seen.push(context)
          return Promise.resolve(obedient)
        },
      }),
    ],
  })
  await app.start()
  await clock.advance(5)
  await crash('a')
  expect(state('a')).toBe('running')
  expect(seen).toEqual([
    { supervisor: 'app', id: 'a', incarnation: 1 },
    { supervisor: 'app', id: 'a', incarnation: 2 },
  ])
  await app.stop()
})

test('children get their input, and the supervisor’s clock drives their `after`', async () => {
  const logic = createMachine({
    context: ({ input }: { input: { limit: number } }) => input,
    initial: 'young',
    states: { young: { after: { 70_000: 'old' } }, old: {} },
  })
  const { app, clock, ref } = bench({ children: [{ id: 'a', logic, input: { limit: 7 } }] })
  await app.start()
  expect((ref('a').getSnapshot() as { context: unknown }).context).toEqual({ limit: 7 })
  await clock.advance(70_000)
  expect((ref('a').getSnapshot() as { value: unknown }).value).toBe('old')
  await app.stop()
})

test('nothing runs before start(), and nothing can be started after stop()', async () => {
  const { app, take } = bench({ children: [child('a')] })
  expect(await refusal(app.whichChildren())).toBe('STOPPED')
  await app.stop()
  expect(await refusal(app.start())).toBe('STOPPED')
  expect(take()).toEqual([])
})

test('an empty supervisor starts, and takes children of any logic', async () => {
  const app = createSupervisor({ id: 'app' })
  await app.start()
  await app.startChild({ id: 'transition', logic: idle })
  await app.startChild({ id: 'machine', logic: obedient })
  await app.startChild({ id: 'promise', logic: fromPromise(() => new Promise(() => undefined)) })
  expect(await app.countChildren()).toEqual({ specs: 3, active: 3, supervisors: 0, workers: 3 })
  await app.stop()
})

test('`ready` may be typed by the logic', async () => {
  const spec = {
    id: 'a',
    logic: obedient,
    ready: (snapshot) => snapshot.matches('starting'),
  } satisfies ChildSpec<typeof obedient>
  const { app } = bench({ children: [spec] })
  await app.start()
  await app.stop()
})

test('a supervisor can be started once', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  await it.app.stop()
  const ended = { code: 'STOPPED', hint: expect.stringContaining('createSupervisor()') as unknown }
  await expect(it.app.start()).rejects.toMatchObject(ended)
  const failing = bench({ children: [child('a', { logic: () => Promise.reject(new Error('no')) })] })
  await expect(failing.app.start()).rejects.toMatchObject({ code: 'START_FAILED' })
  await expect(failing.app.start()).rejects.toMatchObject({ code: 'START_FAILED' })
})

test('a child that is ready has no timer left of its startTimeout', async () => {
  const it = bench({ children: [slow('a', { startTimeout: 1_000 })] })
  const start = it.app.start()
  expect(it.clock.pending).toBe(1)
  await it.send('a', { type: 'ready' })
  await start
  expect(it.clock.pending).toBe(0)
  await it.app.stop()
})

test('a failed child whose exit waits in the queue does not also exceed its startTimeout', async () => {
  const it = bench({ children: [slow('a', { awaitReady: false, startTimeout: 100 })] })
  await it.app.start()
  const started = it.app.startChild(slow('b'))
  const boom = new Error('boom')
  await it.crash('a', boom)
  await it.clock.advance(200)
  await it.send('b', { type: 'ready' })
  await started
  expect(it.app.children[0]).toMatchObject({ incarnation: 2, failure: { error: boom, attempts: 1 } })
  await it.app.stop()
})

test.each([
  [new Error('boom'), 'boom'],
  ['no error at all', 'no error at all'],
])('the message of a start error has what was thrown: %s', async (thrown, text) => {
  const logic = (): never => {
    throw thrown as Error
  }
  const { app } = bench({ children: [child('a', { logic })] })
  await expect(app.start()).rejects.toMatchObject({
    message: `child a of supervisor app did not start: ${text}`,
    cause: thrown,
  })
})
