import { expect, test } from '@jest/globals'
import { createActor, createMachine, type AnyActorRef } from 'xstate'
import {
  administrate,
  supervisor,
  type ChildSpec,
  type ExitReason,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { exit, exitReasonOf, fromServer, monitor } from '@terrarium/supervisor/otp'
import { bench, child, obedient, stubborn, type Bench } from './support.ts'

const KILLED: ExitReason = { type: 'killed' }
const BOOM: ExitReason = { type: 'error', error: new Error('boom') }

const childOf = (of: AnyActorRef, id: string): AnyActorRef => {
  const { ref } = (of.getSnapshot() as { child(id: string): { ref?: AnyActorRef } | undefined }).child(id) ?? {}
  if (ref === undefined) throw new Error(`${id} is not running`)
  return ref
}

const nested = (id: string, ...children: ChildSpec[]): ChildSpec => ({ id, logic: supervisor({ id, children }) })

/** root > s > t > these. */
async function grown(options: Partial<SupervisorOptions>, ...children: ChildSpec[]): Promise<Bench> {
  const it = bench({ backoff: 'off', children: [nested('s', nested('t', ...children), child('x'))], ...options })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

/** Why each of these ends, and when in ms. */
function endsOf(it: Bench, ...refs: AnyActorRef[]): string[] {
  const ends: string[] = []
  for (const ref of refs) monitor(ref, ({ reason }) => ends.push(`${it.elapsed() - 10} ${ref.id} ${reason.type}`))
  return ends
}

/** Ends `normal` when it is asked to. */
const normal = createMachine({
  initial: 'up',
  states: { up: { on: { 'supervisor.shutdown': 'down' } }, down: { type: 'final' } },
})

test.each(['default', 'otp'] as const)(
  'E1: mode %s: a child of an orphaned supervisor is asked to end, and has its time',
  async (mode) => {
    const slow = createMachine({
      initial: 'up',
      states: {
        up: { on: { 'supervisor.shutdown': 'ending' } },
        ending: { after: { 300: 'down' } },
        down: { type: 'final' },
      },
    })
    const options = mode === 'otp' ? { mode, backoff: undefined } : {}
    const it = await grown(
      options as never,
      child('w1', { logic: normal }),
      child('w2', { logic: slow }),
      child('w3', { logic: stubborn, shutdown: 100 }),
    )
    const s = it.ref('s')
    const t = childOf(s, 't')
    const ends = endsOf(it, s, childOf(s, 'x'), t, ...['w1', 'w2', 'w3'].map((id) => childOf(t, id)))
    exit(s, KILLED)
    await it.clock.advance(0)
    // The supervisor of `s` does not wait for `s`.
    expect(ends).toEqual(['0 x killed', '0 s killed'])
    expect(childOf(childOf(it.ref('s'), 't'), 'w1')).toBeDefined()
    await it.clock.advance(1_000)
    expect(ends.slice(2)).toEqual(['100 w3 killed', '400 w2 normal', '400 w1 normal', '400 t killed'])
    const stopped = it.app.stop()
    await it.clock.advance(1_000)
    await stopped
    expect(it.clock.pending).toBe(0)
  },
)

test('E1: every exit of a supervisor except its own orderly end orphans its nested supervisors', async () => {
  let isFaulty = false
  const random = (): number => {
    if (isFaulty) throw new Error('boom')
    return 0.5
  }
  const ways: [string, (it: Bench) => unknown, ends: string[]][] = [
    ['stopped hard by XState', (it) => it.app.ref.stop(), ['0 w normal', '0 t killed', '0 root killed']],
    [
      'killed',
      (it) => {
        exit(it.app.ref, KILLED)
      },
      ['0 w normal', '0 t killed', '0 root killed'],
    ],
    [
      'exited',
      (it) => {
        exit(it.app.ref, BOOM)
      },
      ['0 w normal', '0 t error', '0 root error'],
    ],
    [
      'at fault itself',
      (it) => {
        isFaulty = true
        return it.crash('a')
      },
      ['0 w normal', '0 t error', '0 root error'],
    ],
    ['stopped', (it) => it.app.stop(), ['0 w normal', '0 t shutdown', '0 root shutdown']],
  ]
  for (const [, end, expected] of ways) {
    isFaulty = false
    const it = bench({ id: 'root', random, children: [child('a'), nested('t', child('w', { logic: normal }))] })
    await it.app.start()
    await it.clock.advance(10)
    const t = it.ref('t')
    const ends = endsOf(it, it.app.ref, t, childOf(t, 'w'))
    void end(it)
    await it.clock.advance(0)
    expect(ends).toEqual(expected)
    expect(it.events.filter((event) => event.type === 'child.exit')).toHaveLength(2)
  }
})

test('E1: an orphan that is starting its children, or stopping them already, goes on with that', async () => {
  const starting = bench({
    children: [nested('s', nested('t', child('w', { logic: normal }), child('late', { ready: () => false })))],
  })
  void starting.app.start().catch(() => undefined)
  await starting.clock.advance(10)
  const t = childOf(starting.ref('s'), 't')
  const ends = endsOf(starting, t, childOf(t, 'w'), childOf(t, 'late'))
  exit(starting.ref('s'), KILLED)
  await starting.clock.advance(0)
  expect(ends).toEqual(['0 late shutdown', '0 w normal', '0 t killed'])
  await starting.app.stop()

  const stopping = await grown({}, child('w', { logic: stubborn, shutdown: 100 }))
  const old = stopping.ref('s')
  const others = endsOf(stopping, childOf(old, 't'), childOf(childOf(old, 't'), 'w'))
  const stopped = stopping.app.terminateChild('s')
  await stopping.clock.advance(40)
  exit(old, KILLED)
  await stopping.clock.advance(60)
  await stopped
  expect(others).toEqual(['100 w killed', '100 t shutdown'])
  const over = stopping.app.stop()
  await stopping.clock.advance(100)
  await over
})

test('E1: stop() waits for orphans within its timeout', async () => {
  const it = await grown({}, child('w', { logic: stubborn, shutdown: 100 }))
  exit(it.ref('s'), KILLED)
  const late = expect(it.app.stop({ timeout: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  let isStopped = false
  const stopped = it.app.stop().then(() => (isStopped = true))
  await it.clock.advance(99)
  await late
  expect(isStopped).toBe(false)
  await it.clock.advance(1)
  await stopped
  expect(it.clock.pending).toBe(0)
})

test('E1: a supervisor that a failing machine has invoked stops its children in order', async () => {
  const machine = createMachine({
    invoke: {
      id: 't',
      src: supervisor({ id: 't', children: [child('w', { logic: normal }), child('v', { logic: obedient })] }),
    },
    on: {
      fail: {
        actions: () => {
          throw new Error('boom')
        },
      },
    },
  })
  const it = bench({ backoff: 'off', children: [child('m', { logic: machine })] })
  await it.app.start()
  await it.clock.advance(10)
  const invoked = (of: AnyActorRef): AnyActorRef => (of.getSnapshot() as { children: { t: AnyActorRef } }).children.t
  const t = invoked(it.ref('m'))
  const ends = endsOf(it, t, childOf(t, 'w'), childOf(t, 'v'))
  it.ref('m').send({ type: 'fail' })
  await it.clock.advance(0)
  expect(ends).toEqual(['0 v shutdown', '0 w normal', '0 t error'])
  expect(childOf(invoked(it.ref('m')), 'w')).toBeDefined()
  await it.app.stop()

  // No supervisor is above this one. XState would leave it running, and nothing could stop it.
  const actor = createActor(machine)
  actor.subscribe({ error: () => undefined })
  actor.start()
  const other = actor.getSnapshot().children.t as AnyActorRef
  const [{ ref: v } = {}] = await administrate(other).whichChildren()
  actor.send({ type: 'fail' })
  expect(exitReasonOf(other)).toMatchObject({ type: 'error' })
  expect(v && exitReasonOf(v)).toEqual({ type: 'shutdown' })
})

test('E1: a server that an orphan kills at its deadline does not run terminate, as under any supervisor', async () => {
  const reasons: string[] = []
  const busy = fromServer({
    trapExit: true,
    init: () => ({ state: 0 }),
    handleInfo: () => new Promise<undefined>(() => undefined),
    terminate: ({ type }) => void reasons.push(type),
  })
  const it = await grown({}, child('w', { logic: busy, shutdown: 100 }))
  const t = childOf(it.ref('s'), 't')
  childOf(t, 'w').send({ type: 'work' })
  const ends = endsOf(it, childOf(t, 'w'))
  exit(it.ref('s'), KILLED)
  await it.clock.advance(100)
  expect([ends, reasons]).toEqual([['100 w killed'], []])
  const stopped = it.app.stop()
  await it.clock.advance(100)
  await stopped
})
