// stopServer(): ends a server in order and waits for its end, as OTP's `gen_server:stop`.
import type { AnyActorRef } from 'xstate'
import { TerrariumError } from '../../base/errors.ts'
import { isOver } from '../../actor/exit.ts'
import { isSameExit, type ExitReason } from '../../base/exit-reason.ts'
import type { StopEvent } from './server.ts'
import { wait, type WaitOptions } from './wait.ts'

export interface StopOptions extends Pick<WaitOptions, 'clock'> {
  /** Default `normal`. */
  readonly reason?: ExitReason
  /** How long to wait, in ms. Default `infinity`. */
  readonly timeout?: number | 'infinity'
}

/**
 * Ends a server after the messages that came before, and with `terminate`, whether or not it traps exits; OTP's
 * `gen_server:stop` (M15). Resolves when it has ended with the given reason. Rejects, with `details: { actor }`, with
 * - STOPPED if it ended otherwise, `details.reason` being the type of its exit reason, `details.exit` the reason and
 *   `cause` the error it failed with; or if it had ended before, `details.reason: 'noproc'`;
 * - DEADLINE_EXCEEDED after `timeout`; the server still ends.
 */
export function stopServer(ref: AnyActorRef, options: StopOptions = {}): Promise<void> {
  const { reason = { type: 'normal' }, timeout = 'infinity' } = options
  const actor = ref.id
  if (isOver(ref)) {
    const details = { actor, reason: 'noproc' }
    return Promise.reject(new TerrariumError('STOPPED', `server ${actor} is not running`, { details }))
  }
  return new Promise((resolve, reject) => {
    wait(
      ref,
      { ...options, timeout },
      {
        ended: (exit) => {
          if (isSameExit(exit, reason)) {
            resolve()
            return
          }
          const details = { actor, reason: exit.type, exit }
          const cause = exit.type === 'error' ? exit.error : undefined
          reject(new TerrariumError('STOPPED', `server ${actor} ended: ${exit.type}`, { details, cause }))
        },
        late: () => {
          const message = `server ${actor} has not ended within ${timeout} ms`
          reject(new TerrariumError('DEADLINE_EXCEEDED', message, { details: { actor } }))
        },
      },
    )
    ref.send({ type: 'server.stop', reason } satisfies StopEvent)
  })
}
