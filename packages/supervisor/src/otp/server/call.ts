// call(): sends an actor a request and waits for its reply.
import type { AnyActorRef, AnyEventObject } from 'xstate'
import { isAborted, reasonOf } from '../../base/abort.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import { TerrariumError } from '../../base/errors.ts'
import { isOver } from '../../actor/exit.ts'
import { createFrom } from './from.ts'
import { wait, type WaitOptions } from './wait.ts'

export interface CallOptions extends WaitOptions {
  /** In ms. Default 5000 (M03). */
  readonly timeout?: number | 'infinity'
  /** The actor that calls. An actor that calls itself would wait for itself, and is refused (M06). */
  readonly caller?: AnyActorRef
}

/**
 * Sends any actor a request, as the event `{ ...request, from }`, and waits for its `reply(from, value)`:
 *
 * ```ts
 * createMachine({ …, on: { total: { actions: ({ context, event }) => reply(event.from, context.total) } } })
 *
 * const total = await call<number>(ref, { type: 'total' })
 * ```
 *
 * Rejects, always with `details: { actor, request }`, the latter being the request's type:
 * - DEADLINE_EXCEEDED after `timeout`. The actor is not told; a later reply is dropped (M02).
 * - STOPPED if the actor has ended, `details.reason: 'noproc'` (M01), or ends before its reply (M04, M05, M08):
 *   `details.reason` is the type of its exit reason, `details.exit` the reason, `cause` the error it failed with.
 * - INVALID_ARGUMENT with `details.reason: 'calling_self'` (M06).
 * - CANCELLED when `signal` is aborted, whose reason is the `cause`. The actor is not told.
 *
 * Afterwards no timer and no listener is left.
 */
export function call<TReply = unknown>(
  ref: AnyActorRef,
  request: AnyEventObject,
  { timeout = 5_000, caller, ...options }: CallOptions = {},
): Promise<TReply> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    const refuse = (code: ErrorCode, why: string, more: Record<string, unknown> = {}, cause?: unknown): void => {
      const details = { actor: ref.id, request: request.type, ...more }
      reject(new TerrariumError(code, `call ${request.type} of actor ${ref.id}: ${why}`, { details, cause }))
    }
    const aborted = (reason: unknown): void => {
      refuse('CANCELLED', 'cancelled', {}, reason)
    }
    if (caller === ref) refuse('INVALID_ARGUMENT', 'it would wait for itself', { reason: 'calling_self' })
    else if (signal !== undefined && isAborted(signal)) aborted(reasonOf(signal))
    else if (isOver(ref)) refuse('STOPPED', 'it is not running', { reason: 'noproc' })
    else {
      const close = wait(
        ref,
        { timeout, ...options },
        {
          ended: (exit) => {
            const cause = exit.type === 'error' ? exit.error : undefined
            refuse('STOPPED', `it ended without a reply: ${exit.type}`, { reason: exit.type, exit }, cause)
          },
          late: () => {
            refuse('DEADLINE_EXCEEDED', `no reply within ${timeout} ms`)
          },
          aborted,
        },
      )
      const from = createFrom(caller, (value) => {
        close()
        resolve(value as TReply)
      })
      ref.send({ ...request, from })
    }
  })
}
