import { expect, test } from '@jest/globals'
import { createMachine, fromPromise, fromTransition, setup, type ActorRefFrom, type AnyActorRef } from 'xstate'
import {
  childSpec,
  createSupervisor,
  IGNORE,
  type ChildSpec,
  type Supervisor,
  type SupervisorEvent,
} from '@terrarium/supervisor'

type IsAny<T> = 0 extends 1 & T ? true : false
/** Whether each type is assignable to the other, and not because one is any. */
type Same<A, B> = IsAny<A> extends IsAny<B> ? ([A] extends [B] ? ([B] extends [A] ? true : false) : false) : false
/** Compiles only if the value is of this type: the checker is the test, see `npm test -- types`. */
const isOfType =
  <TExpected>() =>
  <TActual>(_value: TActual, ..._proof: Same<TExpected, TActual> extends true ? [] : ['of another type']): void =>
    undefined

const db = setup({
  types: { input: {} as { url: string }, events: {} as { type: 'query'; sql: string } },
}).createMachine({
  initial: 'connecting',
  states: { connecting: {}, connected: {} },
})
const counter = fromTransition((count: number, _event: { type: 'count' }) => count + 1, 0)
const job = fromPromise(({ input }: { input: { size: number; name: string } }) => Promise.resolve(input.size))

const app = createSupervisor({
  id: 'app',
  children: [
    { id: 'db', logic: db, input: { url: 'db://' } },
    { id: 'counter', logic: counter },
    { id: 'made', logic: ({ incarnation }) => (incarnation > 9 ? IGNORE : counter) },
    { id: 'late', logic: async () => Promise.resolve(db), input: { url: 'late' } },
  ],
})

test('a child is known by its id, and its ref by its logic', async () => {
  isOfType<ActorRefFrom<typeof db> | undefined>()(app.child('db'))
  isOfType<ActorRefFrom<typeof counter> | undefined>()(app.child('made'))
  isOfType<ActorRefFrom<typeof db> | undefined>()(app.child('late'))
  // @ts-expect-error no child has this id
  app.child('bd')
  await app.start()
  app.child('counter')?.send({ type: 'count' })
  // @ts-expect-error the counter knows no such event
  app.child('counter')?.send({ type: 'cuont' })
  expect(app.child('counter')?.getSnapshot().context).toBe(2)
  await app.stop()
  expect(app.child('counter')).toBeUndefined()
})

test('ids that are not known to the types lead to what may be behind them', async () => {
  const ids: readonly string[] = ['a', 'b']
  const counters = createSupervisor({ id: 'app', children: ids.map((id) => ({ id, logic: counter })) })
  isOfType<ActorRefFrom<typeof counter> | undefined>()(counters.child('a'))
  await counters.start()
  counters.child('b')?.send({ type: 'count' })
  // @ts-expect-error the counters know no such event
  counters.child('b')?.send({ type: 'cuont' })
  expect(counters.child('b')?.getSnapshot().context).toBe(2)
  await counters.stop()

  const mixed = createSupervisor({
    id: 'app',
    children: [{ id: 'db', logic: db, input: { url: 'db://' } }, ...ids.map((id) => ({ id, logic: counter }))],
  })
  isOfType<ActorRefFrom<typeof db> | undefined>()(mixed.child('db'))
  isOfType<ActorRefFrom<typeof counter> | undefined>()(mixed.child('a'))
  const some = ids[0] ?? 'a'
  isOfType<ActorRefFrom<typeof db> | ActorRefFrom<typeof counter> | undefined>()(mixed.child(some))
  isOfType<ActorRefFrom<typeof db> | ActorRefFrom<typeof counter> | undefined>()(
    app.child(ids.length > 0 ? 'db' : 'counter'),
  )

  const either = createSupervisor({ id: 'app', children: (['x', 'y'] as const).map((id) => ({ id, logic: counter })) })
  isOfType<ActorRefFrom<typeof counter> | undefined>()(either.child('x'))
  // @ts-expect-error no child has this id
  expect(either.child('z')).toBeUndefined()

  const specs: readonly ChildSpec[] = ids.map((id) => ({ id, logic: counter }))
  isOfType<AnyActorRef | undefined>()(createSupervisor({ id: 'app', children: specs }).child('a'))
  isOfType<AnyActorRef | undefined>()(createSupervisor({ id: 'app' }).child('a'))
  const all: readonly Supervisor[] = [app, counters, mixed, either]
  isOfType<AnyActorRef | undefined>()(all[0]?.child('a'))
})

test('input and ready are those of the logic', () => {
  // @ts-expect-error the machine wants a url
  createSupervisor({ id: 'app', children: [{ id: 'db', logic: db, input: { uri: 'db://' } }] })
  // @ts-expect-error the machine has no such state
  childSpec({ id: 'db', logic: db, ready: (snapshot) => snapshot.matches('conected') })
  const spec = childSpec({
    id: 'db',
    logic: db,
    input: { url: 'x' },
    ready: (snapshot) => snapshot.matches('connected'),
  })
  isOfType<ActorRefFrom<typeof db> | undefined>()(createSupervisor({ id: 'app', children: [spec] }).child('db'))
  expect(spec.id).toBe('db')
})

test('startChild resolves to the ref of the logic; with a template it takes the input of it', async () => {
  await app.stop()
  const open = createSupervisor({ id: 'open' })
  await open.start()
  const ref = await open.startChild({ id: 'counter', logic: counter })
  isOfType<ActorRefFrom<typeof counter> | undefined>()(ref)
  expect(ref?.getSnapshot().context).toBe(0)
  await open.stop()
  const jobs = createSupervisor({
    id: 'jobs',
    strategy: 'simple_one_for_one',
    children: [{ id: 'job', logic: job, input: { size: 1, name: 'job' }, restart: 'temporary' }],
  })
  await jobs.start()
  const started = await jobs.startChild({ size: 2 })
  isOfType<ActorRefFrom<typeof job> | undefined>()(started)
  // @ts-expect-error not the input of the template
  await jobs.startChild({ length: 2 })
  await jobs.stop()
})

test('a request by id is any event, as one by ref', async () => {
  const closed = createSupervisor({ id: 'closed', children: [{ id: 'counter', logic: counter }] })
  await closed.start()
  await closed.stop()
  await expect(closed.call('counter', { type: 'add', n: 3 })).rejects.toMatchObject({ code: 'STOPPED' })
  // @ts-expect-error a request has a type
  await expect(closed.call('counter', { n: 3 })).rejects.toMatchObject({ code: 'STOPPED' })
  const total = closed.call<number>('counter', { type: 'total' })
  isOfType<Promise<number>>()(total)
  await expect(total).rejects.toMatchObject({ code: 'STOPPED' })
})

test('events are typed by their names', () => {
  const one = createSupervisor({ id: 'one', children: [{ id: 'm', logic: createMachine({}) }] })
  one.on('child.backoff', (event) => {
    isOfType<Extract<SupervisorEvent, { type: 'child.backoff' }>>()(event)
  })
  one.on('child.exit', ({ reason }) => {
    // @ts-expect-error a reason is `error`, not `failed`
    return reason.type === 'failed'
  })
  // @ts-expect-error there is no such event
  one.on('child.exited', () => undefined)
  expect(one.child('m')).toBeUndefined()
})
