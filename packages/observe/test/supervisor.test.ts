// Supervisors under an observer: causes as the supervisor gives them, nested supervisors and pools, children that come
// and go.
import { expect, test } from '@jest/globals'
import { testPoolLogic } from '@terrarium/pool/testing'
import { createSupervisor, supervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback, type AnyEventObject } from 'xstate'
import { habitat, MemoryReader, observing } from './support.ts'

const logic = fromCallback<AnyEventObject>(({ receive }) => {
  receive(({ type }) => {
    if (type === 'fail') throw new Error('told to fail')
  })
})

test('with rest_for_one, the siblings say because of which child they were restarted', async () => {
  const clock = new VirtualClock()
  const app = createSupervisor({
    id: 'app',
    strategy: 'rest_for_one',
    clock,
    onFault: () => undefined,
    children: ['db', 'api', 'web'].map((id) => ({ id, logic })),
  })
  const observer = await observing(app, { clock })
  await app.start()
  const before = observer.events.length
  app.child('db')?.send({ type: 'fail' })
  await clock.advance(60_000)
  const events = observer.events.slice(before)
  const [exit] = events
  expect(exit).toMatchObject({ type: 'child.exit', actor: 'app/db' })
  expect(exit?.because).toBeUndefined()
  const others = events.filter(({ actor }) => actor !== 'app/db')
  expect(others.length).toBeGreaterThan(4)
  for (const event of others) {
    expect(event).toMatchObject({ incident: exit?.incident ?? 'none', because: exit?.n ?? 0 })
  }
  const starts = events.filter(({ type }) => type === 'child.start').map(({ actor, text }) => [actor, text])
  expect(starts).toEqual([
    ['app/db', 'life 2 begins'],
    ['app/api', 'life 2 begins, because db failed'],
    ['app/web', 'life 2 begins, because db failed'],
  ])
  await app.stop()
})

test('nested supervisors and pools are observed too, and every new actor of theirs', async () => {
  const clock = new VirtualClock()
  const home = habitat()
  const pool = testPoolLogic({ name: 'text', logger: home.logger, clock, tools: { one: () => 1 } })
  const app = createSupervisor({
    id: 'app',
    clock,
    onFault: () => undefined,
    children: [
      { id: 'jobs', type: 'supervisor', logic: supervisor({ id: 'jobs', clock, children: [{ id: 'a', logic }] }) },
      { id: 'words', type: 'supervisor', logic: pool },
    ],
  })
  const observer = await observing(app, { clock })
  const started = app.start()
  await clock.advance(1)
  await started
  const shown = (): readonly string[] => {
    const reader = new MemoryReader()
    observer.connect(reader).closed()
    return reader.last('snap').actors.map(({ id, kind, value }) => `${id} ${kind} ${value}`)
  }
  const whole = [
    'app supervisor running',
    'app/jobs supervisor running',
    'app/jobs/a other running',
    'app/words pool running',
    'app/words/worker-1 worker ready',
  ]
  expect(shown()).toEqual(whole)
  expect(observer.events.map(({ actor, type }) => `${actor} ${type}`)).toContain('app/words/worker-1 worker.ready')
  const before = observer.events.length
  home.expect(/worker-1 died/)
  pool.faults.crash('worker-1')
  await clock.advance(60_000)
  expect(observer.events.slice(before).map(({ actor, type }) => `${actor} ${type}`)).toEqual([
    'app/words/worker-1 worker.exit',
    'app/words/worker-1 worker.start',
    'app/words/worker-1 worker.ready',
  ])
  const stopping = app.stop()
  await clock.advance(10_000)
  await stopping
})

test('dynamic children that are gone leave nothing behind', async () => {
  const clock = new VirtualClock()
  const app = createSupervisor({
    id: 'app',
    strategy: 'simple_one_for_one',
    clock,
    children: [{ id: 'job', restart: 'temporary', logic: fromCallback(() => undefined) }],
  })
  const observer = await observing(app, { clock })
  await app.start()
  for (let n = 0; n < 3_000; n += 1) {
    const ref = await app.startChild()
    if (ref !== undefined) await app.terminateChild(ref as never)
  }
  const reader = new MemoryReader()
  observer.connect(reader)
  expect(reader.last('snap').actors.map(({ id }) => id)).toEqual(['app'])
  expect(observer.events.length).toBe(2_000)
  await app.stop()
})

test('what cannot be observed is refused, every mistake at once', async () => {
  await expect(observing([{}, 7] as never, { record: 1 as never, nmae: 'x' } as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/observables\[0\].*observables\[1\].*nmae.*record/s),
  })
})
