// The callbacks of a server (OTP's gen_server), and what each of them may return.
import type { AnyActorRef, EventObject } from 'xstate'
import type { ExitReason } from '../../base/exit-reason.ts'
import type { CallEvent, From } from './from.ts'

type MaybePromise<T> = T | Promise<T>

/**
 * What a handler returns: what the server does next. Nothing: the state stays, and the server waits for the next
 * message.
 */
export interface Next<TState> {
  /** The new state. */
  readonly state?: TState
  /** The reply to the current call. Without it the call stays open, see {@link reply} (M07). */
  readonly reply?: unknown
  /**
   * In ms: if no message comes within this time, `handleInfo` gets `{ type: 'timeout' }`. Any message ends the wait
   * (M12).
   */
  readonly timeout?: number
  /** Passed to `handleContinue` before any further message (M11). */
  readonly continue?: unknown
  /** `terminate` runs, then `reply` is sent, then the server ends with this reason (M09). */
  readonly stop?: ExitReason
}

export type HandlerResult<TState> = MaybePromise<Next<TState> | undefined>

/** What `init` returns: the first state, or the reason for which the start fails (M16). */
export type InitResult<TState> =
  | (Pick<Next<TState>, 'timeout' | 'continue'> & { readonly state: TState })
  | { readonly stop: ExitReason }

/**
 * The callbacks of a server, as of OTP's gen_server. Each may be asynchronous: the server takes its next message when
 * the current one is done. A callback that throws or rejects ends the server with that error, after `terminate` (M13).
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
  /**
   * Handles all other events: `timeout`, `exit`, `down` and those of any other sender. Without it they are logged
   * (M19).
   */
  readonly handleInfo?: (event: TEvent, state: TState, self: AnyActorRef) => HandlerResult<TState>
  readonly handleContinue?: (continuation: unknown, state: TState, self: AnyActorRef) => HandlerResult<TState>
  /**
   * Runs before the server ends by itself. If the server traps exits, it also runs when its parent ends or asks it to
   * end (L07, L10). It does not run when the server is killed, nor when an exit signal ends it (M14). If it fails, the
   * server ends with that error.
   */
  readonly terminate?: (reason: ExitReason, state: TState, self: AnyActorRef) => MaybePromise<void>
  /** Whether to trap exits from the start; default false. See `trapExit`. */
  readonly trapExit?: boolean
}
