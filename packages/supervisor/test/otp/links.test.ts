import { expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import { createSupervisor, supervisor, type ExitReason } from '@terrarium/supervisor'
import {
  exit,
  exitReasonOf,
  exitSignal,
  fromServer,
  link,
  monitor,
  unlink,
  type DownEvent,
  type ServerLogic,
} from '@terrarium/supervisor/otp'
import { idle } from '../support.ts'
import { BOOM, boom, end, KILLED, NORMAL, settled, SHUTDOWN, start, trapper, worker } from './actors.ts'

const NOPROC = { type: 'error', error: { code: 'STOPPED', details: { reason: 'noproc' } } }

/** A server that says what it is asked and why it ends. */
function witness(trapExit: boolean): { readonly log: unknown[]; readonly logic: ServerLogic<undefined, unknown> } {
  const log: unknown[] = []
  const logic = fromServer({
    trapExit,
    init: () => ({ state: undefined }),
    handleInfo: (event) => {
      log.push(event)
      return undefined
    },
    terminate: (reason) => {
      log.push(reason)
    },
  })
  return { log, logic }
}

test('L01 a linked actor dies with the same reason, but not of a normal exit', () => {
  const [a, b, c] = [worker(), worker(), worker()]
  link(a, b)
  link(c, a)
  end(b, NORMAL)
  expect(exitReasonOf(b)).toEqual(NORMAL)
  expect(exitReasonOf(a)).toBeUndefined()

  end(c, BOOM)
  expect(exitReasonOf(a)).toEqual(BOOM)
  expect((exitReasonOf(a) as { error: unknown }).error).toBe(boom)
})

test('L02 a trapping actor gets one message for every exit, normal ones included', () => {
  for (const reason of [NORMAL, SHUTDOWN, { type: 'shutdown', detail: 'x' }, KILLED, BOOM] as ExitReason[]) {
    const { ref: a, received } = trapper()
    const b = worker()
    link(a, b)
    end(b, reason)
    expect(received).toEqual([{ type: 'exit', from: b, reason }])
    expect(exitReasonOf(a)).toBeUndefined()
  }
})

test('L03 a kill cannot be trapped; links and monitors see killed', async () => {
  const { ref: a, received } = trapper()
  const linked = trapper()
  const downs: DownEvent[] = []
  link(a, linked.ref)
  monitor(a, (down) => downs.push(down))
  exitSignal(a, KILLED, worker())
  await settled()
  expect(exitReasonOf(a)).toEqual(KILLED)
  expect(received).not.toContainEqual(expect.objectContaining({ type: 'exit' }))
  expect(linked.received).toEqual([{ type: 'exit', from: a, reason: KILLED }])
  expect(downs).toEqual([{ type: 'down', ref: a, reason: KILLED }])
})

test('L04 a trapping actor gets the exit of a killed linked actor as a message', () => {
  const { ref: a, received } = trapper()
  const b = worker()
  link(a, b)
  end(b, KILLED)
  expect(received).toEqual([{ type: 'exit', from: b, reason: KILLED }])
  expect(exitReasonOf(a)).toBeUndefined()
})

test('L05 an actor that does not trap ignores a normal exit signal', () => {
  const a = worker()
  exitSignal(a, NORMAL, worker())
  expect(exitReasonOf(a)).toBeUndefined()
  exitSignal(a, SHUTDOWN, worker())
  expect(exitReasonOf(a)).toEqual(SHUTDOWN)
})

test('L06 an exit signal from any actor but the parent is a message to a trapping actor', () => {
  const { ref: a, received } = trapper()
  const sender = worker()
  exitSignal(a, BOOM, sender)
  expect(received).toEqual([{ type: 'exit', from: sender, reason: BOOM }])

  const { log, logic } = witness(true)
  const server = start(logic, { parent: worker() })
  exitSignal(server, BOOM, sender)
  expect(log).toEqual([{ type: 'exit', from: sender, reason: BOOM }])
  expect(exitReasonOf(a)).toBeUndefined()
  expect(exitReasonOf(server)).toBeUndefined()
})

test("L07 a trapping server ends with its parent's reason through terminate, and no handler is asked", () => {
  for (const reason of [NORMAL, SHUTDOWN, BOOM]) {
    const parent = worker()
    const { log, logic } = witness(true)
    const server = start(logic, { parent })
    link(server, parent)
    end(parent, reason)
    expect(log).toEqual([reason])
    expect(exitReasonOf(server)).toEqual(reason)
  }
})

test('L08 a worker survives the normal exit of its parent, a supervisor does not', async () => {
  const parent = worker()
  const orphan = worker({ parent })
  const app = start(supervisor({ id: 'app', children: [{ id: 'a', logic: idle }] }), { parent })
  link(orphan, parent)
  link(app, parent)
  end(parent, NORMAL)
  await settled()
  expect(exitReasonOf(orphan)).toBeUndefined()
  expect(exitReasonOf(app)).toEqual(NORMAL)
})

test('L09 a supervisor listens to its parent only: signals and links of others are ignored', async () => {
  const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic: idle }] })
  await app.start()
  const stranger = worker()
  exitSignal(app.ref, SHUTDOWN, stranger)
  exitSignal(app.ref, BOOM, stranger)
  link(app.ref, stranger)
  end(stranger, BOOM)
  await settled()
  expect(exitReasonOf(app.ref)).toBeUndefined()
  expect(app.children[0]?.state).toBe('running')

  exitSignal(app.ref, KILLED, stranger)
  expect(exitReasonOf(app.ref)).toEqual(KILLED)
})

