import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import {
  ASYNC_DISPOSE,
  Checker,
  fieldsOf,
  KeepAlive,
  ownOptions,
  TerrariumError,
  type Stoppable,
} from '@terrarium/supervisor/base'
import { checkContainment, checkEnv, checkLogger, checkMs, checkPath } from './check-options.ts'
import { wantedContainment, type Containment, type ContainmentResult } from './shepherd/containment.ts'
import { killStrays, locksOf, type HelperDependencies } from './sweep/sweep-helper.ts'
import type { Identity } from './table/identity.ts'
import { launch, type LaunchRequest } from './shepherd/launch.ts'
import { ReservationLog } from './log/log.ts'
import { guardLogger, type AnyLogger } from './guarded-logger.ts'
import { UNKILLABLE_MS, type OsProcess, type SignalName, type SpawnRequest } from './life/os-process.ts'
import { patience } from './pacing/patience.ts'
import { startBudget } from './pacing/start-budget.ts'
import { shepherdFiles } from './python-files.ts'
import { Reaper } from './sweep/reaper.ts'
import { createRun, removeRun, removeRuntimeDirectory, type Owner } from './run.ts'
import { RunFolders } from './run-folders.ts'
import { Spawns } from './spawns.ts'
import { openInstallation, resolveStateDir, stateError, usingState } from './state-directory.ts'
import { sweepDeadRuns, type SweepResult } from './sweep/sweep.ts'
import { findTagged, processTable } from './table/table.ts'
import { Tending } from './shepherd/tending.ts'

export interface RuntimeOptions {
  /** Absolute path of a real Python interpreter (not a shim): it runs the shepherd and the sweep helper. */
  readonly python: string
  /** Default: TERRARIUM_STATE_DIR, XDG_STATE_HOME/terrarium, or ~/.local/state/terrarium. Local to this machine. */
  readonly stateDir?: string | undefined
  /** pino's, or one like it. Default: warnings and errors, to standard error. */
  readonly logger?: AnyLogger | undefined
  /**
   * What is to hold the processes together. Default: TERRARIUM_CONTAINMENT, or `auto`, the best that this system has.
   * A level that is demanded and missing is an error, never replaced.
   */
  readonly containment?: Containment | 'auto' | undefined
  /** How often to look again at what resists its end, ms. Default 1000. */
  readonly reapInterval?: number | undefined
}

export interface CloseResult {
  /** Processes that closing had to kill. */
  readonly killed: number
  /** Reservations whose death could not be proven; they stay in the log. */
  readonly unreleased: number
  /** Processes of this run that are still alive. */
  readonly left: readonly Identity[]
}

/** One run: a set of processes that end with this host, whatever ends it. */
export interface Runtime extends Stoppable {
  /** Seven of a-z and 0-9. */
  readonly runId: string
  readonly installation: string
  /**
   * A private (0700) folder for sockets; `<directory>/host.sock` fits into a socket address. It lies where others clean
   * up: see {@link Runtime.ensureDirectory}.
   */
  readonly directory: string
  readonly stateDir: string
  /** The sweep that {@link openRuntime} began. */
  readonly swept: Promise<SweepResult>
  /**
   * The last signal that meant the application as a whole: a service manager, say, has sent it to everybody, the
   * shepherd included. `at`: on the clock of `performance.now()`.
   */
  readonly signalled: { readonly signal: SignalName; readonly at: number } | undefined
  /**
   * Makes `directory` again, empty, if somebody has removed it. Errors: START_FAILED (somebody else has taken its
   * name), STOPPED.
   */
  ensureDirectory(): void
  /** What holds the processes together, and why it is nothing better. Errors: START_FAILED, STOPPED. */
  containment(): Promise<ContainmentResult>
  /**
   * Starts a process. Its reservation is on disk before. Errors: CONFIGURATION (it can never start), START_FAILED (the
   * system refuses now), INVALID_ARGUMENT, STOPPED.
   */
  spawn(request: SpawnRequest): Promise<OsProcess>
  /** Ends what dead runs of this installation have left. */
  sweep(): Promise<SweepResult>
  /** The processes of this run that are alive now, by scanning the system; its shepherd is not among them. */
  census(): readonly Identity[]
  /** Processes that SIGKILL has not ended: the kernel holds them, and their reservations stay until it lets them go. */
  unkillable(): readonly Identity[]
  /** Kills what is left, proves it dead, and removes what this run has on disk. Never rejects because of a process. */
  close(): Promise<CloseResult>
  /**
   * Lets the host process end by itself while processes run; they end with it. What is being started or closed holds it
   * until then.
   */
  unref(): void
  /** Takes back {@link unref}. */
  ref(): void
}

const PROOF_MS = 5000
const LOOK_AGAIN_MS = 20
/** Closing waits so long for what is being started: twice what the shepherd gives a start. */
const START_MS = 10_000

