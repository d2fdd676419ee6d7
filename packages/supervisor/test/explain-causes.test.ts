// explain(): what it says of failures of the child itself and of others, of plans, and after a restore.
import { expect, test } from '@jest/globals'
import { administrate, supervisor, type Explanation } from '@terrarium/supervisor'
import type { PlanAction, RestartStrategy } from '@terrarium/supervisor/strategies'
import { child, started, type Bench } from './support.ts'

const boom = new Error('boom')

const explained = (it: Bench, id = 'a'): Explanation => it.app.explain(id)

const planning = (...actions: PlanAction[]): RestartStrategy => ({ name: 'own', plan: () => ({ actions }) })
const children = [child('a'), child('b')]

test('a child that was restarted with another one', async () => {
  const it = await started({ strategy: 'one_for_all', children })
  await it.crash('a', boom)
  expect(explained(it, 'b').sentence).toBe(
    'b has been running for 0 ms, in incarnation 2, since a failed with Error: boom.',
  )
  expect(explained(it, 'b').because).toMatchObject({
    child: 'a',
    supervisor: 'app',
    failure: { error: boom },
    plan: { strategy: 'one_for_all', action: 'restart' },
  })
  expect(explained(it, 'b').because?.incident).toBe(explained(it, 'a').because?.incident)
})

test('a child that a strategy has parked, with its words', async () => {
  const strategy = planning(
    { action: 'park', child: 'a', for: 5_000, because: 'a needs a rest' },
    { action: 'park', child: 'b' },
  )
  const it = await started({ strategy, children })
  await it.crash('a', boom)
  expect(explained(it).sentence).toBe(
    'a is parked, because strategy own says "a needs a rest": Error: boom; it is started once, as a probe, in 5,000 ms.',
  )
  expect(explained(it, 'b').sentence).toBe(
    'b is parked, because strategy own has decided so: a failed with Error: boom; only an operation starts it again.',
  )
  expect(explained(it).because?.plan).toEqual({ strategy: 'own', action: 'park', because: 'a needs a rest' })
})

test('a child that a strategy has stopped, or makes wait', async () => {
  const strategy = planning(
    { action: 'stop', child: 'a' },
    { action: 'delay', child: 'b', by: 5_000, because: 'b needs a' },
  )
  const it = await started({ strategy, children })
  await it.crash('a', boom)
  expect(explained(it).sentence).toBe(
    'a was stopped because it failed once with Error: boom, and only an operation starts it again.',
  )
  expect(explained(it, 'b').sentence).toBe(
    'b is down because a failed with Error: boom (strategy own says "b needs a") and is started again in 5,000 ms.',
  )
  expect(explained(it, 'b').attempts).toBe(0)
})

test('a child of a supervisor that was restarted for the failure of a sibling', async () => {
  const nested = supervisor({ id: 'nested', children: [child('x')] })
  const it = await started({ strategy: 'one_for_all', children: [child('a'), { id: 'nested', logic: nested }] })
  await it.crash('a', boom)
  const inner = administrate(it.ref('nested'))
  expect(inner.explain('x').sentence).toBe(
    'x has been running for 0 ms, since a of supervisor app failed with Error: boom.',
  )
  expect(inner.explain('x').because?.incident).toBe(it.app.explain('a').because?.incident)
})

test('mode otp', async () => {
  const it = await started({ mode: 'otp', strategy: 'one_for_all', intensity: 5, children })
  await it.crash('a', boom)
  await it.crash('a', new Error('bang'))
  expect(explained(it).sentence).toBe(
    'a has been running for 0 ms, in incarnation 3, since it failed twice, last with Error: bang.',
  )
  expect(explained(it, 'b').sentence).toBe(
    'b has been running for 0 ms, in incarnation 3, since a failed with Error: bang.',
  )
  expect(explained(it)).toMatchObject({ attempts: 2 })
})

test('a child is explained after its supervisor was restored', async () => {
  const error = Object.assign(new Error('no module'), { code: 'CONFIGURATION' })
  const children = [child('a', { awaitReady: false, ready: () => false })]
  const it = await started({ children })
  await it.crash('a', error)
  const snapshot = it.app.ref.getPersistedSnapshot()
  await it.app.stop()
  const again = await started({ children, snapshot })
  expect(explained(again).sentence).toBe(
    'a is parked, because its configuration is wrong: Error: no module (configuration); only an operation starts it again.',
  )
})
