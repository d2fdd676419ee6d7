import type { AnyActorRef, EventObject } from 'xstate'

/** Who waits for a reply: opaque, to be kept as long as needed and given to {@link reply}. */
export interface From {
  readonly caller: AnyActorRef | undefined
  readonly settle: (value: unknown) => void
}

/** What an actor receives when it is called: the request with `from` added. */
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
 * Answers a call, at once or at any later time (M07). Only the first answer counts, and only while somebody waits for
 * it (M02).
 */
export function reply(from: From, value?: unknown): void {
  from.settle(value)
}
