// Why a worker was late or has ended, from what its boot report, its exit and its last words say.
import {
  dependenciesOfInterpreter,
  errorAbout,
  explainExit,
  type ExitFacts,
  type ExitStatus,
  type Explanation,
} from '@terrarium/process'
import type { TerrariumError } from '@terrarium/supervisor/base'
import type { BootProgress } from './boot-report.ts'

/** A worker, and how far its start has come. */
export interface Worker {
  /** The worker's name, for example `text/worker-1`. */
  readonly name: string
  readonly pid: number
  /** The interpreter's path. */
  readonly python: string
  readonly boot: BootProgress
}

/** Why a worker is killed that was not ready within `timeout` ms: says how far it came, by its boot report. */
export function explainLateness({ name, pid, python, boot, timeout }: Worker & { timeout: number }): TerrariumError {
  const { phase, module } = boot
  const { at, hint } = stage(boot, python)
  return errorAbout(
    { kind: 'worker', name, pid },
    {
      code: 'START_FAILED',
      why: `was not ready within ${timeout} ms: ${at}`,
      hint: `${hint} Or raise \`startTimeout\`.`,
      details: { timeout, phase, module },
    },
  )
}

/** How far a worker came, and where to look. */
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

/** The modules that a worker imports before the tools. */
const OWN_MODULES: ReadonlySet<string> = new Set(['grpc', 'google.protobuf'])

/**
 * Why a worker ended that was not to end. Never judged by the exit code alone: the last phase of the boot report
 * decides, then whether the worker was ready, then how it exited. Exit status 0 before ready is a failure like any
 * other.
 */
export function explainWorkerExit(status: ExitStatus, at: Worker & { readonly ready: boolean }): TerrariumError {
  const { name, pid, boot } = at
  const explain = (exit: ExitFacts): Explanation => {
    const explanation = at.ready ? explainCrash(exit) : explainStart(exit, at)
    const stderr = status.tail.trim() || undefined // not in the details of a worker that has written nothing
    return { ...explanation, details: { phase: boot.phase, stderr, ...explanation.details } }
  }
  return explainExit(status, { kind: 'worker', name, pid }, explain)
}

/** Whether the worker was killed because it had closed its session: for any other reason the killer says why. */
const wasMute = ({ status: { requested, signal } }: ExitFacts): boolean => requested === 'kill' && signal === 'SIGKILL'

function explainCrash(exit: ExitFacts): Explanation {
  const { status, how, words, shortageHint } = exit
  const code = 'WORKER_CRASHED'
  if (wasMute(exit)) return { code, why: 'closed its session and went on running; it was killed' }
  const hint = shortageHint ?? (words === undefined && CRASHES.has(status.signal) ? NO_WORDS : undefined)
  return { code, why: `died: ${how}${words === undefined ? '' : `: ${words}`}`, hint }
}

function explainStart(exit: ExitFacts, { python, boot }: Worker): Explanation {
  const { status, how, words, shortageHint } = exit
  const { failure, phase, module } = boot
  const code = 'START_FAILED'
  if (wasMute(exit)) {
    return { code, why: 'closed its session before it was ready and went on running; it was killed' }
  }
  if (failure !== undefined) {
    const { configuration, message, hint, exe, ...told } = failure
    return {
      // A worker of version 1 does not say that this is configuration.
      code: configuration || told.kind === 'protocol_mismatch' ? 'CONFIGURATION' : code,
      why: `cannot start: ${message}`,
      hint: hint || undefined,
      details: { ...told, interpreter: exe },
    }
  }
  const told = words === undefined ? undefined : `Its last words: ${words}`
  if (phase === 'none' && status.signal === null) {
    return {
      code: 'CONFIGURATION',
      why: `cannot start: ${python} ended with ${how} without running the bootstrap`,
      hint: told ?? `Check that ${python} is a Python interpreter, version 3.10 or newer.`,
      details: { interpreter: python, watch: dependenciesOfInterpreter(python) },
    }
  }
  const where = phase === 'importing' ? `while importing ${module ?? '?'}` : `in phase ${phase}`
  const hint = shortageHint ?? told ?? (CRASHES.has(status.signal) ? NO_WORDS : stage(boot, python).hint)
  return { code, why: `ended before it was ready: ${how} ${where}`, hint }
}

/** The signals of crashes of native code. */
const CRASHES: ReadonlySet<string | null> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP'])
const NO_WORDS =
  'Set PYTHONFAULTHANDLER to 1 in the option `env`: Python then says where it was when native code fails.'
