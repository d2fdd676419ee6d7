// The persisted snapshot of a root holds what nested supervisors remember, so that explain() can tell it afterwards.
import { expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import { administrate, supervisor, type SupervisorOptions, type SupervisorSnapshot } from '@terrarium/supervisor'
import { bench, child, NO_JITTER, slow, type Bench } from './support.ts'

const treeOf = (inner: Partial<SupervisorOptions>, snapshot?: unknown): Bench => {
  const leaf = supervisor({ id: 'leaf', backoff: NO_JITTER, ...inner } as SupervisorOptions)
  const sub = supervisor({ id: 'sub', children: [{ id: 'leaf', logic: leaf }] })
  return bench({
    children: [{ id: 'sub', logic: sub }],
    ...(snapshot === undefined ? {} : { snapshot: snapshot as never }),
  })
}

const inside = (ref: AnyActorRef | undefined, id: string): AnyActorRef =>
  (ref?.getSnapshot() as SupervisorSnapshot).child(id)?.ref as AnyActorRef
const leafOf = (it: Bench): AnyActorRef => inside(it.ref('sub'), 'leaf')

async function fail(it: Bench, id: string): Promise<void> {
  inside(leafOf(it), id).send({ type: 'throw', error: new Error('boom') })
  await it.clock.advance(1_000)
}

const persistedOf = (it: Bench): unknown => JSON.parse(JSON.stringify(it.app.ref.getPersistedSnapshot()))

test('explain() tells after a restore what had failed two supervisors below the root', async () => {
  const children = [child('x'), slow('p', { awaitReady: false, breaker: { identical: 1 } })]
  const it = treeOf({ children })
  await it.app.start()
  await it.clock.advance(10)
  await fail(it, 'x')
  await fail(it, 'x')
  await fail(it, 'p')
  const persisted = persistedOf(it)
  await it.app.stop()

  const again = treeOf({ children }, persisted)
  await again.app.start()
  const explained = administrate(leafOf(again))
  expect(explained.explain('x')).toMatchObject({
    state: 'running',
    attempts: 2,
    failure: { error: { message: 'boom' }, attempts: 2 },
    sentence: 'x has been running for 0 ms, since it failed twice in a row with Error: boom.',
  })
  expect(explained.explain('p')).toMatchObject({ state: 'parked', attempts: 1, failure: { phase: 'start' } })
  expect(persistedOf(again)).toMatchObject({
    memory: { nested: { sub: { nested: { leaf: { children: { x: expect.any(Object) } } } } } },
  })
  await again.app.stop()
})

test('nothing of nested supervisors is persisted where nothing has failed, and in mode otp', async () => {
  for (const [inner, fails] of [
    [{ children: [child('x')] }, false],
    [{ children: [child('x')], mode: 'otp', backoff: undefined }, true],
  ] as const) {
    const it = treeOf(inner as Partial<SupervisorOptions>)
    await it.app.start()
    await it.clock.advance(10)
    if (fails) await fail(it, 'x')
    expect(it.app.ref.getPersistedSnapshot()).toHaveProperty('memory.children', {})
    expect(persistedOf(it)).not.toHaveProperty('memory.nested')
    await it.app.stop()
  }
})
