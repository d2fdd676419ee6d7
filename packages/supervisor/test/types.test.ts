import { expect, test } from '@jest/globals'
import { createMachine, fromPromise, fromTransition, setup, type ActorRefFrom, type AnyActorRef } from 'xstate'
import {
  administrate,
  childSpec,
  createSupervisor,
  IGNORE,
  supervisor,
  type Administration,
  type ChildSpec,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorLogic,
  type SupervisorOptions,
  type TemplateSpec,
} from '@terrarium/supervisor'
import { startTask } from '@terrarium/supervisor/otp'

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

/** Expects an operation to reject because the supervisor does not run. */
const refused = async (answer: Promise<unknown>): Promise<void> => {
  await expect(answer).rejects.toMatchObject({ code: 'STOPPED' })
}

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

test('operations take the ids of the options, and administrate takes any', async () => {
  const { ref } = app
  const restarted = app.restartChild('db', { force: true })
  isOfType<Promise<ActorRefFrom<typeof db> | undefined>>()(restarted)
  await refused(restarted)
  await refused(app.call('counter', { type: 'count' }))
  // @ts-expect-error no child has this id
  await expect(app.call('bd', { type: 'count' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  // @ts-expect-error no child has this id
  await refused(app.restartChild('bd'))
  // @ts-expect-error no child has this id
  await refused(app.terminateChild('bd'))
  // @ts-expect-error no child has this id
  await refused(app.deleteChild('bd'))
  // @ts-expect-error no child has this id
  await refused(app.unpark('bd'))
  // @ts-expect-error no child has this id
  await refused(app.getChildSpec('bd'))
  // @ts-expect-error no child has this id
  await refused(app.whatIf('bd', new Error('boom')))
  // @ts-expect-error no child has this id
  expect(() => app.explain('bd')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  await refused(administrate(ref).unpark('bd'))
  await refused(administrate(ref).terminateChild(ref))
  // Children can be added where there are none, and where their ids are strings.
  const ids: readonly string[] = ['a']
  const empty = createSupervisor({ id: 'app', children: [] })
  await refused(empty.restartChild('added'))
  const counters = createSupervisor({ id: 'app', children: ids.map((id) => ({ id, logic: counter })) })
  await refused(counters.terminateChild('added'))
  isOfType<ActorRefFrom<typeof counter> | undefined>()(counters.child('added'))
  isOfType<AnyActorRef | undefined>()(empty.child('added'))
})

test('ready() in a list is called with the snapshots of the logic beside it', () => {
  const listed = createSupervisor({
    id: 'app',
    children: [
      { id: 'db', logic: db, input: { url: 'x' }, ready: (it) => it.matches('connected') },
      { id: 'made', logic: ({ incarnation }) => (incarnation > 9 ? IGNORE : counter), ready: () => true },
      { id: 'late', logic: () => db, input: { url: 'x' }, ready: (it) => it.matches('connecting') },
    ],
  })
  isOfType<ActorRefFrom<typeof counter> | undefined>()(listed.child('made'))
  isOfType<ActorRefFrom<typeof db> | undefined>()(listed.child('late'))
  // @ts-expect-error the machine has no such state
  createSupervisor({ id: 'app', children: [{ id: 'db', logic: () => db, ready: (it) => it.matches('conected') }] })
})

test('specifications in a list of their own are each of their own logic', () => {
  const specs = [
    childSpec({ id: 'db', logic: db, input: { url: 'x' }, ready: (it) => it.matches('connected') }),
    childSpec({ id: 'counter', logic: counter, ready: (it) => it.context > 1 }),
  ]
  const listed = createSupervisor({ id: 'app', children: specs })
  isOfType<ActorRefFrom<typeof db> | undefined>()(listed.child('db'))
  isOfType<ActorRefFrom<typeof counter> | undefined>()(listed.child('counter'))
  // @ts-expect-error no child has this id
  expect(listed.child('bd')).toBeUndefined()
  const wrong = [...specs, { id: 'other', logic: db, input: { uri: 'x' } } as const]
  // @ts-expect-error the machine wants a url
  createSupervisor({ id: 'app', children: wrong })
})

test('an id that is only known to be a string leads to the refs of all children that may have it', async () => {
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

test('a template is checked like a specification, except for its input', async () => {
  const strategy = 'simple_one_for_one'
  const dbs = createSupervisor({
    id: 'dbs',
    strategy,
    children: [{ id: 'db', logic: db, ready: (it) => it.matches('connected') }],
  })
  const ref = dbs.startChild({ url: 'x' })
  isOfType<Promise<ActorRefFrom<typeof db> | undefined>>()(ref)
  await refused(ref)
  const made = createSupervisor({
    id: 'counters',
    strategy,
    children: [{ id: 'c', logic: ({ incarnation }) => (incarnation > 9 ? IGNORE : counter) }],
  })
  const other = made.startChild()
  isOfType<Promise<ActorRefFrom<typeof counter> | undefined>>()(other)
  await refused(other)
  supervisor({ id: 'dbs', strategy, children: [{ id: 'db', logic: db, ready: (it) => it.matches('connected') }] })
  const template = { id: 'db', logic: db, restart: 'temporary' } as const
  // @ts-expect-error the machine has no such state
  createSupervisor({ id: 'dbs', strategy, children: [{ ...template, ready: (it) => it.matches('conected') }] })
  // @ts-expect-error also in a logic, and if it is made at each start
  supervisor({ id: 'dbs', strategy, children: [{ id: 'db', logic: () => db, ready: (it) => it.matches('conected') }] })
})

test('an input that a logic needs must be given, except to a template', async () => {
  // @ts-expect-error the machine wants a url
  createSupervisor({ id: 'app', children: [{ id: 'db', logic: db }] })
  // @ts-expect-error also if it is made at each start
  createSupervisor({ id: 'app', children: [{ id: 'db', logic: () => db }] })
  // @ts-expect-error so it does in a list
  createSupervisor({ id: 'app', children: ['a', 'b'].map((id) => ({ id, logic: db })) })
  createSupervisor({ id: 'app', children: ['a', 'b'].map((id) => ({ id, logic: db, input: { url: id } })) })
  // @ts-expect-error and nested in another
  supervisor({ id: 'app', children: [{ id: 'db', logic: db }] })
  // @ts-expect-error the specification says which logic it is of
  const annotated: ChildSpec<typeof db> = { id: 'db', logic: db }
  expect(annotated.input).toBeUndefined()
  const whole = childSpec({ id: 'db', logic: db, input: { url: 'x' }, ready: (it) => it.matches('connected') })
  createSupervisor({ id: 'app', children: [whole] })
  await refused(app.startChild(whole))
  // @ts-expect-error the machine wants a url
  await refused(app.startChild({ id: 'more', logic: db }))
  // @ts-expect-error also by way of administrate
  await refused(administrate(app.ref).startChild({ id: 'more', logic: db }))
  const any: ChildSpec = { id: 'more', logic: db }
  await refused(app.startChild(any))

  const strategy = 'simple_one_for_one'
  createSupervisor({ id: 'dbs', strategy, children: [{ id: 'db', logic: db }] })
  supervisor({ id: 'dbs', strategy, children: [{ id: 'db', logic: db }] })
  const template = childSpec({ id: 'db', logic: db, ready: (it) => it.matches('connected') })
  isOfType<TemplateSpec<typeof db> & { readonly id: 'db' }>()(template)
  const dbs = createSupervisor({ id: 'dbs', strategy, children: [template] })
  await refused(dbs.startChild({ url: 'x' }))
  // @ts-expect-error the template has no url
  createSupervisor({ id: 'app', children: [template] })
  // @ts-expect-error the machine has no such state
  childSpec({ id: 'db', logic: db, ready: (it) => it.matches('conected') })
})

test('supervisor() checks children as createSupervisor() does', () => {
  const children = [{ id: 'db', logic: db, input: { url: 'db://' } }] as const
  const nested = supervisor({ id: 'n', children: [...children, { id: 'counter', logic: counter }] })
  isOfType<SupervisorLogic>()(nested)
  const ids: readonly string[] = ['a', 'b']
  supervisor({ id: 'n', children: ids.map((id): ChildSpec => ({ id, logic: id === 'a' ? counter : nested })) })
  supervisor({ id: 'n', strategy: 'simple_one_for_one', children })
  const options: SupervisorOptions = { id: 'n', children }
  supervisor(options)
  // @ts-expect-error the machine wants a url
  supervisor({ id: 'n', children: [{ id: 'db', logic: db, input: { uri: 'db://' } }] })
  // @ts-expect-error it is a string
  supervisor({ id: 'n', children: [{ id: 'db', logic: async () => Promise.resolve(db), input: { url: 1 } }] })
  // @ts-expect-error so it does as a template
  supervisor({ id: 'n', strategy: 'simple_one_for_one', children: [{ id: 'db', logic: db, input: { uri: 'db://' } }] })
  // @ts-expect-error there is no such restart type
  expect(() => supervisor({ id: 'n', children: [{ id: 'counter', logic: counter, restart: 'tmporary' }] })).toThrow()
  // @ts-expect-error there is no such option
  expect(() => supervisor({ id: 'n', maxChild: 1, children: [{ id: 'counter', logic: counter }] })).toThrow()
  expect(typeof nested.transition).toBe('function')
})

test('startChild resolves to the ref of the logic; with a template it takes the template’s input', async () => {
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

test('startChild takes a specification without a mistake', async () => {
  for (const open of [createSupervisor({ id: 'o' }), createSupervisor({ id: 'd', strategy: 'dynamic' })]) {
    await refused(open.startChild({ id: 'db', logic: db, input: { url: 'x' }, restart: 'temporary' }))
    await refused(open.startChild({ id: 'db', logic: () => db, input: { url: 'x' } }))
    const ready = { id: 'counter', logic: counter, backoff: { max: 1 } } as const
    await refused(open.startChild(ready))
    // @ts-expect-error the machine wants a url
    await refused(open.startChild({ id: 'db', logic: db, input: { uri: 'x' } }))
    // @ts-expect-error so it does if it is made at each start
    await refused(open.startChild({ id: 'db', logic: () => db, input: { uri: 'x' } }))
    // @ts-expect-error the machine has no such state
    await refused(open.startChild({ id: 'db', logic: db, input: { url: 'x' }, ready: (it) => it.matches('conected') }))
    // @ts-expect-error there is no such option
    await refused(open.startChild({ id: 'counter', logic: counter, restrat: 'temporary' }))
    // @ts-expect-error there is no such restart type
    await refused(open.startChild({ id: 'counter', logic: counter, restart: 'tmporary' }))
    // @ts-expect-error a child has an id
    await refused(open.startChild({ logic: counter }))
    // @ts-expect-error no specification
    await refused(open.startChild(42))
    // @ts-expect-error nor is nothing
    await refused(open.startChild())
  }
  await refused(app.startChild({ id: 'more', logic: counter }))
  // @ts-expect-error there is no such option
  await refused(app.startChild({ id: 'more', logic: counter, restrat: 'temporary' }))
})

test('administrate takes any input for a template, or a specification without a mistake', async () => {
  const { ref } = createSupervisor({ id: 'open' })
  const open = administrate(ref)
  const started = open.startChild({ id: 'db', logic: db, input: { url: 'x' }, ready: (it) => it.matches('connected') })
  isOfType<Promise<ActorRefFrom<typeof db> | undefined>>()(started)
  await refused(started)
  const instance = open.startChild({ user: 'ada' })
  isOfType<Promise<AnyActorRef | undefined>>()(instance)
  await refused(instance)
  await refused(open.startChild())
  await refused(open.startChild(42))
  // @ts-expect-error the machine wants a url
  await refused(open.startChild({ id: 'db', logic: db, input: { uri: 'x' } }))
  // @ts-expect-error there is no such option
  await refused(open.startChild({ id: 'counter', logic: counter, restrat: 'temporary' }))
  // @ts-expect-error there is no such restart type
  await refused(open.startChild({ id: 'counter', logic: counter, restart: 'tmporary' }))
  const less: Administration = open
  // @ts-expect-error no specification
  await refused(less.startChild({ user: 'ada' }))
})

test('a task is for a supervisor whose children have specifications of their own', async () => {
  const work = (): Promise<number> => Promise.resolve(1)
  const dynamic = createSupervisor({ id: 'tasks', strategy: 'dynamic' })
  await dynamic.start()
  await expect((await startTask(dynamic, work)).result).resolves.toBe(1)
  await expect((await startTask(administrate(dynamic.ref), work)).result).resolves.toBe(1)
  await dynamic.stop()
  const strategy = 'simple_one_for_one'
  const jobs = createSupervisor({ id: 'jobs', strategy, children: [{ id: 'job', logic: job }] })
  // @ts-expect-error its children are made from its template
  await refused(startTask(jobs, work))
  const counters = createSupervisor({ id: 'counters', strategy, children: [{ id: 'counter', logic: counter }] })
  // @ts-expect-error so are these, whose input may be anything
  await refused(startTask(counters, work))
  const specs: readonly [ChildSpec] = [{ id: 'job', logic: job }]
  const any = createSupervisor({ id: 'jobs', strategy, children: specs })
  // @ts-expect-error and these, of which nothing is known
  await refused(startTask(any, work))
})

test('call() by id takes any event, as call() by ref', async () => {
  const closed = createSupervisor({ id: 'closed', children: [{ id: 'counter', logic: counter }] })
  await closed.start()
  await closed.stop()
  await refused(closed.call('counter', { type: 'add', n: 3 }))
  // @ts-expect-error a request has a type
  await refused(closed.call('counter', { n: 3 }))
  const total = closed.call<number>('counter', { type: 'total' })
  isOfType<Promise<number>>()(total)
  await refused(total)
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
  expect(() => one.on('child.exited', () => undefined)).toThrow('did you mean child.exit?')
  expect(one.child('m')).toBeUndefined()
})
