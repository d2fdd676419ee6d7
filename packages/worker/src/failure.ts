import { TerrariumError } from '@terrarium/supervisor'
import { describeShortage, type ExitStatus } from '@terrarium/process'
import type { BootProgress } from './boot-report.ts'

/** Boot failures that no restart repairs: the environment or the code has to change first. */
const CONFIGURATION_KINDS = new Set([
  'missing_module',
  'import_error',
  'syntax_error',
  'missing_file',
  'unreadable_file',
  'no_tools',
  'invalid_tool',
  'protocol_mismatch',
  'token_refused',
])

export interface Circumstances {
  /** The worker's name, for example `text/worker-1`. */
  readonly name: string
  readonly pid: number
  /** The interpreter's path. */
  readonly python: string
  readonly boot: BootProgress
  /** Whether the worker had become ready. */
  readonly ready: boolean
}

/**
 * Why a worker died that nobody had asked to stop. Never judged by the exit code alone: the last phase of the boot
 * report decides, then whether it was ready, then how it ended. Exit status 0 before ready is a failure like any other.
 */
export function explainExit(status: ExitStatus, at: Circumstances): TerrariumError {
  const shortage = status.memory && describeShortage(status.memory)
  const ended = status.signal === null ? `exit status ${status.code ?? '?'}` : `signal ${status.signal}`
  const how = shortage === undefined ? ended : `${ended}; ${shortage.what}`
  const memory = status.memory === undefined ? {} : { memory: status.memory }
  const { code, signal } = status
  const details = { worker: at.name, pid: at.pid, code, signal, phase: at.boot.phase, ...memory }
  if (status.unkillable) {
    return new TerrariumError(
      'WORKER_CRASHED',
      `worker ${at.name} cannot be ended: the kernel holds process ${at.pid}`,
      {
        hint: 'SIGKILL is pending. Look at what it waits for in /proc/PID/stack: a disk or a network file system that hangs.',
        details: { worker: at.name, pid: at.pid, unkillable: true },
      },
    )
  }
  const said = status.tail.trim()
  const stderr = said === '' ? {} : { stderr: said }

  if (at.ready) {
    return new TerrariumError('WORKER_CRASHED', `worker ${at.name} died: ${how}`, {
      hint: shortage?.hint,
      details: { ...details, ...stderr },
    })
  }
  const { failure } = at.boot
  if (failure !== undefined) {
    const { kind, module, modules, command, exe, traceback, watch } = failure
    return new TerrariumError(
      CONFIGURATION_KINDS.has(kind) ? 'CONFIGURATION' : 'START_FAILED',
      `worker ${at.name} cannot start: ${failure.message}`,
      {
        hint: failure.hint,
        details: { ...details, kind, module, modules, command, interpreter: exe, traceback, watch },
      },
    )
  }
  if (at.boot.phase === 'none' && status.signal === null) {
    return new TerrariumError(
      'CONFIGURATION',
      `worker ${at.name} cannot start: ${at.python} ended with ${how} without running the bootstrap`,
      {
        hint:
          said === ''
            ? `check that ${at.python} is a Python interpreter, version 3.10 or newer`
            : `its last words: ${lastLine(said)}`,
        details: { ...details, ...stderr, interpreter: at.python, watch: [at.python] },
      },
    )
  }
  const where = at.boot.phase === 'importing' ? `while importing ${at.boot.module ?? '?'}` : `in phase ${at.boot.phase}`
  return new TerrariumError('START_FAILED', `worker ${at.name} ended before it was ready: ${how} ${where}`, {
    hint:
      shortage !== undefined
        ? shortage.hint
        : said === ''
          ? 'look at what the module does when it is imported'
          : `its last words: ${lastLine(said)}`,
    details: { ...details, ...stderr },
  })
}

const lastLine = (text: string): string => text.slice(text.lastIndexOf('\n') + 1)