/**
 * Opens a run and begins, in the background, to sweep dead ones. Errors: INVALID_ARGUMENT (options),
 * CONFIGURATION (state directory, system not supported, no /proc, containment missing, this package incomplete),
 * LOG_DAMAGED (installation id).
 */
export async function openRuntime(given: RuntimeOptions): Promise<Runtime> {
  const options = ownOptions(given, fieldsOf(OPTIONS))
  checkOptions(options)
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
  // What is demanded is looked at now, and not when the first process is to start.
  if (containment !== 'auto') {
    await runtime.containment().catch(async (error: unknown) => {
      await runtime.close()
      throw error
    })
  }
  return runtime
}

interface Parts extends RuntimeOptions {
  readonly stateDir: string
  readonly owner: Owner
  readonly folders: RunFolders
  readonly log: ReservationLog
  readonly logger: AnyLogger
  readonly containment: Containment | 'auto'
}

/** A runtime whose processes are children of its shepherd, which is a child of this very process. */
class ShepherdedRuntime implements Runtime {
  readonly runId: string
  readonly installation: string
  readonly directory: string
  readonly stateDir: string
  readonly swept: Promise<SweepResult>
  signalled: { readonly signal: SignalName; readonly at: number } | undefined
  readonly #parts: Parts
  readonly #spawns: Spawns
  readonly #tending: Tending
  readonly #reaper: Reaper
  readonly #starting = new Set<Promise<unknown>>()
  readonly #keepAlive = new KeepAlive()
  /** The spawns that are sweep helpers, which closing needs itself. */
  readonly #helpers = new Set<string>()
  #sweeping: Promise<SweepResult> | undefined
  #closing: Promise<CloseResult> | undefined

