import { expect, test } from '@jest/globals'
import { assign, createActor, createMachine, fromCallback, fromTransition, setup, type AnyActorRef } from 'xstate'
import { supervisor, type ChildInfo, type ExitReason, type SupervisorSnapshot } from '@terrarium/supervisor'
import {
  call,
  exit,
  exitReasonOf,
  exitSignal,
  fromServer,
  link,
  monitor,
  reply,
  trapExit,
  unlink,
  type DownEvent,
  type From,
} from '@terrarium/supervisor/otp'
import { bench, child, idle } from './support.ts'
import { BOOM, boom, end, KILLED, NORMAL, observers, settled, SHUTDOWN, start, trapper, worker } from './otp/actors.ts'

test('exit ends any actor with the reason, drops its mailbox and runs its clean-up', () => {
  const log: string[] = []
  const machine = createMachine({
    invoke: { src: fromCallback(() => () => log.push('cleaned up')) },
    exit: () => log.push('exit action'),
    on: { message: { actions: () => log.push('message') } },
  })
  const ref = start(machine)
  exit(ref, SHUTDOWN)
  exit(ref, BOOM)
  expect(exitReasonOf(ref)).toEqual(SHUTDOWN)
  expect(log).toEqual(['cleaned up'])
})

test('an actor that is told to exit while it handles an event handles no further event', async () => {
  const log: string[] = []
  const logic = fromTransition((state: number, event: { type: string }, { self }) => {
    if (event.type === 'xstate.stop') return state
    log.push(event.type)
    if (event.type === 'go') {
      self.send({ type: 'later' })
      exit(self, BOOM)
      exit(self, NORMAL)
      log.push('still here')
    }
    return state
  }, 0)
  const ref = start(logic)
  const downs: DownEvent[] = []
  monitor(ref, (down) => downs.push(down))
  ref.send({ type: 'go' })
  await settled()
  expect(log).toEqual(['go', 'still here'])
  expect(downs).toEqual([{ type: 'down', ref, reason: BOOM }])
})

test('an actor that ends by itself while it is told to exit has its own reason, which is told once', () => {
  const ending = setup({}).createMachine({
    initial: 'running',
    states: {
      running: {
        on: {
          go: {
            target: 'ended',
            actions: ({ self }) => {
              exit(self, SHUTDOWN)
            },
          },
        },
      },
      ended: { type: 'final' },
    },
    output: 42,
  })
  const outputs: unknown[] = []
  const parent = start(
    setup({ actors: { ending } }).createMachine({
      invoke: { id: 'invoked', src: 'ending', onDone: { actions: ({ event }) => outputs.push(event.output) } },
    }),
  )
  const { invoked } = (parent.getSnapshot() as { children: Record<string, AnyActorRef> }).children
  invoked?.send({ type: 'go' })
  expect(outputs).toEqual([42])
  expect(exitReasonOf(invoked as AnyActorRef)).toEqual({ type: 'normal', output: 42 })
})

test('the supervisor handles exit(ref, reason) as an exit for that reason', async () => {
  const { app, ref, clock, events } = bench({
    children: [child('a', { restart: 'transient' }), child('b', { restart: 'transient' })],
  })
  await app.start()
  const first = ref('a')
  exit(first, BOOM)
  exit(ref('b'), NORMAL)
  await clock.advance(0)
  expect(app.children).toMatchObject([
    { id: 'a', state: 'running', incarnation: 2 },
    { id: 'b', state: 'stopped' },
  ])
  const exits = events.filter(({ type }) => type === 'child.exit')
  expect(exits).toMatchObject([
    { id: 'a', reason: BOOM, ref: first },
    { id: 'b', reason: NORMAL },
  ])
  await app.stop()
})

test('a linked child dies with its partner and is restarted without the link', async () => {
  const { app, ref, clock } = bench({ children: [child('a')] })
  await app.start()
  const partner = worker()
  link(ref('a'), partner)
  end(partner, BOOM)
  await clock.advance(0)
  expect(app.children).toMatchObject([{ state: 'running', incarnation: 2, failure: { error: boom } }])
  await app.stop()
})

test.each<[ExitReason, unknown]>([
  [BOOM, { failed: boom }],
  [KILLED, { failed: { code: 'STOPPED', details: { exit: 'killed' } } }],
  [{ type: 'normal', output: 42 }, { done: 42 }],
  [SHUTDOWN, { done: { exit: SHUTDOWN } }],
])('a machine that has invoked the actor sees %j', (reason, seen) => {
  const machine = setup({ types: { context: {} as { seen: unknown } }, actors: { idle } }).createMachine({
    context: { seen: undefined },
    invoke: {
      id: 'invoked',
      src: 'idle',
      onDone: { actions: assign({ seen: ({ event }) => ({ done: event.output as unknown }) }) },
      onError: { actions: assign({ seen: ({ event }) => ({ failed: event.error }) }) },
    },
  })
  const parent = createActor(machine).start()
  const { invoked } = parent.getSnapshot().children as Record<string, AnyActorRef>
  exit(invoked as AnyActorRef, reason)
  expect(parent.getSnapshot().context.seen).toMatchObject(seen as object)
})

