// The tap on real machines of XState, on a virtual clock: what pages are sent, and what is never done.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, fromPromise, fromTransition, setup, type AnyActor } from 'xstate'
import { openTap, TestPage } from '../support.ts'
import { EVENTS_PER_FLUSH, ENDED_ACTORS, FIRST_EVENTS, FLUSH_MS, KEPT_EVENTS } from '../../src/shared/limits.ts'

const light = createMachine({
  id: 'light',
  initial: 'red',
  states: { red: { on: { NEXT: 'green' } }, green: { on: { NEXT: 'red' } } },
})

const started: AnyActor[] = []
afterEach(() => {
  for (const actor of started.splice(0)) actor.stop()
})

function start<Actor extends AnyActor>(actor: Actor): Actor {
  started.push(actor)
  // What a machine throws is what these tests are about.
  actor.subscribe({ error: () => undefined })
  actor.start()
  return actor
}

test('a page is sent a greeting and the whole picture, with actors that ran before it was open', () => {
  const { tap } = openTap()
  const actor = start(createActor(light, { id: 'crossing', inspect: tap.inspect }))
  actor.send({ type: 'NEXT' })
  const page = new TestPage(tap)
  expect(page.messages.map(({ t }) => t)).toEqual(['hello', 'snap'])
  expect(page.of('hello')[0]).toMatchObject({ v: 1, source: 'app', name: 'test' })
  expect([...page.actors.values()]).toEqual([
    expect.objectContaining({
      name: 'crossing',
      kind: 'machine',
      value: 'green',
      status: 'active',
      last: 'NEXT',
      machine: 'm1',
    }),
  ])
  expect(page.events.map(([n, , from, , type]) => [n, from, type])).toEqual([
    [1, '', 'xstate.init'],
    [2, '', 'NEXT'],
  ])
})

test('while no page is open, no timer is set, no snapshot is read again and nothing is written', () => {
  const { tap, clock } = openTap()
  let reads = 0
  const context = Object.defineProperty({}, 'secret', { enumerable: true, get: () => (reads += 1) })
  const actor = start(createActor(createMachine({ context: { context }, on: { PING: {} } }), { inspect: tap.inspect }))
  const read = actor.getSnapshot.bind(actor)
  let snapshots = 0
  actor.getSnapshot = () => {
    snapshots += 1
    return read()
  }
  const event = { type: 'PING', toJSON: () => (reads += 1) }
  for (let i = 0; i < 1_000; i += 1) actor.send(event)
  expect({ timers: clock.timers, reads, snapshots }).toEqual({ timers: 0, reads: 0, snapshots: 0 })
  const page = new TestPage(tap)
  page.connection.close()
  const { timers } = clock
  const seen = page.messages.length
  for (let i = 0; i < 1_000; i += 1) actor.send(event)
  clock.advance(10 * FLUSH_MS)
  expect({ timers: clock.timers, pending: clock.pending, messages: page.messages.length }).toEqual({
    timers,
    pending: 0,
    messages: seen,
  })
})

test('changes of 100 ms are one message', () => {
  const { tap, clock } = openTap()
  const actor = start(createActor(light, { inspect: tap.inspect }))
  const page = new TestPage(tap)
  for (let i = 0; i < 101; i += 1) actor.send({ type: 'NEXT' })
  clock.advance(FLUSH_MS)
  expect(page.of('d')).toHaveLength(1)
  expect([...page.actors.values()][0]).toMatchObject({ value: 'green', events: 102, last: 'NEXT' })
  clock.advance(10 * FLUSH_MS)
  expect(page.of('d')).toHaveLength(1)
})

