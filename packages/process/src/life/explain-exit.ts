// Why a process has ended, as an error for people: what is the same for programs and workers. What differs, each kind
// adds by a function of its own.
import { TerrariumError, type ErrorCode } from '@terrarium/supervisor/base'
import { tellingLine } from './last-words.ts'
import { describeShortage } from './memory-shortage.ts'
import type { ExitStatus } from './os-process.ts'

/** The process that an error is about. */
export interface Subject {
  readonly kind: 'program' | 'worker'
  readonly name: string
  readonly pid: number | undefined
}

export interface Explanation {
  readonly code: ErrorCode
  /** Follows kind and name: `died: signal SIGSEGV`. */
  readonly why: string
  readonly hint?: string | undefined
  readonly details?: object | undefined
  readonly cause?: unknown
}

/** What is known of an exit before its kind is looked at. */
export interface ExitFacts {
  readonly status: ExitStatus
  /** `exit status 3`, or `signal SIGKILL`; and a shortage of memory, if there was one. */
  readonly how: string
  /** The line of standard error that says most about the cause. */
  readonly words: string | undefined
  /** What to do about a shortage of memory. */
  readonly shortageHint: string | undefined
}

/** An error about a process that `details` names as `program` or `worker`. */
export function errorAbout({ kind, name, pid }: Subject, explanation: Explanation, facts: object = {}): TerrariumError {
  const { code, why, hint, details, cause } = explanation
  return new TerrariumError(code, `${kind} ${name} ${why}`, {
    hint,
    cause,
    details: { [kind]: name, pid, ...facts, ...details },
  })
}

/** Why a process ended. `explain` decides for its kind; an unkillable process is the same for all. */
export function explainExit(
  status: ExitStatus,
  subject: Subject,
  explain: (exit: ExitFacts) => Explanation,
): TerrariumError {
  const { code, signal, unkillable, memory } = status
  const facts = {
    code,
    signal,
    stderr: status.tail.trim(),
    ...(unkillable ? { unkillable } : {}),
    ...(memory === undefined ? {} : { memory }),
  }
  if (unkillable) {
    const hint = `SIGKILL is pending. Look at what it waits for in /proc/${subject.pid}/stack: a disk or a network file system that hangs.`
    const why = `cannot be ended: the kernel holds process ${subject.pid}`
    return errorAbout(subject, { code: 'WORKER_CRASHED', why, hint }, facts)
  }
  const shortage = memory && describeShortage(memory)
  const ended = signal === null ? `exit status ${code ?? '?'}` : `signal ${signal}`
  const how = shortage === undefined ? ended : `${ended}; ${shortage.what}`
  const words = tellingLine(status)
  return errorAbout(subject, explain({ status, how, words, shortageHint: shortage?.hint }), facts)
}
