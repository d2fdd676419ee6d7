// Types inside a restart strategy: ids, meta, inputs and memory. The compiler is the test, and the strategy runs.
import { describe, expect, test } from '@jest/globals'
import { fromTransition, setup } from 'xstate'
import { childSpec, createSupervisor } from '@terrarium/supervisor'
import { restartStrategy, type ChildOf, type RestartPlan, type RestartStrategy } from '@terrarium/supervisor/strategies'
import { describeRestartStrategy, VirtualClock } from '@terrarium/supervisor/testing'

type IsAny<T> = 0 extends 1 & T ? true : false
type Same<A, B> = IsAny<A> extends IsAny<B> ? ([A] extends [B] ? ([B] extends [A] ? true : false) : false) : false
const isOfType =
  <TExpected>() =>
  <TActual>(_value: TActual, ..._proof: Same<TExpected, TActual> extends true ? [] : ['of another type']): void =>
    undefined

const db = setup({ types: { input: {} as { url: string } } }).createMachine({})
const counter = fromTransition((count: number, event: { type: string }) => {
  if (event.type === 'fail') throw new Error('told to fail')
  return count + 1
}, 0)

const specs = [
  { id: 'db', logic: db, input: { url: 'db://' }, meta: { tier: 1 } },
  { id: 'web', logic: counter, meta: { tier: 2 }, dependsOn: ['db'] },
  { id: 'log', logic: counter },
] as const

const tiers = restartStrategy<typeof specs, { readonly failures: number }>({
  name: 'tiers',
  plan: (failed, children, { memory }) => {
    isOfType<'db' | 'web' | 'log'>()(failed.id)
    isOfType<number | undefined>()(memory?.failures)
    if (failed.id === 'db') {
      isOfType<{ readonly tier: 1 }>()(failed.meta)
      isOfType<{ url: string }>()(failed.input)
    }
    if (failed.id === 'log') isOfType<undefined>()(failed.meta)
    // @ts-expect-error no child has this id
    if (failed.id === 'bd') return { restart: [] }
    for (const { id, meta } of children) if (id === 'web') isOfType<2>()(meta.tier)
    const failures = (memory?.failures ?? 0) + 1
    if (failed.id !== 'web') return { restart: [failed.id], memory: { failures } }
    return {
      actions: [
        { action: 'delay', child: 'web', by: 10, because: `failure ${failures}` },
        { action: 'restart', child: 'log' },
      ],
      memory: { failures },
    }
  },
})

test('a strategy of these specifications runs under them', async () => {
  const clock = new VirtualClock()
  const app = createSupervisor({ id: 'app', clock, children: specs, strategy: tiers })
  await app.start()
  app.child('web')?.send({ type: 'fail' })
  await clock.advance(10)
  expect(app.children.map(({ id, incarnation }) => `${id} ${incarnation}`)).toEqual(['db 1', 'web 2', 'log 2'])
  await app.stop()
})

describe('the suite takes the same specifications', () => {
  describeRestartStrategy(tiers, { test, children: specs.map(({ logic: _, ...child }) => child), runs: 10 })
})

test('a strategy among the options knows ids, meta and inputs of the children before it, and runs', async () => {
  const clock = new VirtualClock()
  const app = createSupervisor({
    id: 'app',
    clock,
    children: [
      { id: 'db', logic: db, input: { url: 'db://' }, meta: { tier: 1 } },
      { id: 'web', logic: counter, meta: { tier: 2 }, ready: ({ context }) => context === 0 },
      { id: 'log', logic: ({ id }) => (id === 'log' ? counter : counter) },
    ],
    strategy: {
      name: 'tiers',
      plan: (failed, children, { memory }) => {
        isOfType<'db' | 'web' | 'log'>()(failed.id)
        isOfType<unknown>()(memory)
        if (failed.id === 'db') {
          isOfType<{ readonly tier: 1 }>()(failed.meta)
          isOfType<{ url: string }>()(failed.input)
        }
        const others = Array.from(children).filter((each) => each.id === 'db')
        for (const { meta } of others) isOfType<{ readonly tier: 1 }>()(meta)
        return { restart: [failed.id, ...others.map(({ id }) => id)] }
      },
    },
  })
  await app.start()
  app.child('web')?.send({ type: 'fail' })
  await clock.advance(1_000)
  expect(app.children.map(({ id, incarnation }) => `${id} ${incarnation}`)).toEqual(['db 2', 'web 2', 'log 1'])
  await app.stop()
})

test('a strategy among the options names no other child, and any child where ids are only strings', () => {
  const children = [{ id: 'a', logic: counter }] as const
  const made = [
    // @ts-expect-error no child has the id b
    () => createSupervisor({ id: 'app', children, strategy: { name: 'x', plan: () => ({ restart: ['b'] }) } }),
    createSupervisor({
      id: 'app',
      children: ['a', 'b'].map((id) => ({ id, logic: counter })),
      strategy: { name: 'x', plan: ({ id }) => ({ restart: [id, 'b'] }) },
    }),
    // Children behind the strategy are not known yet.
    createSupervisor({
      id: 'app',
      strategy: { name: 'x', plan: ({ id }) => (isOfType<string>()(id), { restart: [id] }) },
      children: [{ id: 'a', logic: counter, ready: ({ context }) => context === 0 }],
    }),
  ]
  expect(made).toHaveLength(3)
})

test('a plan may name no other child, no other action, and no other memory', () => {
  const wrong: unknown[] = [
    // @ts-expect-error no child has the id bd
    restartStrategy<typeof specs>({ name: 'x', plan: () => ({ restart: ['bd'] }) }),
    // @ts-expect-error no child has the id bd
    restartStrategy<typeof specs>({ name: 'x', plan: () => ({ actions: [{ action: 'stop', child: 'bd' }] }) }),
    // @ts-expect-error there is no such action
    restartStrategy<typeof specs>({ name: 'x', plan: () => ({ actions: [{ action: 'hold', child: 'db' }] }) }),
    // @ts-expect-error a delay has a time
    restartStrategy<typeof specs>({ name: 'x', plan: () => ({ actions: [{ action: 'delay', child: 'db' }] }) }),
    // @ts-expect-error the memory is a number
    restartStrategy<typeof specs, number>({ name: 'x', plan: () => ({ restart: [], memory: 'text' }) }),
  ]
  expect(wrong).toHaveLength(5)
})

test('childSpec() keeps the meta of a specification', () => {
  const list = [childSpec({ id: 'a', logic: counter, meta: { tier: 3 } }), childSpec({ id: 'b', logic: counter })]
  type View = ChildOf<typeof list>
  isOfType<'a' | 'b'>()({} as View['id'])
  isOfType<{ readonly tier: 3 }>()({} as Extract<View, { id: 'a' }>['meta'])
  expect(list[0]?.meta).toEqual({ tier: 3 })
})

test('without specifications ids are strings and meta is unknown; a typed memory needs no helper', () => {
  const strategy: RestartStrategy = {
    name: 'plain',
    plan: (failed, _, { memory }): RestartPlan => {
      isOfType<string>()(failed.id)
      isOfType<unknown>()(failed.meta)
      isOfType<unknown>()(memory)
      return { restart: [failed.id] }
    },
  }
  expect(createSupervisor({ id: 'app', strategy, children: specs }).children).toHaveLength(3)
})
