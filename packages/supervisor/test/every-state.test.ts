import { describe, expect, test } from '@jest/globals'
import { createMachine, type AnyActorLogic, type AnyActorRef } from 'xstate'
import type { ChildSpec, ChildState, SupervisorOptions } from '@terrarium/supervisor'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import { bench, child, obedient, refusal, stubborn, type Bench } from './support.ts'

const boom = new Error('boom')
const HOUR = 3_600_000

/** Becomes ready when it is told to, and fails when it is told to. */
const reluctant = (id: string, more: Partial<ChildSpec> = {}): ChildSpec =>
  child(id, {
    ready: ((snapshot: { matches: (state: string) => boolean }) => snapshot.matches('ready')) as never,
    awaitReady: false,
    backoff: { first: 100, base: 100, jitter: 'none' },
    breaker: { identical: 3 },
    ...more,
  })

interface Subject extends Bench {
  /** The actor that startChild() has answered. */
  readonly first: AnyActorRef
  readonly starts: () => number
}

const KINDS = ['static', 'dynamic', 'simple_one_for_one'] as const
type Kind = (typeof KINDS)[number]

/** A supervisor with one child. */
async function subject(kind: Kind, spec: ChildSpec, options: Partial<SupervisorOptions> = {}): Promise<Subject> {
  const it = bench({
    ...options,
    ...(kind === 'static' ? {} : { strategy: kind }),
    children: kind === 'simple_one_for_one' ? [spec] : [],
  })
  await it.app.start()
  const first = await it.app.startChild(kind === 'simple_one_for_one' ? undefined : spec)
  await it.clock.advance(10)
  const starts = (): number => it.events.filter(({ type }) => type === 'child.start').length
  return { ...it, first: first as AnyActorRef, starts }
}

const fail = async (it: Bench): Promise<void> => {
  it.app.children[0]?.ref?.send({ type: 'throw', error: boom })
  await it.clock.advance(0)
}

/** Brings a child into each visible state, without its being ready again on the way. */
const STATES: Record<string, (kind: Kind) => Promise<Subject>> = {
  starting: (kind) => subject(kind, reluctant('a')),
  'starting again': async (kind) => {
    const it = await subject(kind, reluctant('a'))
    await fail(it)
    await it.clock.advance(100)
    return it
  },
  running: (kind) => subject(kind, child('a')),
  backing_off: async (kind) => {
    const it = await subject(kind, reluctant('a'))
    await fail(it)
    return it
  },
  'backing_off again': async (kind) => {
    const it = await subject(kind, reluctant('a'))
    await fail(it)
    await it.clock.advance(100)
    await fail(it)
    return it
  },
  'backing_off after it was ready': async (kind) => {
    const it = await subject(kind, reluctant('a'))
    it.first.send({ type: 'ready' })
    await fail(it)
    await it.clock.advance(100)
    await fail(it)
    return it
  },
  parked: async (kind) => {
    const it = await subject(kind, reluctant('a'))
    for (let failure = 1; failure <= 3; failure += 1) {
      await fail(it)
      await it.clock.advance(100)
    }
    return it
  },
  stopping: async (kind) => {
    const it = await subject(kind, child('a', { logic: stubborn, shutdown: 50 }))
    void it.app.terminateChild(kind === 'static' ? 'a' : it.first)
    await it.clock.advance(0)
    return it
  },
  'restarting (otp)': async (kind) => {
    let starts = 0
    const logic = (): AnyActorLogic => {
      starts += 1
      if (starts > 1) throw boom
      return obedient
    }
    const it = await subject(kind, child('a', { logic }), { mode: 'otp', intensity: 1_000 })
    exit(it.first, { type: 'killed' })
    return it
  },
  'restarting (otp), having failed before it was ready': async (kind) => {
    let starts = 0
    const over = createMachine({ initial: 'over', states: { over: { type: 'final' } } })
    const logic = (): AnyActorLogic => ((starts += 1) === 1 ? obedient : over)
    const ready = ({ status }: { status: string }): boolean => status === 'active'
    const it = await subject(kind, child('a', { logic, ready: ready as never }), { mode: 'otp', intensity: 1_000 })
    exit(it.first, { type: 'killed' })
    return it
  },
}

