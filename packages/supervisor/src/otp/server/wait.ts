// Waits for the end of an actor, with a timeout and an AbortSignal.
import type { AnyActorRef } from 'xstate'
import { onAbort, type AbortWait, type CallSignal } from '../../base/abort.ts'
import { LONGEST_DELAY, type SupervisorClock } from '../../base/clock.ts'
import { whenOver } from '../../actor/exit.ts'
import { clockOf } from '../../actor/xstate.ts'
import type { ExitReason } from '../../base/exit-reason.ts'

export interface WaitOptions {
  /** In ms. */
  readonly timeout?: number | 'infinity'
  /** Default: the clock of the actor's system. */
  readonly clock?: Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'>
  readonly signal?: CallSignal
}

interface Outcomes {
  ended(reason: ExitReason): void
  late(): void
  aborted?(reason: unknown): void
}

/**
 * Waits for the end of the actor, at most `timeout` and only while `signal` is not aborted. Calls the callback of what
 * comes first, and removes timer and listeners. The returned function removes them too.
 */
export function wait(
  ref: AnyActorRef,
  { timeout, clock = clockOf(ref), signal }: WaitOptions,
  tell: Outcomes,
): () => void {
  const onTime = (): void => {
    close()
    tell.late()
  }
  const isLimited = typeof timeout === 'number' && timeout !== Infinity
  const timer = isLimited ? clock.setTimeout(onTime, Math.min(timeout, LONGEST_DELAY)) : undefined
  const onSignal = (reason: unknown): void => {
    close()
    tell.aborted?.(reason)
  }
  let abortion: AbortWait | undefined
  try {
    abortion = signal && onAbort(signal, onSignal)
  } catch (error) {
    if (timer !== undefined) clock.clearTimeout(timer)
    throw error
  }
  const end = whenOver(ref, (reason) => {
    close()
    tell.ended(reason)
  })

  function close(): void {
    end.unsubscribe()
    if (timer !== undefined) clock.clearTimeout(timer)
    abortion?.release()
  }
  return close
}