test('a definition is sent once per machine, and once for machines that look the same', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const startOne = (): void => {
    start(createActor(createMachine({ id: 'same', initial: 'a', states: { a: {} } }), { inspect: tap.inspect }))
  }
  for (let i = 0; i < 5; i += 1) startOne()
  start(createActor(light, { inspect: tap.inspect }))
  clock.advance(FLUSH_MS)
  for (let i = 0; i < 5; i += 1) startOne()
  clock.advance(FLUSH_MS)
  expect(page.of('d').flatMap(({ machines = {} }) => Object.values(machines).map(({ id }) => id))).toEqual([
    'same',
    'light',
  ])
  expect(new Set([...page.actors.values()].map(({ machine }) => machine))).toEqual(new Set(['m1', 'm2']))
})

test('the tree has parents, and kinds of actors', async () => {
  const { tap } = openTap()
  const parent = setup({
    actors: {
      load: fromPromise(() => new Promise<never>(() => undefined)),
      listen: fromCallback(() => undefined),
      count: fromTransition((context: number) => context + 1, 0),
      light,
    },
  }).createMachine({
    invoke: [
      { src: 'load', id: 'load' },
      { src: 'listen', id: 'listen' },
      { src: 'count', id: 'count' },
      { src: 'light', id: 'light' },
    ],
  })
  start(createActor(parent, { id: 'app', inspect: tap.inspect }))
  const page = new TestPage(tap)
  const root = page.named('app')
  expect([...page.actors.values()].map(({ name, kind, parent: above }) => [name, kind, above])).toEqual([
    ['app', 'machine', undefined],
    ['load', 'promise', root?.id],
    ['listen', 'callback', root?.id],
    ['count', 'transition', root?.id],
    ['light', 'machine', root?.id],
  ])
  await Promise.resolve()
})

const throwing = setup({
  actions: {
    boom: () => {
      throw new Error('card declined for Bearer abcdefgh12345678')
    },
  },
}).createMachine({ id: 'throwing', on: { BOOM: { actions: 'boom' } } })

test('an actor without an id of its own is named by its source, or its machine', () => {
  const { tap } = openTap()
  const crossing = setup({ actors: { light, tick: fromCallback(() => undefined) } }).createMachine({
    id: 'crossing',
    invoke: [{ src: 'light' }, { src: 'tick', id: 'clock' }, { src: fromCallback(() => undefined) }],
  })
  start(createActor(crossing, { inspect: tap.inspect }))
  const page = new TestPage(tap)
  expect([...page.actors.values()].map(({ name }) => name)).toEqual(['crossing', 'light', 'clock', '2.crossing'])
})

test('the kind and the statechart of an actor are known when it has ended and was collected', async () => {
  const { tap, clock } = openTap()
  const load = fromPromise(() => Promise.resolve(1))
  const once = createMachine({ id: 'once', initial: 'a', states: { a: { type: 'final' } } })
  const root = setup({ actors: { load, once } }).createMachine({
    id: 'root',
    initial: 'first',
    states: {
      first: { invoke: { src: 'once', id: 'once', onDone: 'second' } },
      second: { invoke: { src: 'load', id: 'load', onDone: 'third' } },
      third: {},
    },
  })
  start(createActor(root, { inspect: tap.inspect }))
  await new Promise(setImmediate)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await new Promise(setImmediate)
  collect()
  const page = new TestPage(tap)
  clock.advance(FLUSH_MS)
  expect(page.named('load')).toMatchObject({ status: 'done', kind: 'promise' })
  expect(page.named('once')).toMatchObject({ status: 'done', kind: 'machine', machine: 'm2' })
  page.watch('load', 'once')
  const gone = { x: 'no longer in memory' }
  expect(page.of('detail').map(({ snapshot }) => snapshot)).toEqual([gone, gone])
})

