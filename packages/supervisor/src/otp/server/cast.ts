// cast(): sends an actor a request without a reply.
import type { AnyActorRef, AnyEventObject, EventObject } from 'xstate'
import { isOver } from '../../actor/exit.ts'

const CAST = Symbol.for('terrarium.cast')

/**
 * Sends any actor a request without a reply. A machine receives it as an event, a server in `handleCast`. Nothing
 * happens if the actor has ended (M01). Handled in order with other casts, calls and events from the same sender (M18).
 */
export function cast(ref: AnyActorRef, request: AnyEventObject): void {
  if (!isOver(ref)) ref.send({ ...request, [CAST]: true })
}

export function isCast(event: EventObject): boolean {
  return CAST in event
}
