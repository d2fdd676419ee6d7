// The return address of a call, and the reply to it.
import type { AnyActorRef, EventObject } from 'xstate'

/** The return address of a call. Opaque: keep it as long as needed and pass it to {@link reply}. */
export interface From {
  readonly caller: AnyActorRef | undefined
  readonly settle: (value: unknown) => void
}

/** The event that a called actor receives: the request with `from` added. */
export type CallEvent<TRequest extends EventObject = EventObject> = TRequest & { readonly from: From }

const FROM = Symbol.for('terrarium.from')

export function createFrom(caller: AnyActorRef | undefined, settle: (value: unknown) => void): From {
  return { caller, settle, [FROM]: true } as From
}

export function isCall(event: EventObject): event is CallEvent {
  const { from } = event as { from?: unknown }
  return typeof from === 'object' && from !== null && FROM in from
}

/**
 * Replies to a call, at once or later (M07). Only the first reply counts, and only while the caller still waits (M02).
 */
export function reply(from: From, value?: unknown): void {
  from.settle(value)
}
