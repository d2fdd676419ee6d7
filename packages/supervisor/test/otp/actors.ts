// Actors that several tests of OTP's rules share.
import { createActor, fromTransition, type AnyActorLogic, type AnyActorRef, type EventObject } from 'xstate'
import type { ExitReason } from '@terrarium/supervisor'
import { trapExit } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { obedient } from '../support.ts'

export const boom = new Error('boom')
export const BOOM: ExitReason = { type: 'error', error: boom }
export const NORMAL: ExitReason = { type: 'normal' }
export const KILLED: ExitReason = { type: 'killed' }
export const SHUTDOWN: ExitReason = { type: 'shutdown' }

interface StartOptions {
  readonly parent?: AnyActorRef
  readonly clock?: VirtualClock
  readonly input?: unknown
}

/** A started actor whose failure only the test observes. */
export function start(logic: AnyActorLogic, options: StartOptions = {}): AnyActorRef {
  const actor = createActor(logic, options as never) as AnyActorRef
  actor.subscribe({ error: () => undefined })
  actor.start()
  return actor
}

/** An actor that ends for the reason it is told. */
export const worker = (options: StartOptions = {}): AnyActorRef => start(obedient, options)

export function end(ref: AnyActorRef, reason: ExitReason): void {
  ref.send({ type: 'end', reason })
}

/** An actor that traps exits, and what it has received; it does what it is told by `{ type: 'do', work }`. */
export function trapper(): { readonly ref: AnyActorRef; readonly received: EventObject[] } {
  const received: EventObject[] = []
  const logic = fromTransition((state: number, event: EventObject & { work?: () => void }) => {
    if (event.work === undefined) received.push(event)
    else event.work()
    return state
  }, 0)
  const ref = start(logic)
  trapExit(ref)
  return { ref, received }
}

/** How many listen to the actor's snapshots and its end. */
export const observers = (ref: AnyActorRef): number => (ref as unknown as { observers: Set<unknown> }).observers.size

/** Everything that can happen without time passing has happened. */
export const settled = (): Promise<void> => new VirtualClock().advance(0)
