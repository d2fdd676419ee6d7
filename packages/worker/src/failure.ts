import { TerrariumError } from '@terrarium/supervisor/base'
import { dependenciesOfInterpreter, describeShortage, tellingLine, type ExitStatus } from '@terrarium/process'
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
  'patched',
  'protocol_mismatch',
  'token_refused',
])

interface Worker {
  /** The worker's name, for example `text/worker-1`. */
  readonly name: string
  readonly pid: number
  /** The interpreter's path. */
  readonly python: string
  readonly boot: BootProgress
}

export interface Circumstances extends Worker {
  /** Whether the worker had become ready. */
  readonly ready: boolean
}

/** Why a worker that was not ready within `timeout` ms is ended: what it was at, by its boot report. */
export function explainLateness({ name, pid, python, boot, timeout }: Worker & { timeout: number }): TerrariumError {
  const { phase, module } = boot
  const { at, hint } = stage(boot, python)
  return new TerrariumError('START_FAILED', `worker ${name} was not ready within ${timeout} ms: ${at}`, {
    hint: `${hint} Or raise \`startTimeout\`.`,
    details: { worker: name, pid, timeout, phase, module },
  })
}

/** What a worker was at, and where to look. */
function stage({ phase, module }: BootProgress, python: string): { readonly at: string; readonly hint: string } {
  switch (phase) {
    case 'none':
      return {
        at: 'its interpreter had not come to the bootstrap',
        hint: `Look at what ${python} runs before any program: sitecustomize, .pth files, a slow disk.`,
      }
    case 'importing':
      return OWN_MODULES.has(module ?? '')
        ? {
            at: `it was importing ${module ?? '?'}, which Terrarium needs`,
            hint: `Look at how long \`${python} -c 'import ${module ?? '?'}'\` takes.`,
          }
        : {
            at: `it was importing ${module ?? '?'}`,
            hint: `Look at what ${module ?? 'the module'} does when it is imported.`,
          }
    case 'connecting':
      return {
        at: 'everything was imported, and it was opening its session with this host',
        hint: 'Look at what the imports have changed that a connection needs: threads, sockets, signals.',
      }
    case 'boot':
    case 'ready':
    case 'failed':
      return { at: `it was in phase ${phase}`, hint: 'Look at what the machine was busy with.' }
  }
}

/** What a worker imports before the tools. */
const OWN_MODULES: ReadonlySet<string> = new Set(['grpc', 'google.protobuf', 'msgpack'])

/**
 * Why a worker died that nobody had asked to stop. Never judged by the exit code alone: the last phase of the boot
 * report decides, then whether it was ready, then how it ended. Exit status 0 before ready is a failure like any other.
 */
export function explainExit(status: ExitStatus, at: Circumstances): TerrariumError {
  const { name, pid } = at
  if (status.unkillable) {
    return new TerrariumError('WORKER_CRASHED', `worker ${name} cannot be ended: the kernel holds process ${pid}`, {
      hint: 'SIGKILL is pending. Look at what it waits for in /proc/PID/stack: a disk or a network file system that hangs.',
      details: { worker: name, pid, unkillable: true },
    })
  }
  const { code, signal, tail, memory } = status
  const shortage = memory && describeShortage(memory)
  const ended = signal === null ? `exit status ${code ?? '?'}` : `signal ${signal}`
  const how = shortage === undefined ? ended : `${ended}; ${shortage.what}`
  const stderr = tail.trim()
  const details = {
    worker: name,
    pid,
    code,
    signal,
    phase: at.boot.phase,
    ...(stderr === '' ? {} : { stderr }),
    ...(memory === undefined ? {} : { memory }),
  }
  const words = tellingLine(status)

  if (status.requested === 'kill' && signal === 'SIGKILL') {
    const when = at.ready ? '' : ' before it was ready'
    const message = `worker ${name} closed its session${when} and went on running; it was killed`
    return new TerrariumError(at.ready ? 'WORKER_CRASHED' : 'START_FAILED', message, { details })
  }
  if (at.ready) {
    const message = `worker ${name} died: ${how}${words === undefined ? '' : `: ${words}`}`
    const hint = shortage?.hint ?? (words === undefined && CRASHES.has(signal) ? NO_WORDS : undefined)
    return new TerrariumError('WORKER_CRASHED', message, { hint, details })
  }
  const { failure } = at.boot
  if (failure !== undefined) {
    const { kind, module, modules, command, exe, traceback, watch } = failure
    return new TerrariumError(
      CONFIGURATION_KINDS.has(kind) ? 'CONFIGURATION' : 'START_FAILED',
      `worker ${name} cannot start: ${failure.message}`,
      {
        hint: failure.hint || undefined,
        details: { ...details, kind, module, modules, command, interpreter: exe, traceback, watch },
      },
    )
  }
  const told = words === undefined ? undefined : `Its last words: ${words}`
  if (at.boot.phase === 'none' && signal === null) {
    return new TerrariumError(
      'CONFIGURATION',
      `worker ${name} cannot start: ${at.python} ended with ${how} without running the bootstrap`,
      {
        hint: told ?? `Check that ${at.python} is a Python interpreter, version 3.10 or newer.`,
        details: { ...details, interpreter: at.python, watch: dependenciesOfInterpreter(at.python) },
      },
    )
  }
  const where = at.boot.phase === 'importing' ? `while importing ${at.boot.module ?? '?'}` : `in phase ${at.boot.phase}`
  return new TerrariumError('START_FAILED', `worker ${name} ended before it was ready: ${how} ${where}`, {
    hint: shortage?.hint ?? told ?? (CRASHES.has(signal) ? NO_WORDS : stage(at.boot, at.python).hint),
    details,
  })
}

/** Signals of native code that went wrong. */
const CRASHES: ReadonlySet<string | null> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP'])
const NO_WORDS =
  'Set PYTHONFAULTHANDLER to 1 in the option `env`: Python then says where it was when native code fails.'
