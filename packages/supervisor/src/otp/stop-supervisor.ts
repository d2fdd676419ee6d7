// Stops a supervisor in order and waits for its end, as OTP's `supervisor:stop/3`.
import type { AnyActorRef } from 'xstate'
import { LONGEST_DELAY } from '../base/clock.ts'
import { TerrariumError } from '../base/errors.ts'
import { exitReasonOf, isOver, whenOver } from '../actor/exit.ts'
import { clockOf, hasStarted, stopHard } from '../actor/xstate.ts'
import { isExitReason, isSameExit, type ExitReason } from '../base/exit-reason.ts'
import type { SupervisorSnapshot } from '../actor/logic.ts'
import { show } from '../base/show.ts'

export interface SupervisorStopOptions {
  /** What the supervisor ends with once its children are down. Default `shutdown`. */
  readonly reason?: ExitReason
  /** How long to wait, in ms. Default `infinity`. */
  readonly timeout?: number | 'infinity'
}

/** Stops a supervisor, see `Administration.stop`. `rest`: resolves when everything else that has to end has ended. */
export function stopSupervisor(
  ref: AnyActorRef,
  options: SupervisorStopOptions = {},
  rest: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const fault = faultOf(options)
  if (fault !== undefined) return Promise.reject(fault)
  const { reason, timeout = 'infinity' } = options
  if (!hasStarted(ref)) {
    stopHard(ref)
    return Promise.resolve()
  }
  return new Promise((resolve, reject) => {
    let timer: unknown
    const ended = (exit: ExitReason): void => {
      void rest().then(() => {
        if (timer !== undefined) clockOf(ref).clearTimeout(timer)
        if (reason === undefined || isSameExit(exit, reason)) resolve()
        else reject(stoppedOtherwise(ref, exit))
      })
    }
    const late = (): void => {
      reject(notStopped(ref, timeout))
    }
    if (isOver(ref)) ended(exitReasonOf(ref) ?? { type: 'killed' })
    else {
      whenOver(ref, ended)
      ref.send({ type: 'supervisor.shutdown', reason })
    }
    const isLimited = timeout !== 'infinity' && timeout !== Infinity
    if (isLimited) timer = clockOf(ref).setTimeout(late, Math.min(timeout, LONGEST_DELAY))
  })
}

function faultOf(options: unknown): TerrariumError | undefined {
  const mistakes: string[] = []
  if (typeof options !== 'object' || options === null) mistakes.push(`it must be an object, not ${show(options)}`)
  const { reason, timeout } = (options ?? {}) as { readonly reason?: unknown; readonly timeout?: unknown }
  if (reason !== undefined && !isExitReason(reason)) {
    mistakes.push(`reason must be an exit reason, as { type: 'shutdown' }, not ${show(reason)}`)
  }
  if (timeout !== undefined && timeout !== 'infinity' && !(typeof timeout === 'number' && timeout >= 0)) {
    mistakes.push(`timeout must be ms, 0 or more, or 'infinity', not ${show(timeout)}`)
  }
  if (mistakes.length === 0) return undefined
  return new TerrariumError('INVALID_ARGUMENT', `invalid options of stop(): ${mistakes.join('; ')}`, {
    details: { mistakes },
  })
}

function notStopped(ref: AnyActorRef, timeout: unknown): TerrariumError {
  const { supervised } = ref.getSnapshot() as SupervisorSnapshot
  const children = supervised.filter((child) => child.ref !== undefined).map(({ id }) => id)
  return new TerrariumError('DEADLINE_EXCEEDED', `supervisor ${ref.id} has not stopped within ${String(timeout)} ms`, {
    hint: "Call stop() again to wait longer, or exit(ref, { type: 'killed' }) to end the supervisor now.",
    details: { supervisor: ref.id, timeout, children },
  })
}

function stoppedOtherwise({ id }: AnyActorRef, exit: ExitReason): TerrariumError {
  return new TerrariumError('STOPPED', `supervisor ${id} ended for another reason: ${exit.type}`, {
    cause: exit.type === 'error' ? exit.error : undefined,
    details: { supervisor: id, reason: exit.type, exit },
  })
}