test('a machine that throws is shown as failed, as a root and as a child, open or not', () => {
  const { tap, clock } = openTap()
  const before = start(createActor(throwing, { id: 'before', inspect: tap.inspect }))
  before.send({ type: 'BOOM' })
  const page = new TestPage(tap)
  expect(page.named('before')).toMatchObject({ status: 'error', error: 'Error: card declined for [redacted]' })
  const root = start(createActor(throwing, { id: 'root', inspect: tap.inspect }))
  const parent = createMachine({
    invoke: { src: throwing, id: 'child', onError: { target: '.failed' } },
    initial: 'well',
    states: { well: {}, failed: {} },
  })
  const above = start(createActor(parent, { id: 'above', inspect: tap.inspect }))
  root.send({ type: 'BOOM' })
  above.getSnapshot().children.child?.send({ type: 'BOOM' })
  clock.advance(FLUSH_MS)
  expect(page.named('root')).toMatchObject({ status: 'error' })
  expect(page.named('child')).toMatchObject({ status: 'error' })
  expect(page.named('above')).toMatchObject({ status: 'active', value: 'failed' })
})

test('an actor that XState made and that never started is not shown', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  createActor(light, { id: 'never', inspect: tap.inspect })
  start(createActor(light, { id: 'started', inspect: tap.inspect }))
  clock.advance(FLUSH_MS)
  expect([...page.actors.values()].map(({ name }) => name)).toEqual(['started'])
})

test('actors that are born and stopped all the time are forgotten, counted, and never missed', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  start(createActor(light, { id: 'nursery', inspect: tap.inspect }))
  for (let i = 0; i < 1_000; i += 1) {
    const actor = createActor(light, { id: `child-${i}`, inspect: tap.inspect })
    actor.start()
    clock.advance(50)
    actor.stop()
  }
  clock.advance(FLUSH_MS)
  expect(page.gaps).toBe(0)
  expect(page.actors.size).toBe(ENDED_ACTORS + 1)
  expect(page.named('child-999')).toMatchObject({ status: 'stopped' })
  expect(page.of('d').at(-1)?.left?.actors).toBe(1_000 - ENDED_ACTORS)
  const fresh = new TestPage(tap)
  expect([...fresh.actors.keys()].sort()).toEqual([...page.actors.keys()].sort())
})

test('events above the limit are counted, and the picture is still right', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const actor = start(createActor(light, { inspect: tap.inspect }))
  for (let i = 0; i < 1_000; i += 1) actor.send({ type: 'NEXT' })
  clock.advance(FLUSH_MS)
  expect(page.of('d')[0]?.events).toHaveLength(EVENTS_PER_FLUSH)
  expect(page.of('d')[0]?.left?.events).toBe(1_001 - EVENTS_PER_FLUSH)
  expect([...page.actors.values()][0]).toMatchObject({ events: 1_001, value: 'red' })
  for (let i = 0; i < 5_000; i += 1) actor.send({ type: 'NEXT' })
  const [, snap] = tap.trace()
  expect(snap).toMatchObject({ t: 'snap', events: { length: KEPT_EVENTS } })
  expect(new TestPage(tap).events).toHaveLength(FIRST_EVENTS)
})

test('a watched actor has its context, and each transition with its event', () => {
  const { tap, clock } = openTap()
  const machine = createMachine({
    id: 'counter',
    context: { password: 'hunter2', list: Array.from({ length: 1_000 }, (_, i) => i), count: 1 },
    initial: 'a',
    states: { a: { on: { GO: 'b' } }, b: { on: { GO: 'a' } } },
  })
  const actor = start(createActor(machine, { id: 'counter', inspect: tap.inspect }))
  const page = new TestPage(tap)
  page.watch('counter')
  const [first] = page.of('detail')
  expect(JSON.stringify(first?.snapshot)).not.toContain('hunter2')
  expect(first?.snapshot).toMatchObject({
    o: [
      [
        'context',
        {
          o: [
            ['password', { x: 'redacted' }],
            ['list', { more: 950 }],
            ['count', 1],
          ],
        },
      ],
    ],
  })
  for (let i = 0; i < 3; i += 1) {
    actor.send({ type: 'GO' })
    clock.advance(10)
  }
  clock.advance(FLUSH_MS)
  expect(page.detail()?.transitions.map(([at, from, to, event]) => [at, from, to, event])).toEqual([
    [1_000_000, 'a', 'b', 'GO'],
    [1_000_010, 'b', 'a', 'GO'],
    [1_000_020, 'a', 'b', 'GO'],
  ])
  for (let i = 0; i < 100; i += 1) actor.send({ type: 'GO' })
  clock.advance(FLUSH_MS)
  expect(page.detail()).toMatchObject({ transitions: { length: 40 }, left: 60 })
})

