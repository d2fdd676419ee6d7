// What tests of servers share: a server with a log of how it ends, and the errors of calls.
import type { AnyActorRef } from 'xstate'
import { isTerrariumError, type TerrariumError } from '@terrarium/supervisor'
import { fromServer, type ServerBehaviour } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { start } from './actors.ts'

/** The error with which a promise rejects. */
export async function failure(promise: Promise<unknown>): Promise<TerrariumError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isTerrariumError(error)) throw new Error('expected a TerrariumError', { cause: error })
  return error
}

/** A promise that is settled after so many ms of the clock. */
export const sleep = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })

interface Bench {
  readonly ref: AnyActorRef
  readonly clock: VirtualClock
  readonly log: unknown[]
}

type Behaviour = Partial<ServerBehaviour<unknown>>

/** A server that answers a call with its state and keeps a log of how it ends. */
export function serve(behaviour: (bench: Omit<Bench, 'ref'>) => Behaviour = () => ({})): Bench {
  const clock = new VirtualClock()
  const log: unknown[] = []
  const logic = fromServer({
    init: () => ({ state: 'state' }),
    handleCall: (_request, _from, state) => ({ reply: state }),
    terminate: (reason) => {
      log.push(reason)
    },
    ...behaviour({ clock, log }),
  })
  const ref = start(logic, { clock })
  return { ref, clock, log }
}

export const GET = { type: 'get' }
