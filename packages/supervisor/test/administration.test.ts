import { expect, test } from '@jest/globals'
import { createActor } from 'xstate'
import { administrate, supervisor } from '@terrarium/supervisor'
import { bench, child, idle, refusal, slow, type Bench } from './support.ts'

async function running(...ids: string[]): Promise<Bench> {
  const it = bench({ children: ids.map((id) => child(id)) })
  await it.app.start()
  return it
}

test('default mode: startChild refuses the id of a child, running or stopped', async () => {
  const { app } = await running('a')
  expect(await refusal(app.startChild(child('a')))).toBe('already_started')
  await app.terminateChild('a')
  expect(await refusal(app.startChild(child('a')))).toBe('already_present')
  await app.stop()
})

test('39: default mode: operations on an unknown id reject with not_found', async () => {
  const { app } = await running()
  const operations = [
    app.terminateChild('x'),
    app.restartChild('x'),
    app.deleteChild('x'),
    app.getChildSpec('x'),
    app.park('x'),
    app.unpark('x'),
  ]
  expect(await Promise.all(operations.map(refusal))).toEqual(Array(6).fill('not_found'))
  await app.stop()
})

test('default mode: a running child can neither be deleted nor restarted', async () => {
  const { app } = await running('a')
  expect(await refusal(app.deleteChild('a'))).toBe('running')
  expect(await refusal(app.restartChild('a'))).toBe('running')
  await app.stop()
})

test('default mode: terminateChild can be repeated, deleteChild cannot', async () => {
  const { app, state } = await running('a')
  await app.terminateChild('a')
  await app.terminateChild('a')
  expect(state('a')).toBe('stopped')
  await app.deleteChild('a')
  expect(await refusal(app.deleteChild('a'))).toBe('not_found')
  expect(await refusal(app.restartChild('a'))).toBe('not_found')
  await app.stop()
})

test('default mode: a temporary child is gone once it is stopped', async () => {
  const { app } = await running()
  await app.startChild(child('a', { restart: 'temporary' }))
  await app.terminateChild('a')
  expect(await refusal(app.restartChild('a'))).toBe('not_found')
  await app.stop()
})

test('default mode: whichChildren is newest first, `children` is in start order', async () => {
  const { app, ref } = await running('a', 'b')
  const c = await app.startChild(child('c'))
  expect(c).toBe(ref('c'))
  const listed = await app.whichChildren()
  expect(listed.map(({ id }) => id)).toEqual(['c', 'b', 'a'])
  expect(listed[0]).toEqual({ id: 'c', type: 'worker', state: 'running', ref: c, incarnation: 1 })
  expect(app.children.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  await app.stop()
})

test('default mode: countChildren counts supervisors, workers and active children', async () => {
  const { app } = await running('a', 'b')
  await app.startChild({ id: 'sub', logic: supervisor({ id: 'sub' }) })
  await app.terminateChild('b')
  expect(await app.countChildren()).toEqual({ specs: 3, active: 2, supervisors: 1, workers: 2 })
  await app.stop()
})

test('default mode: terminateChild does not apply the strategy', async () => {
  const it = bench({ strategy: 'one_for_all', intensity: 0, children: [child('a'), child('b')] })
  await it.app.start()
  it.take()
  await it.app.terminateChild('b')
  expect(it.take()).toEqual(['child.exit b'])
  await it.app.stop()
})

test('terminateChild of a child whose exit is not handled yet stops it, and the exit is not counted', async () => {
  const it = bench({ mode: 'otp', intensity: 0, children: [child('a')] })
  await it.app.start()
  const a = it.ref('a')
  const blocked = it.app.startChild(slow('b'))
  const terminated = it.app.terminateChild('a')
  a.send({ type: 'throw', error: new Error('boom') })
  it.ref('b').send({ type: 'ready' })
  await blocked
  await terminated
  expect(it.state('a')).toBe('stopped')
  await it.app.stop()
})

test('getChildSpec returns the specification with its defaults', async () => {
  const { app } = await running()
  const sub = supervisor({ id: 'sub' })
  await app.startChild({ id: 'worker', logic: idle })
  await app.startChild({ id: 'sub', logic: sub })
  expect(await app.getChildSpec('worker')).toMatchObject({
    id: 'worker',
    logic: idle,
    restart: 'permanent',
    shutdown: 5_000,
    type: 'worker',
    awaitReady: true,
    onExhausted: 'park',
  })
  expect(await app.getChildSpec('sub')).toMatchObject({ type: 'supervisor', shutdown: 'infinity' })
  await app.stop()
})

test('operations are answered in the order in which they were called', async () => {
  const it = await running('a')
  const answers: string[] = []
  const note = (what: string) => (): void => {
    answers.push(what)
  }
  const all = [
    it.app.startChild(slow('b')).then(note('start b')),
    it.app.terminateChild('a').then(note('terminate a')),
    it.app.countChildren().then(({ active }) => {
      answers.push(`active ${active}`)
    }),
  ]
  await it.clock.advance(1_000)
  expect(answers).toEqual([])
  await it.send('b', { type: 'ready' })
  await Promise.all(all)
  expect(answers).toEqual(['start b', 'terminate a', 'active 1'])
  await it.app.stop()
})

test('an invalid specification is refused before it reaches the supervisor', async () => {
  const { app } = await running()
  await expect(app.startChild({ id: '', logic: 42, restart: 'always' } as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: {
      mistakes: [
        expect.stringContaining('child.id'),
        expect.stringContaining('child.logic'),
        expect.stringContaining('child.restart'),
      ],
    },
  })
  await app.stop()
})

test('a static child addressed by its ref, or a dynamic one by its id, is refused with a hint', async () => {
  const { app, ref } = bench({ children: [child('a')] })
  await app.start()
  const hint = (text: string): object => ({
    details: { reason: 'not_found' },
    hint: expect.stringContaining(text) as unknown,
  })
  await expect(app.terminateChild(ref('a'))).rejects.toMatchObject(hint('by its id'))
  await expect(app.terminateChild('b')).rejects.toMatchObject({ hint: undefined })
  await app.stop()
  const dynamic = bench({ strategy: 'dynamic' })
  await dynamic.app.start()
  await dynamic.app.startChild(child('a'))
  await expect(dynamic.app.terminateChild('a:1')).rejects.toMatchObject(hint('by its ref'))
  await dynamic.app.stop()
})

test('administrate() refuses anything but the ref of a supervisor', () => {
  const { app } = bench()
  const refusal = (message: string): unknown =>
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message, hint: expect.stringContaining('its ref') as unknown })
  expect(() => administrate(app as never)).toThrow(refusal('an object is no actor of a supervisor'))
  expect(() => administrate(createActor(idle, { id: 'x' }))).toThrow(refusal('actor x is no actor of a supervisor'))
})