test('an exit travels through all links, cycles included', () => {
  const ring = [worker(), worker(), worker(), worker()]
  ring.forEach((each, index) => {
    link(each, ring[(index + 1) % ring.length] as AnyActorRef)
  })
  end(ring[2] as AnyActorRef, BOOM)
  for (const each of ring) expect(exitReasonOf(each)).toEqual(BOOM)
})

test('a machine can trap exits for as long as it likes', () => {
  const machine = setup({
    types: { context: {} as { exits: unknown[] }, events: {} as { type: string; reason?: unknown } },
  }).createMachine({
    context: { exits: [] },
    entry: ({ self }) => {
      trapExit(self)
    },
    on: {
      exit: { actions: assign({ exits: ({ context, event }) => [...context.exits, event.reason] }) },
      careless: {
        actions: ({ self }) => {
          trapExit(self, false)
        },
      },
    },
  })
  const ref = createActor(machine).start()
  exitSignal(ref, BOOM, worker())
  expect(ref.getSnapshot().context.exits).toEqual([BOOM])
  ref.send({ type: 'careless' })
  exitSignal(ref, SHUTDOWN, worker())
  expect(exitReasonOf(ref)).toEqual(SHUTDOWN)
})

test('links and monitors leave no listener behind, on neither side', () => {
  const [a, b, c] = [worker(), worker(), trapper().ref]
  const before = [a, b, c].map(observers)
  link(a, b)
  const monitored = monitor(a, c)
  expect([a, b, c].map(observers)).toEqual(before.map((count, index) => count + ([2, 1, 1][index] as number)))
  unlink(b, a)
  monitored.demonitor()
  expect([a, b, c].map(observers)).toEqual(before)

  link(a, b)
  monitor(a, c)
  monitor(b, c)
  exit(c, KILLED)
  expect(observers(b)).toBe((before[1] as number) + 1)
  exit(a, NORMAL)
  expect(observers(b)).toBe(before[1])
})

test('corner case 10: what an actor has sent, by whatever path, comes before its exit; a reply counts, a late one does not', async () => {
  const { ref: a, received } = trapper()
  const b = start(
    fromTransition((state: number, event: { type: string; from?: From }) => {
      if (event.from === undefined) return state
      const { from } = event
      a.send({ type: '1' })
      void Promise.resolve().then(() => {
        a.send({ type: '2' })
        setTimeout(() => {
          a.send({ type: '3' })
          reply(from, 'reply')
          exit(b, BOOM)
        })
      })
      return state
    }, 0),
  )
  link(a, b)
  monitor(b, a)
  const log: unknown[] = []
  const answered = call(b, { type: 'ask' }).then((value) => log.push(value))
  const waiting = call(b, { type: 'ask' }).catch((error: unknown) => log.push(error))
  await answered
  await waiting
  await settled()
  expect(received.map(({ type }) => type)).toEqual(['1', '1', '2', '2', '3', 'exit', 'down', '3'])
  expect(log).toMatchObject(['reply', { code: 'STOPPED', details: { reason: 'error' }, cause: boom }])
})

test('a nested supervisor that is ended stops its children, and is restarted with new ones', async () => {
  const { app, ref, clock } = bench({
    children: [{ id: 'sub', logic: supervisor({ id: 'sub', children: [child('a'), child('b')] }) }],
  })
  await app.start()
  const sub = (): readonly ChildInfo[] => (ref('sub').getSnapshot() as SupervisorSnapshot).supervised
  const before = sub().map((each) => each.ref as AnyActorRef)
  exit(ref('sub'), BOOM)
  await clock.advance(0)
  expect(before.map(exitReasonOf)).toEqual([KILLED, KILLED])
  expect(app.children).toMatchObject([{ id: 'sub', state: 'running', incarnation: 2, failure: { error: boom } }])
  const after = sub().map((each) => each.ref)
  expect(sub()).toMatchObject([{ state: 'running' }, { state: 'running' }])
  for (const old of before) expect(after).not.toContain(old)
  await app.stop()
})

test('monitors of children get the reason for which the supervisor stopped them', async () => {
  const it = bench({
    children: [
      child('told', { logic: idle }),
      child('asked'),
      child('killed', { logic: idle, shutdown: 'brutal_kill' }),
    ],
  })
  await it.app.start()
  const seen: string[] = []
  for (const { id, ref } of it.app.children) {
    if (ref !== undefined) monitor(ref, ({ reason }) => seen.push(`${id} ${reason.type}`))
  }
  await it.app.stop()
  await it.clock.advance(0)
  expect(seen).toEqual(['killed killed', 'asked shutdown', 'told shutdown'])
})

test('a supervised server is ready when its init is through, and one whose init fails has not started', async () => {
  const server = fromServer({ init: async () => Promise.resolve({ state: 1 }), handleCall: () => ({ reply: 'pong' }) })
  const it = bench({ children: [child('a', { logic: server })] })
  await it.app.start()
  expect(it.app.children[0]?.ref?.getSnapshot()).toMatchObject({ phase: 'running', context: 1 })
  const broken = fromServer({ init: () => Promise.reject(new Error('no state')) })
  await expect(it.app.startChild(child('b', { logic: broken }))).rejects.toMatchObject({
    code: 'START_FAILED',
    cause: { message: 'no state' },
  })
  await it.app.stop()
})