test('a page that is not read gets a whole picture later, and holds up no other', () => {
  const { tap, clock } = openTap()
  const actor = start(createActor(light, { id: 'light', inspect: tap.inspect }))
  const [stalled, other] = [new TestPage(tap), new TestPage(tap)]
  stalled.unsent = 2_000_000
  const before = stalled.messages.length
  for (let i = 0; i < 10; i += 1) {
    actor.send({ type: 'NEXT' })
    clock.advance(FLUSH_MS)
  }
  expect(stalled.messages).toHaveLength(before)
  expect(other.of('d')).toHaveLength(10)
  stalled.unsent = 0
  actor.send({ type: 'NEXT' })
  clock.advance(FLUSH_MS)
  expect(stalled.of('snap')).toHaveLength(2)
  actor.send({ type: 'NEXT' })
  clock.advance(FLUSH_MS)
  expect(stalled.gaps).toBe(0)
  expect(stalled.named('light')).toEqual(other.named('light'))
})

test('a page that cannot be sent to is dropped, and the application hears nothing of it', () => {
  const { tap, clock } = openTap()
  const actor = start(createActor(light, { inspect: tap.inspect }))
  let sent = 0
  tap.connect({
    send: () => {
      sent += 1
      if (sent > 2) throw new Error('gone')
    },
    buffered: () => 0,
  })
  actor.send({ type: 'NEXT' })
  clock.advance(FLUSH_MS)
  expect({ sent, watchers: tap.watchers, value: actor.getSnapshot().value }).toEqual({
    sent: 3,
    watchers: 0,
    value: 'green',
  })
})

test('inspect never throws, whatever it is given', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('hostile')
      },
    },
  )
  for (const given of [undefined, null, 1, {}, hostile, { type: '@xstate.event', actorRef: hostile, event: hostile }])
    expect(() => {
      tap.inspect(given)
    }).not.toThrow()
  clock.advance(FLUSH_MS)
  expect(page.actors.size).toBe(0)
})

test('what a page sends is checked by its form, and changes nothing', () => {
  const { tap } = openTap()
  const actor = start(createActor(light, { id: 'light', inspect: tap.inspect }))
  const page = new TestPage(tap)
  const wrong = [
    1,
    null,
    [],
    { t: 'watch' },
    { t: 'watch', ids: [1] },
    { t: 'since', seq: -1 },
    { t: 'watch', ids: Array(9).fill('a') },
  ]
  for (const message of wrong) page.say(message)
  page.connection.receive('{')
  page.connection.receive(`"${'x'.repeat(5_000)}"`)
  page.connection.receive(JSON.stringify({ t: 'watch', ids: ['é'.repeat(2_100)] }))
  expect(page.of('error').map(({ code }) => code)).toEqual(Array(wrong.length + 3).fill('INVALID_ARGUMENT'))
  page.connection.receive('{"t":"act"}')
  expect(page.of('error').at(-1)).toMatchObject({ code: 'READ_ONLY' })
  page.watch('unknown')
  expect(page.of('detail')).toHaveLength(0)
  expect(actor.getSnapshot().value).toBe('red')
})

test('two systems with the same session ids are two trees', () => {
  const { tap } = openTap()
  start(createActor(light, { id: 'one', inspect: tap.inspect }))
  start(createActor(light, { id: 'two', inspect: tap.inspect }))
  expect([...new TestPage(tap).actors.keys()].map((id) => id.split('.')[0])).toEqual(['1', '2'])
})
