// The actors of differential scenarios on Terrarium's side.
import { assign, setup, type AnyActorLogic } from 'xstate'
import { exitWith, type ExitReason } from '@terrarium/supervisor'
import type { Asked, Reason } from './scenario.ts'

/** What ends a worker by itself. */
export interface End {
  readonly type: 'end'
  readonly reason: Reason
}

/** A worker for each way to take a shutdown. */
export function workerLogic(asked: Asked): AnyActorLogic {
  const known = logics.get(asked)
  if (known !== undefined) return known
  const logic = makeWorker(asked)
  logics.set(asked, logic)
  return logic
}

const logics = new Map<Asked, AnyActorLogic>()

/** A worker that ends as soon as it is started. */
export function briefLogic(reason: Reason): AnyActorLogic {
  return setup({}).createMachine({
    initial: 'ended',
    states: { ended: { type: 'final' } },
    output: () => exitWith(exitReason(reason)),
  })
}

/** A worker that fails before it is ready: as soon as it is started, or 1 ms later. */
export function failingLogic(when: 'fails' | 'fails_late'): AnyActorLogic {
  const fail = (): never => {
    throw new Error('boom')
  }
  return setup({}).createMachine({
    initial: 'unready',
    states: {
      unready: { tags: UNREADY, ...(when === 'fails' ? { entry: fail } : { after: { 1: { actions: fail } } }) },
    },
  })
}

/** Whether a worker is ready. All workers are, except workers that fail before. */
export function isReady(snapshot: { hasTag(tag: string): boolean }): boolean {
  return !snapshot.hasTag(UNREADY)
}

const UNREADY = 'unready'

function makeWorker(asked: Asked): AnyActorLogic {
  const onShutdown = exitReason(asked === 'obey' || asked === 'ignore' || asked === 'deaf' ? 'shutdown' : asked)
  return setup({
    types: { context: {} as { output: unknown }, events: {} as End | { type: 'supervisor.shutdown' } },
  }).createMachine({
    context: { output: undefined },
    initial: 'running',
    on: {
      end: [
        // One error is thrown, the other is an orderly end. Both count as the child's error.
        {
          guard: ({ event }) => event.reason === 'boom',
          actions: () => {
            throw new Error('boom')
          },
        },
        { target: '.ended', actions: assign({ output: ({ event }) => exitWith(exitReason(event.reason)) }) },
      ],
      'supervisor.shutdown': [
        { guard: () => asked === 'ignore', actions: () => undefined },
        {
          guard: () => asked !== 'deaf',
          target: '.ended',
          actions: assign({ output: () => exitWith(onShutdown) }),
        },
      ],
    },
    states: { running: {}, ended: { type: 'final' } },
    output: ({ context }) => context.output,
  })
}

export function exitReason(reason: Reason): ExitReason {
  switch (reason) {
    case 'normal':
    case 'shutdown':
      return { type: reason }
    case 'shutdown(x)':
      return { type: 'shutdown', detail: 'x' }
    case 'boom':
    case 'bad':
      return { type: 'error', error: new Error(reason) }
  }
}
