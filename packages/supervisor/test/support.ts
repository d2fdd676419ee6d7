// What tests of supervisors share: children that do as they are told, and a supervisor on a virtual clock with a
// record of its events.
import { expect } from '@jest/globals'
import { assign, fromTransition, setup, type AnyActorRef } from 'xstate'
import {
  createSupervisor,
  exitWith,
  type AnyAdministration,
  type ChildSpec,
  type ExitReason,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'

type WorkerEvent =
  | { type: 'ready' }
  | { type: 'throw'; error: unknown }
  | { type: 'end'; reason: ExitReason }
  | { type: 'finish'; output: unknown }
  | { type: 'supervisor.shutdown' }

/** A worker that obeys: it becomes ready, throws, ends for any reason, or ends on request. */
export const obedient = setup({
  types: { context: {} as { output: unknown }, events: {} as WorkerEvent },
  actions: {
    throw: ({ event }) => {
      if (event.type === 'throw') throw event.error
    },
  },
}).createMachine({
  context: { output: undefined },
  initial: 'starting',
  on: {
    throw: { actions: 'throw' },
    end: { target: '.ended', actions: assign({ output: ({ event }) => exitWith(event.reason) }) },
    finish: { target: '.ended', actions: assign({ output: ({ event }) => event.output }) },
    'supervisor.shutdown': { target: '.ended', actions: assign({ output: () => exitWith({ type: 'shutdown' }) }) },
  },
  states: {
    starting: { on: { ready: 'ready' } },
    ready: {},
    ended: { type: 'final' },
  },
  output: ({ context }) => context.output,
})

/** Like `obedient`, but it handles `supervisor.shutdown` and goes on. */
export const stubborn = setup({}).createMachine({
  on: { 'supervisor.shutdown': { actions: () => undefined } },
})

export const idle = fromTransition((state: number) => state, 0)

const isReady = (snapshot: { matches: (state: string) => boolean }): boolean => snapshot.matches('ready')

export const child = (id: string, more: Partial<ChildSpec> = {}): ChildSpec => ({ id, logic: obedient, ...more })

/** A child whose machine is ready only after a `ready` event. */
export const slow = (id: string, more: Partial<ChildSpec> = {}): ChildSpec =>
  child(id, { ready: isReady as never, ...more })

/** The first time of a bench's clock, in ms. Not 0, which could also be a missing value. */
export const NOON = 43_200_000

export const NO_JITTER = { jitter: 'none' } as const

export interface Bench {
  readonly app: Supervisor & AnyAdministration
  readonly clock: VirtualClock
  /** Since noon, in ms. */
  readonly elapsed: () => number
  /** `type id` of every event since the last `take()`. */
  readonly events: SupervisorEvent[]
  /** `child.exit b`, … since the last call. */
  readonly take: (...types: SupervisorEvent['type'][]) => string[]
  readonly ref: (id: string) => AnyActorRef
  readonly state: (id: string) => string
  /** Sends to the child, then lets everything due now happen. */
  readonly send: (id: string, event: WorkerEvent) => Promise<void>
  readonly crash: (id: string, error?: unknown) => Promise<void>
  readonly end: (id: string, reason: ExitReason) => Promise<void>
}

/** A supervisor on a virtual clock, with a record of its events. Jitter is off unless the options say otherwise. */
export function bench(options: Partial<SupervisorOptions> = {}): Bench {
  const clock = new VirtualClock(NOON)
  const app = createSupervisor({
    id: 'app',
    clock,
    random: () => 0.5,
    ...(options.mode === 'otp' ? {} : { backoff: NO_JITTER }),
    ...options,
  })
  const events: SupervisorEvent[] = []
  let taken = 0
  const kinds: readonly SupervisorEvent['type'][] = [
    'child.start',
    'child.ready',
    'child.exit',
    'child.backoff',
    'child.restart',
    'child.parked',
    'child.unparked',
    'child.crash_loop',
    'child.resume_dropped',
    'supervisor.exit',
  ]
  for (const kind of kinds) app.on(kind, (event: SupervisorEvent) => events.push(event))
  const self: Bench = {
    app,
    clock,
    elapsed: () => clock.now() - NOON,
    events,
    take: (...types) => {
      const fresh = events.slice(taken).filter(({ type }) => types.length === 0 || types.includes(type))
      taken = events.length
      return fresh.map((event) => ('id' in event ? `${event.type} ${event.id}` : event.type))
    },
    ref: (id) => {
      const { ref } = app.children.find((each) => each.id === id) ?? {}
      if (ref === undefined) throw new Error(`${id} is not running`)
      return ref
    },
    state: (id) => app.children.find((each) => each.id === id)?.state ?? 'absent',
    send: async (id, event) => {
      self.ref(id).send(event)
      await clock.advance(0)
    },
    crash: (id, error = new Error('boom')) => self.send(id, { type: 'throw', error }),
    end: (id, reason) => self.send(id, { type: 'end', reason }),
  }
  return self
}

/** A started bench, 10 ms after its start, with no event left to take. */
export async function started(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench(options)
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

/** What an operation was refused with. */
export async function refusal(operation: Promise<unknown>): Promise<unknown> {
  const error: unknown = await operation.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'TerrariumError' })
  const { code, details } = error as { code: string; details: { reason?: unknown } }
  return details.reason ?? code
}
