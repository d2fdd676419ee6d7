// A runtime: one run of this installation, with its folders, its log, its shepherd, and the sweep of dead runs.
import { join } from 'node:path'
import type { Stoppable } from '@terrarium/supervisor/base'
import { guardLogger, type AnyLogger } from './guarded-logger.ts'
import type { OsProcess, SignalName, SpawnRequest } from './life/os-process.ts'
import { ReservationLog } from './log/log.ts'
import { shepherdFiles } from './python-files.ts'
import { createRun, removeRun, removeRuntimeDirectory } from './run.ts'
import { RunFolders } from './run-folders.ts'
import { checkMainThread, checkPython, ownRuntimeOptions } from './runtime-options.ts'
import { wantedContainment, type Containment, type ContainmentResult } from './shepherd/containment.ts'
import { ShepherdedRuntime } from './shepherded-runtime.ts'
import { openInstallation, resolveStateDir, stateError, usingState } from './state-directory.ts'
import type { SweepResult } from './sweep/sweep.ts'
import type { Identity } from './table/identity.ts'
import { processTable } from './table/table.ts'

export interface RuntimeOptions {
  /** Absolute path of a real Python interpreter (not a shim): it runs the shepherd and the sweep helper. */
  readonly python: string
  /** Default: TERRARIUM_STATE_DIR, XDG_STATE_HOME/terrarium, or ~/.local/state/terrarium. Local to this machine. */
  readonly stateDir?: string | undefined
  /** pino's, or one like it. Default: warnings and errors, to standard error. */
  readonly logger?: AnyLogger | undefined
  /**
   * What is to hold the processes together. Default: TERRARIUM_CONTAINMENT, or `auto`, the best that this system has.
   * A level that is demanded and missing is an error; no other level replaces it.
   */
  readonly containment?: Containment | 'auto' | undefined
  /** Time between two scans for what resists its end, in ms. Default 1000. */
  readonly reapInterval?: number | undefined
}

export interface CloseResult {
  /** How many processes closing had to kill. */
  readonly killed: number
  /** How many spawns could not be proven dead; their reservations stay in the log. */
  readonly unreleased: number
  /** Processes of this run that are still alive. */
  readonly left: readonly Identity[]
}

/** One run: a set of processes that end with this host, whatever ends the host. */
export interface Runtime extends Stoppable {
  /** Seven of a-z and 0-9. */
  readonly runId: string
  readonly installation: string
  /**
   * A private (0700) folder for sockets; `<directory>/host.sock` fits into a socket address. It lies in a temporary
   * folder, which may be cleaned up: see {@link Runtime.ensureDirectory}.
   */
  readonly directory: string
  readonly stateDir: string
  /** The sweep that {@link openRuntime} began. */
  readonly swept: Promise<SweepResult>
  /**
   * The last signal that meant the application as a whole: a service manager, say, has sent it to all its processes,
   * the shepherd included. `at`: on the clock of `performance.now()`.
   */
  readonly signalled: { readonly signal: SignalName; readonly at: number } | undefined
  /**
   * Makes `directory` again, empty, if it was removed. Errors: START_FAILED (its name is taken by what this user did
   * not make), STOPPED.
   */
  ensureDirectory(): void
  /** The level of containment in use, and why no better one is. Errors: START_FAILED, STOPPED. */
  containment(): Promise<ContainmentResult>
  /**
   * Starts a process, once its reservation is on disk. Errors: CONFIGURATION (it can never start), START_FAILED (the
   * system refuses now), INVALID_ARGUMENT, STOPPED.
   */
  spawn(request: SpawnRequest): Promise<OsProcess>
  /** Kills what dead runs of this installation have left. */
  sweep(): Promise<SweepResult>
  /** The processes of this run that are alive now, by scanning the system; its shepherd is not among them. */
  census(): readonly Identity[]
  /** Processes that the kernel holds although SIGKILL was sent. Their reservations stay until they have exited. */
  unkillable(): readonly Identity[]
  /** Kills what is left, proves it dead, and removes what this run has on disk. Never rejects because of a process. */
  close(): Promise<CloseResult>
  /**
   * Lets the host end by itself while processes run; they end with it. A start or a `close()` that is under way holds
   * the host until it is done.
   */
  unref(): void
  /** Takes back {@link unref}. */
  ref(): void
}

/**
 * Opens a run and begins, in the background, to sweep dead ones. Errors: INVALID_ARGUMENT (options),
 * CONFIGURATION (state directory, system not supported, no /proc, containment missing, this package incomplete),
 * LOG_DAMAGED (installation id).
 */
export async function openRuntime(given: RuntimeOptions): Promise<Runtime> {
  const options = ownRuntimeOptions(given)
  processTable().check()
  checkMainThread()
  checkPython(options.python)
  shepherdFiles() // throws where they are missing
  const containment = wantedContainment(options.containment)
  const stateDir = resolveStateDir(options.stateDir)
  const installation = openInstallation(stateDir)
  const { owner, directory } = usingState(stateDir, () => createRun(stateDir, installation))
  const logger = guardLogger(options.logger, { run: owner.run })
  let runtime: ShepherdedRuntime
  const folders = new RunFolders(stateDir, owner, (remade) => {
    logger.warn({ directory: remade }, 'the folder of this run was removed, and is made again')
    runtime.remade(remade)
  })
  try {
    folders.open()
    const log = await ReservationLog.create(join(directory, 'log'), owner, () => {
      folders.remakeRun()
    })
    runtime = new ShepherdedRuntime({ ...options, stateDir, owner, folders, log, logger, containment })
  } catch (error) {
    folders.close()
    removeRuntimeDirectory(owner)
    removeRun(stateDir, owner.run)
    throw stateError(stateDir, error)
  }
  // A demand that cannot be met is an error now, not at the first spawn.
  if (containment !== 'auto') {
    await runtime.containment().catch(async (error: unknown) => {
      await runtime.close()
      throw error
    })
  }
  return runtime
}
