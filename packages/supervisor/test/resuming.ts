// A machine for the tests of `resume`, and what they ask of it.
import { exitWith, type ChildSpec, type SupervisorEvent } from '@terrarium/supervisor'
import { assign, fromCallback, fromPromise, setup, type AnyActorRef } from 'xstate'
import type { Bench } from './support.ts'

export const ticker = fromCallback(({ sendBack, receive }) => {
  receive(() => {
    sendBack({ type: 'next' })
  })
})

/** A machine with steps. Once it is spoilt, each step fails. */
export const wizard = setup({
  types: { context: {} as { step: number; isSpoilt: boolean; ticker?: AnyActorRef }, events: {} as { type: string } },
  actors: { ticker, hanging: fromPromise(() => new Promise(() => undefined)) },
  actions: {
    step: ({ context }) => {
      if (context.isSpoilt) throw new Error('the step cannot be taken')
    },
    fail: ({ event }) => {
      throw (event as unknown as { error?: Error }).error ?? new Error('boom')
    },
  },
}).createMachine({
  context: ({ spawn }) => ({ step: 0, isSpoilt: false, ticker: spawn('ticker', { id: 'ticker' }) }),
  initial: 'open',
  on: {
    next: { actions: ['step', assign({ step: ({ context }) => context.step + 1 })] },
    spoil: { actions: assign({ isSpoilt: true }) },
    tick: { actions: ({ context }) => context.ticker?.send({ type: 'tick' }) },
    fail: { actions: 'fail' },
    wait: '.waiting',
    end: '.ended',
  },
  states: {
    open: {},
    waiting: { invoke: { src: 'hanging' }, after: { 1_000: 'open' } },
    ended: { type: 'final' },
  },
  output: () => exitWith({ type: 'normal' }),
})

export const resuming = (more: Partial<ChildSpec> = {}): ChildSpec => ({
  id: 'a',
  logic: wizard,
  resume: 'last-stable',
  ...more,
})

export const STABLE = 10_000

const contextOf = (it: Bench): { readonly step: number } =>
  (it.ref('a').getSnapshot() as { context: { step: number } }).context
export const stepOf = (it: Bench): number => contextOf(it).step
export const valueOf = (it: Bench): unknown => (it.ref('a').getSnapshot() as { value: unknown }).value

/** Sends events to `a`, and lets everything due now happen. */
export async function tell(it: Bench, ...types: string[]): Promise<void> {
  for (const type of types) it.ref('a').send({ type })
  await it.clock.advance(0)
}

/** Fails `a`, and waits until it runs again. */
export async function fail(it: Bench, error = new Error('boom')): Promise<void> {
  it.ref('a').send({ type: 'fail', error })
  await it.clock.advance(2_000)
}

export const startOf = (it: Bench, id = 'a'): Extract<SupervisorEvent, { type: 'child.start' }> | undefined =>
  it.events.filter((event) => event.type === 'child.start').findLast((event) => event.id === id)