const visible = (name: string): ChildState => name.split(' ')[0] as ChildState

async function over(it: Bench): Promise<void> {
  const stopped = it.app.stop()
  await it.clock.advance(50)
  await stopped
  expect(it.clock.pending).toBe(0)
}

describe.each(KINDS)('E2: %s: a child', (kind) => {
  describe.each(Object.entries(STATES))('that is %s', (name, make) => {
    const state = visible(name)
    /** In this mode a start that fails is tried again until the event loop has its turn. */
    const isOtp = name.includes('otp')
    const isWaiting = state === 'restarting' || state === 'backing_off'
    const addressOf = (it: Subject): string | AnyActorRef => (kind === 'static' ? 'a' : it.first)

    test('terminateChild stops it for good', async () => {
      const it = await make(kind)
      expect(it.app.children).toMatchObject([{ state }])
      const terminated = it.app.terminateChild(addressOf(it))
      // Elixir's DynamicSupervisor does not know who is gone by then (K06).
      const isForgotten = state === 'stopping' && kind === 'dynamic'
      const answer = isForgotten ? refusal(terminated) : terminated
      await it.clock.advance(50)
      expect(await answer).toBe(isForgotten ? 'not_found' : undefined)
      const starts = it.starts()
      expect(it.app.children.map((each) => each.state)).toEqual(kind === 'static' ? ['stopped'] : [])
      expect(it.clock.pending).toBe(0)
      await it.clock.advance(HOUR)
      expect(it.starts()).toBe(starts)
      expect(exitReasonOf(it.first)).toBeDefined()
      await over(it)
    })

    test('restartChild, deleteChild and unpark do what its state allows', async () => {
      const of = async (act: (it: Subject) => Promise<unknown>): Promise<[unknown, Subject]> => {
        const it = await make(kind)
        const answer = act(it).then(
          () => 'ok',
          (error: unknown) => (error as { details: { reason?: string } }).details.reason,
        )
        if (!isOtp) await it.clock.advance(state === 'stopping' ? 50 : 0)
        return [await answer, it]
      }
      const isSimple = kind === 'simple_one_for_one'
      // An operation that waited for the exit finds the child stopped or forgotten.
      const isGone = state === 'stopping' && kind !== 'static'
      const [restart, restarted] = await of((it) => it.app.restartChild(addressOf(it)))
      const again = isWaiting ? 'restarting' : state === 'starting' || state === 'running' ? 'running' : 'ok'
      expect(restart).toBe(isSimple ? 'simple_one_for_one' : isGone ? 'not_found' : again)
      await over(restarted)

      const [deletion, deleted] = await of((it) => it.app.deleteChild(addressOf(it)))
      const refused = isWaiting ? 'restarting' : state === 'starting' || state === 'running' ? 'running' : 'ok'
      expect(deletion).toBe(isSimple ? 'simple_one_for_one' : isGone ? 'not_found' : refused)
      if (deletion === 'ok') {
        await deleted.clock.advance(HOUR)
        expect(deleted.app.children).toEqual([])
      }
      await over(deleted)

      const [unpark, unparked] = await of((it) => it.app.unpark(addressOf(it)))
      expect(unpark).toBe(isGone ? 'not_found' : state === 'parked' ? 'ok' : 'not_parked')
      await over(unparked)

      const [spec, described] = await of((it) => it.app.getChildSpec(addressOf(it)))
      expect(spec).toBe(isGone && kind === 'dynamic' ? 'not_found' : 'ok')
      await over(described)
    })

    if (kind === 'static')
      test('a new child with its id is refused, and a forced restart starts it now if it waits', async () => {
        const it = await make(kind)
        const refused = refusal(it.app.startChild(child('a')))
        if (state === 'stopping') await it.clock.advance(50)
        expect(await refused).toBe(state === 'starting' || state === 'running' ? 'already_started' : 'already_present')
        if (isWaiting) {
          const starts = it.starts()
          const forced = it.app.restartChild('a', { force: true }).catch(() => undefined)
          if (!isOtp) expect(it.starts()).toBe(starts + 1)
          await it.app.terminateChild('a')
          await forced
        }
        await over(it)
      })
  })
})
