import { TerrariumError } from '@terrarium/supervisor'
import { dependenciesOfInterpreter, type ExitStatus } from '@terrarium/process'
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
  const how = status.signal === null ? `exit status ${status.code ?? '?'}` : `signal ${status.signal}`
  const details = { worker: at.name, pid: at.pid, code: status.code, signal: status.signal, phase: at.boot.phase }
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
      details: { ...details, ...stderr },
    })
  }
  const { failure } = at.boot
  if (failure !== undefined) {
    const { kind, module, exe, traceback, watch } = failure
    return new TerrariumError(
      CONFIGURATION_KINDS.has(kind) ? 'CONFIGURATION' : 'START_FAILED',
      `worker ${at.name} cannot start: ${failure.message}`,
      { hint: failure.hint, details: { ...details, kind, module, interpreter: exe, traceback, watch } },
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
        details: { ...details, ...stderr, interpreter: at.python, watch: dependenciesOfInterpreter(at.python) },
      },
    )
  }
  const where = at.boot.phase === 'importing' ? `while importing ${at.boot.module ?? '?'}` : `in phase ${at.boot.phase}`
  return new TerrariumError('START_FAILED', `worker ${at.name} ended before it was ready: ${how} ${where}`, {
    hint: said === '' ? stage(at.boot, at.python).hint : `its last words: ${lastLine(said)}`,
    details: { ...details, ...stderr },
  })
}

const lastLine = (text: string): string => text.slice(text.lastIndexOf('\n') + 1)