test('L10 the children of a killed supervisor die of it, trapping children through terminate, and are not restarted', async () => {
  const trapping = witness(true)
  const deaf = witness(false)
  const starts: string[] = []
  const app = createSupervisor({
    id: 'app',
    children: [
      { id: 'trapping', logic: trapping.logic },
      { id: 'deaf', logic: deaf.logic },
      { id: 'plain', logic: idle },
    ],
  })
  app.on('child.start', ({ id }) => starts.push(id))
  await app.start()
  const refs = app.children.map(({ ref }) => ref as AnyActorRef)
  const downs: DownEvent[] = []
  for (const ref of refs) monitor(ref, (down) => downs.push(down))
  exit(app.ref, KILLED)
  await settled()
  expect(trapping.log).toEqual([KILLED])
  expect(deaf.log).toEqual([])
  expect(downs.map(({ ref, reason }) => [ref.id, reason])).toEqual([
    ['plain', KILLED],
    ['deaf', KILLED],
    ['trapping', KILLED],
  ])
  expect(starts).toEqual(['trapping', 'deaf', 'plain'])
})

test('L11 an operation on a dead actor fails with noproc, however the actor died', async () => {
  const done = worker()
  end(done, NORMAL)
  const failed = worker()
  failed.send({ type: 'throw', error: boom })
  const stopped = worker()
  stopped.stop()
  const reducer = start(idle)
  reducer.stop() // its snapshot says `active` for ever
  for (const dead of [done, failed, stopped, reducer]) {
    const downs: DownEvent[] = []
    monitor(dead, (down) => downs.push(down))
    await settled()
    expect(downs).toMatchObject([{ type: 'down', ref: dead, reason: NOPROC }])

    const { ref, received } = trapper()
    link(ref, dead)
    expect(received).toMatchObject([{ type: 'exit', from: dead, reason: NOPROC }])
    const mortal = worker()
    link(mortal, dead)
    expect(exitReasonOf(mortal)).toMatchObject(NOPROC)
  }
})

test('L12 every monitor tells for itself; two links are one', async () => {
  const { ref: a, received } = trapper()
  const b = worker()
  monitor(b, a)
  monitor(b, a)
  link(a, b)
  link(b, a)
  end(b, BOOM)
  await settled()
  expect(received.map(({ type }) => type).sort()).toEqual(['down', 'down', 'exit'])
})

test('L13 messages come before the exit of their sender', async () => {
  const { ref: a, received } = trapper()
  const b = worker()
  link(a, b)
  monitor(b, a)
  // While `a` deals with an event everything waits in its mailbox.
  a.send({
    type: 'do',
    work: () => {
      for (const type of ['1', '2', '3']) a.send({ type })
      b.send({ type: 'throw', error: boom })
    },
  })
  await settled()
  expect(received.map(({ type }) => type)).toEqual(['1', '2', '3', 'exit', 'down'])
})

test('L14 demonitor drops a message that is on its way, unlink does not', async () => {
  const { ref: a, received } = trapper()
  const b = worker()
  link(a, b)
  const flushed = monitor(b, a)
  const kept = monitor(b, a)
  a.send({
    type: 'do',
    work: () => {
      end(b, BOOM)
      flushed.demonitor({ flush: true })
      kept.demonitor()
      unlink(a, b)
    },
  })
  await settled()
  expect(received).toEqual([
    { type: 'exit', from: b, reason: BOOM },
    { type: 'down', ref: b, reason: BOOM },
  ])

  const c = worker()
  link(a, c)
  const monitored = monitor(c, a)
  unlink(a, c)
  monitored.demonitor()
  end(c, BOOM)
  await settled()
  expect(received).toHaveLength(2)
})

test('L15 a nested supervisor whose supervisor is killed stops its children in order, and ends for the reason of that', async () => {
  const log: string[] = []
  const asked = (name: string): ServerLogic<undefined, unknown> =>
    fromServer({
      trapExit: true,
      init: () => ({ state: undefined }),
      terminate: ({ type }) => {
        log.push(`${name} is asked for ${type}`)
      },
    })
  const t = supervisor({
    id: 't',
    mode: 'otp',
    children: [
      { id: 'w1', logic: asked('w1') },
      { id: 'w2', logic: asked('w2') },
    ],
  })
  const s = supervisor({
    id: 's',
    mode: 'otp',
    children: [
      { id: 'x', logic: asked('x') },
      { id: 't', logic: t },
    ],
  })
  const root = createSupervisor({ id: 'root', mode: 'otp', children: [{ id: 's', logic: s }] })
  await root.start()
  const child = (of: AnyActorRef | undefined, id: string): AnyActorRef =>
    (of?.getSnapshot() as { child(id: string): { ref: AnyActorRef } }).child(id).ref
  const old = root.child('s') as AnyActorRef
  const orphan = child(old, 't')
  for (const [name, ref] of [
    ['t', orphan],
    ['w2', child(orphan, 'w2')],
  ] as const) {
    monitor(ref, ({ reason }) => log.push(`${name} ends ${reason.type}`))
  }
  exit(old, KILLED)
  await settled()
  expect(log).toEqual([
    'w2 is asked for shutdown',
    'w1 is asked for shutdown',
    'x is asked for killed',
    'w2 ends shutdown',
    't ends killed',
  ])
  expect(root.child('s')).not.toBe(old)
  expect(child(root.child('s'), 't')).not.toBe(orphan)
  await root.stop()
})