  constructor(parts: Parts) {
    const { owner, stateDir, log, logger, python, folders, containment } = parts
    this.#parts = parts
    this.runId = owner.run
    this.installation = owner.installation
    this.directory = owner.runtimeDirectory
    this.stateDir = stateDir
    this.#spawns = new Spawns({
      stateDir,
      owner,
      log,
      logger,
      dead: (spawn, orphaned) => {
        this.#reaper.takeOver(spawn, orphaned)
      },
    })
    this.#reaper = new Reaper({
      scan: () => this.#scan(),
      scanRlimitTags: (spawns) => {
        const { installation, run } = owner
        return processTable().scanRlimitTags(spawns.map((spawn) => ({ installation, run, spawn })))
      },
      kill: (strays) => this.#killStrays(strays),
      knows: (spawn) => this.#spawns.has(spawn),
      release: (spawn) => this.#spawns.release(spawn),
      logger,
      interval: parts.reapInterval ?? 1000,
    })
    const onSignal = (signal: SignalName): void => {
      this.signalled = { signal, at: performance.now() }
      logger.debug({ signal }, 'the application was signalled')
    }
    this.#tending = new Tending({ python, owner, folders, containment, spawns: this.#spawns, logger, onSignal })
    // Early, so that it is there when the first process is to start, which will say so if it is not.
    this.#track(this.#tending.shepherd()).catch(() => undefined)
    this.swept = this.sweep()
    this.swept.catch((error: unknown) => {
      logger.warn({ err: error }, 'the sweep of dead runs failed; the next run will look again')
    })
  }

  ensureDirectory(): void {
    if (this.#closing !== undefined) throw closed('its folder')
    this.#parts.folders.ensureRuntimeDirectory()
  }

  /** The directory of the run had to be made again. */
  remade(directory: string): void {
    void this.#tending.remade(directory)
  }

  containment(): Promise<ContainmentResult> {
    return this.#closing === undefined
      ? this.#track(this.#tending.containment())
      : Promise.reject(closed('containment'))
  }

  spawn(request: SpawnRequest): Promise<OsProcess> {
    return this.#closing === undefined ? this.#track(this.#start(request)) : Promise.reject(closed(request.name))
  }

  sweep(): Promise<SweepResult> {
    this.#sweeping ??= sweepDeadRuns({
      stateDir: this.stateDir,
      installation: this.installation,
      run: this.runId,
      logger: this.#parts.logger,
      kill: (targets) => this.#killStrays(targets),
      locks: (folders) => locksOf(this.#helper, folders),
    }).finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  census(): readonly Identity[] {
    return this.#scan().filter(({ spawn }) => !this.#tending.has(spawn))
  }

  unkillable(): readonly Identity[] {
    return this.#spawns.unkillable()
  }

  close(): Promise<CloseResult> {
    this.#closing ??= this.#keepAlive.during(this.#close())
    return this.#closing
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close().then(() => undefined)
  }

  unref(): void {
    this.#tending.setReferenced(false)
    this.#keepAlive.unref()
  }

  ref(): void {
    this.#tending.setReferenced(true)
    this.#keepAlive.ref()
  }

  async #close(): Promise<CloseResult> {
    startBudget().dismiss(this)
    this.#tending.resume()
    await Promise.race([Promise.allSettled([this.#sweeping, ...this.#starting]), patience(START_MS)])
    const strays = this.#reaper.killed
    const alive = this.#spawns
      .processes()
      .filter(({ spawnId }) => !this.#tending.has(spawnId) && !this.#helpers.has(spawnId))
    const exits = await Promise.all(
      alive.map((process) => Promise.race([process.kill(), patience(UNKILLABLE_MS + 100)])),
    )
    // What they have left behind may end by itself for a moment, and the shepherd waits for that.
    await Promise.race([this.#spawns.whenCleared((spawn) => !this.#tending.has(spawn)), patience(UNKILLABLE_MS)])
    await Promise.race([this.#tending.close(), patience(UNKILLABLE_MS)])
    await this.#reaper.finish(PROOF_MS)
    const left = await this.#left()
    const unreleased = this.#spawns.ids().filter((spawn) => !this.#tending.has(spawn)).length
    await this.#parts.log.close()
    this.#parts.folders.close()
    removeRuntimeDirectory(this.#parts.owner)
    if (unreleased === 0 && left.length === 0) removeRun(this.stateDir, this.runId)
    else this.#parts.logger.error({ unreleased, left }, 'closed with processes left; the next run will look again')
    const killed =
      exits.filter((status) => status?.requested === 'kill' && !status.unkillable).length + this.#reaper.killed - strays
    return { killed, unreleased, left }
  }

  /** The processes of this run that do not end, though all have been killed. What is just ending is waited for. */
  async #left(): Promise<Identity[]> {
    const end = performance.now() + PROOF_MS
    for (;;) {
      const left = this.#scan()
      const held = new Set(this.unkillable().map(({ spawn }) => spawn))
      // What this run has not started is not killed. The shepherd stays with what the kernel holds.
      const isProven = ({ spawn }: Identity): boolean =>
        !this.#spawns.has(spawn) || held.has(spawn) || (held.size > 0 && this.#tending.has(spawn))
      if (left.every(isProven) || performance.now() > end) return left
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }

  async #start(request: SpawnRequest): Promise<OsProcess> {
    const check = new Checker()
    checkEnv(check, { env: request.env })
    check.finish(`environment of ${request.name}`)
    const start = async (complete: LaunchRequest) => (await this.#tending.shepherd()).launch(complete)
    if (request.paced !== true) return (await this.#spawns.begin(request, start)).process
    const turn = await startBudget().turn(this, request.signal)
    try {
      const { process } = await this.#spawns.begin(request, start)
      turn.started(process.pid)
      void process.started.then(turn.finished)
      return process
    } catch (error) {
      turn.finished()
      throw error
    }
  }

  /** Whatever carries a marker of this run. */
  #scan(): Identity[] {
    return findTagged({ installation: this.installation, run: this.runId })
  }

  #killStrays(targets: readonly Identity[]) {
    return killStrays(this.#helper, targets)
  }

  get #helper(): HelperDependencies {
    const { python, logger } = this.#parts
    return {
      python,
      logger,
      start: async (request, input) => {
        const onReserved = (spawn: string): void => void this.#helpers.add(spawn)
        const { process, stdin } = await this.#spawns.begin({ ...request, onReserved }, launch)
        void process.released.then(() => this.#helpers.delete(process.spawnId))
        stdin.end(input)
        return process
      },
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#starting.add(work)
    this.#keepAlive.hold()
    const done = () => {
      this.#starting.delete(work)
      this.#keepAlive.release()
    }
    work.then(done, done)
    return work
  }
}

function closed(what: string): TerrariumError {
  return new TerrariumError('STOPPED', `This runtime is closed: ${what} was not started`)
}

function checkMainThread(): void {
  if (isMainThread) return
  throw new TerrariumError('INVALID_ARGUMENT', 'A runtime can only be opened in the main thread', {
    hint: 'The processes of a worker thread end with the thread. Open the runtime in the main thread and pass messages.',
  })
}

// An option that is missing here does not compile.
const OPTIONS: Readonly<Record<keyof RuntimeOptions, true>> = {
  python: true,
  stateDir: true,
  logger: true,
  containment: true,
  reapInterval: true,
}

/** Throws INVALID_ARGUMENT, naming every mistake at once. */
function checkOptions(options: unknown): void {
  const check = new Checker()
  if (check.object('options', options, OPTIONS)) {
    check.known(options, OPTIONS)
    check.required(options, 'python', isAbsolutePath, 'the absolute path of a Python interpreter')
    checkPath(check, options, 'stateDir', 'the path of a folder')
    checkLogger(check, options)
    checkContainment(check, options)
    checkMs(check, options, 'reapInterval', 1)
  }
  check.finish('runtime options')
}

const isAbsolutePath = (path: unknown): boolean => typeof path === 'string' && isAbsolute(path)

function checkPython(python: string): void {
  try {
    accessSync(python, constants.X_OK)
  } catch (error) {
    throw new TerrariumError('CONFIGURATION', `${python} is not an executable this user may run`, {
      hint: 'Give the absolute path that `python3 -c "import sys; print(sys.executable)"` prints.',
      cause: error,
    })
  }
}
