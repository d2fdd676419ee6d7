import type { AnyActorRef, EventObject } from 'xstate'
import type { ExitReason } from '../../base/exit-reason.ts'
import type { CallEvent, From } from './from.ts'

type MaybePromise<T> = T | Promise<T>

/** What a handler wants to happen next. Nothing: the state stays, the next message is waited for. */
export interface Next<TState> {
  /** The new state. */
  readonly state?: TState
  /** For the caller of the call at hand. Without it the call stays open, see {@link reply} (M07). */
  readonly reply?: unknown
  /** If no message comes within so many ms `handleInfo` gets `{ type: 'timeout' }`. Any message ends the wait (M12). */
  readonly timeout?: number
  /** Goes to `handleContinue` before any message is taken (M11). */
  readonly continue?: unknown
  /** `terminate` runs, then `reply` is sent, then the server ends with this reason (M09). */
  readonly stop?: ExitReason
}

export type HandlerResult<TState> = MaybePromise<Next<TState> | undefined>

/** What `init` returns: the first state, or why there is none: the start fails with that reason (M16). */
export type InitResult<TState> =
  (Pick<Next<TState>, 'timeout' | 'continue'> & { readonly state: TState }) | { readonly stop: ExitReason }

/**
 * OTP's gen_server. Every function may be asynchronous: the server takes its next message when the last one is dealt
 * with. One that throws or rejects ends the server with that error, after `terminate` (M13).
 */
export interface ServerBehaviour<
  TState,
  TInput = unknown,
  TRequest extends EventObject = EventObject,
  TEvent extends EventObject = EventObject,
> {
  /** Runs when the actor is started. */
  readonly init: (context: { readonly input: TInput; readonly self: AnyActorRef }) => MaybePromise<InitResult<TState>>
  /** Without it a call is an error (M19). */
  readonly handleCall?: (
    request: CallEvent<TRequest>,
    from: From,
    state: TState,
    self: AnyActorRef,
  ) => HandlerResult<TState>
  /** Without it a cast is an error (M19). */
  readonly handleCast?: (request: TRequest, state: TState, self: AnyActorRef) => HandlerResult<TState>
  /** All other events: `timeout`, `exit`, `down` and those of any other sender. Without it they are logged (M19). */
  readonly handleInfo?: (event: TEvent, state: TState, self: AnyActorRef) => HandlerResult<TState>
  readonly handleContinue?: (continuation: unknown, state: TState, self: AnyActorRef) => HandlerResult<TState>
  /**
   * Runs before the server ends by itself, and, if it traps exits, before it ends with its parent or at its parent's
   * wish (L07, L10). Not when it is killed, nor when an exit signal ends it (M14). If it fails the server ends with
   * that error.
   */
  readonly terminate?: (reason: ExitReason, state: TState, self: AnyActorRef) => MaybePromise<void>
  /** Whether to trap exits from the start; default false. See `trapExit`. */
  readonly trapExit?: boolean
}
