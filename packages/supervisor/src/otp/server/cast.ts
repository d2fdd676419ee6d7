import type { AnyActorRef, AnyEventObject, EventObject } from 'xstate'
import { isOver } from '../../actor/exit.ts'

const CAST = Symbol.for('terrarium.cast')

/**
 * Sends any actor a request that wants no reply. Machines receive it as the event it is, servers in `handleCast`.
 * Nothing happens if the actor is over (M01). Handled in order with other casts, calls and events from here (M18).
 */
export function cast(ref: AnyActorRef, request: AnyEventObject): void {
  if (!isOver(ref)) ref.send({ ...request, [CAST]: true })
}

export function isCast(event: EventObject): boolean {
  return CAST in event
}
