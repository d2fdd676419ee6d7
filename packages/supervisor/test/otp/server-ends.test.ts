// Servers beyond the cases of OTP: which actors can be called, how servers end under supervisors and machines, and
// what types and snapshots know of them.
import { expect, test } from '@jest/globals'
import { assign, createActor, fromCallback, setup } from 'xstate'
import { createSupervisor, supervisor } from '@terrarium/supervisor'
import {
  call,
  cast,
  exit,
  exitReasonOf,
  fromServer,
  reply,
  stopServer,
  type CallEvent,
  type From,
} from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { BOOM, boom, KILLED, NORMAL, observers, SHUTDOWN, start } from './actors.ts'
import { failure, GET, serve, sleep } from './serving.ts'

test('any actor can be called: a machine, a callback', async () => {
  type Event = { type: 'add'; by: number } | { type: 'total'; from: From }
  const machine = setup({ types: { events: {} as Event, context: {} as { total: number } } }).createMachine({
    context: { total: 0 },
    on: {
      add: { actions: assign({ total: ({ context, event }) => context.total + event.by }) },
      total: {
        actions: ({ context, event }) => {
          reply(event.from, context.total)
        },
      },
    },
  })
  const counter = start(machine)
  cast(counter, { type: 'add', by: 2 })
  await expect(call<number>(counter, { type: 'total' })).resolves.toBe(2)

  const echo = start(
    fromCallback(({ receive }) => {
      receive((event) => {
        const { from, type } = event as unknown as CallEvent
        reply(from, type)
      })
    }),
  )
  await expect(call(echo, GET)).resolves.toBe('get')
})

test('a call can be cancelled, and leaves nothing behind', async () => {
  const { ref, clock } = serve(() => ({ handleCall: () => undefined }))
  const before = observers(ref)
  const controller = new AbortController()
  const answer = failure(call(ref, GET, { signal: controller.signal }))
  controller.abort(boom)
  expect(await answer).toMatchObject({ code: 'CANCELLED', cause: boom })
  expect(await failure(call(ref, GET, { signal: controller.signal }))).toMatchObject({ code: 'CANCELLED' })
  expect(clock.pending).toBe(0)
  expect(observers(ref)).toBe(before)
})

test('a supervisor waits for terminate of a server that traps exits, and stops others at once', async () => {
  const clock = new VirtualClock()
  const log: string[] = []
  const server = (id: string, trapExit: boolean) => ({
    id,
    logic: fromServer({
      trapExit,
      init: () => ({ state: undefined }),
      terminate: async (reason) => {
        await sleep(clock, 100)
        log.push(`${id} ${reason.type}`)
      },
    }),
  })
  const app = createSupervisor({ id: 'app', clock, children: [server('traps', true), server('plain', false)] })
  app.on('child.exit', ({ id, reason }) => log.push(`exit ${id} ${reason.type}`))
  await app.start()
  const stopped = app.stop()
  await clock.advance(99)
  expect(log).toEqual(['exit plain shutdown'])
  await clock.advance(1)
  await stopped
  expect(log).toEqual(['exit plain shutdown', 'traps shutdown', 'exit traps shutdown'])
  expect(clock.pending).toBe(0)
})

test('terminate runs on a hard stop of the parent, and not on a hard stop of the server only', async () => {
  const log: unknown[] = []
  const logic = fromServer({
    trapExit: true,
    init: () => ({ state: undefined }),
    terminate: (reason) => {
      log.push(reason)
    },
  })
  const taken = (): unknown[] => log.splice(0)

  exit(start(logic), KILLED)
  expect(taken()).toEqual([])
  start(logic).stop()
  expect(taken()).toEqual([SHUTDOWN])

  const machine = setup({ actors: { server: logic } }).createMachine({
    initial: 'serving',
    states: { serving: { invoke: { src: 'server' }, on: { leave: 'idle' } }, idle: {} },
  })
  start(machine).send({ type: 'leave' })
  expect(taken()).toEqual([SHUTDOWN])
  exit(start(machine), BOOM)
  expect(taken()).toEqual([BOOM])

  const tree = (shutdown: 'brutal_kill' | 1_000) =>
    createSupervisor({
      id: 'root',
      children: [{ id: 'sub', logic: supervisor({ id: 'sub', children: [{ id: 'server', logic, shutdown }] }) }],
    })
  const brutal = tree('brutal_kill')
  await brutal.start()
  await brutal.stop()
  expect(taken()).toEqual([])
  const killed = tree(1_000)
  await killed.start()
  exit(killed.ref, KILLED)
  // In OTP too: the killed one's children are killed, and a supervisor among them shuts down its own.
  expect(taken()).toEqual([SHUTDOWN])
})

test('a server that does not trap exits is stopped at once, even while it is busy', async () => {
  const { ref, clock, log } = serve(({ clock }) => ({ handleInfo: () => sleep(clock, 100).then(() => undefined) }))
  ref.send({ type: 'work' })
  ref.send({ type: 'supervisor.shutdown' })
  expect(exitReasonOf(ref)).toEqual(SHUTDOWN)
  await clock.advance(100)
  expect(log).toEqual([])
})

test('the types of state, input and requests are inferred or declared', async () => {
  const counter = fromServer({
    init: () => ({ state: 0 }),
    handleCall: (_request, _from, count) => ({ reply: count }),
    handleCast: (_request, count) => ({ state: count + 1 }),
  })
  const simple = createActor(counter).start()
  cast(simple, { type: 'increment' })
  await expect(call<number>(simple, { type: 'get' })).resolves.toBe(1)
  expect(simple.getSnapshot().context?.toFixed(1)).toBe('1.0')

  type Request = { type: 'add'; by: number } | { type: 'total' }
  const typed = fromServer<number, { start: number }, Request>({
    init: ({ input }) => ({ state: input.start }),
    handleCall: (request, _from, total) =>
      request.type === 'add' ? { state: total + request.by, reply: 'added' } : { reply: total },
  })
  const ref = createActor(typed, { input: { start: 40 } }).start()
  await expect(call(ref, { type: 'add', by: 2 })).resolves.toBe('added')
  await expect(call(ref, { type: 'total' })).resolves.toBe(42)
})

test('a server goes on with the state it was persisted with', async () => {
  const logic = fromServer({
    init: () => ({ state: 0 }),
    handleCall: (_request, _from, count) => ({ reply: count }),
    handleCast: (_request, count) => ({ state: count + 1 }),
  })
  const first = createActor(logic).start()
  cast(first, { type: 'increment' })
  const second = createActor(logic, { snapshot: first.getPersistedSnapshot() }).start()
  cast(second, { type: 'increment' })
  await expect(call(second, GET)).resolves.toBe(2)

  await stopServer(first)
  const over = createActor(logic, { snapshot: first.getPersistedSnapshot() }).start()
  expect(exitReasonOf(over)).toEqual(NORMAL)
})
