import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { destination, pino, type Logger } from 'pino'
import { ASYNC_DISPOSE, KeepAlive, TerrariumError, type Stoppable } from '@terrarium/supervisor'
import { wantedContainment, type Containment, type ContainmentReport } from './shepherd/containment.ts'
import { killStrays, type StartHelper } from './sweep/helper.ts'
import type { Identity } from './table/identity.ts'
import { launch, type LaunchRequest } from './shepherd/launch.ts'
import { ReservationLog } from './log/log.ts'
import { UNKILLABLE_MS, type OsProcess, type SpawnRequest } from './os-process.ts'
import { patience } from './pacing/patience.ts'
import { startBudget } from './pacing/start-budget.ts'
import { shepherdFiles } from './python-files.ts'
import { Reaper } from './sweep/reaper.ts'
import { createRun, removeRun, removeRuntimeDirectory, type Owner } from './run.ts'
import { Spawns } from './spawns.ts'
import { openInstallation, resolveStateDir, stateError, usingState } from './state.ts'
import { sweepDeadRuns, type SweepReport } from './sweep/sweep.ts'
import { findMarked, processTable } from './table/table.ts'
import { Tending } from './shepherd/tending.ts'

export interface RuntimeOptions {
  /** Absolute path of a real Python interpreter (not a shim): it runs the shepherd and the sweep helper. */
  readonly python: string
  /** Default: TERRARIUM_STATE_DIR, XDG_STATE_HOME/terrarium, or ~/.local/state/terrarium. Local to this machine. */
  readonly stateDir?: string | undefined
  /** Default: warnings and errors, to standard error. */
  readonly logger?: Logger | undefined
  /**
   * What is to hold the processes together. Default: TERRARIUM_CONTAINMENT, or `auto`, the best that this system has. One that is
   * demanded and missing is an error, never replaced.
   */
  readonly containment?: Containment | 'auto' | undefined
  /** How often to look again at what resists its end, ms. Default 1000. */
  readonly reapInterval?: number | undefined
}

export interface CloseReport {
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
  /** A private (0700) folder for sockets; `<directory>/host.sock` fits into a socket address. */
  readonly directory: string
  readonly stateDir: string
  /** The sweep that {@link openRuntime} began. */
  readonly swept: Promise<SweepReport>
  /** What holds the processes together, and why it is nothing better. Errors: START_FAILED, STOPPED. */
  containment(): Promise<ContainmentReport>
  /**
   * Starts a process. Its reservation is on disk before. Errors: CONFIGURATION (it can never start), START_FAILED (the system
   * refuses now), INVALID_ARGUMENT, STOPPED.
   */
  spawn(request: SpawnRequest): Promise<OsProcess>
  /** Ends what dead runs of this installation have left. */
  sweep(): Promise<SweepReport>
  /** The processes of this run that are alive now, by scanning the system; its shepherd is not among them. */
  census(): readonly Identity[]
  /** Processes that SIGKILL has not ended: the kernel holds them, and their reservations stay until it lets them go. */
  unkillable(): readonly Identity[]
  /** Kills what is left, proves it dead, and removes what this run has on disk. Never rejects because of a process. */
  close(): Promise<CloseReport>
  /**
   * Lets the host process end by itself while processes run; they end with it. What is being started or closed holds it until then.
   */
  unref(): void
  /** Takes back {@link unref}. */
  ref(): void
}

const PROOF_MS = 5000
/** Closing waits so long for what is being started: twice what the shepherd gives a start. */
const START_MS = 10_000

/**
 * Opens a run and begins, in the background, to sweep dead ones. Errors: INVALID_ARGUMENT (options, state directory),
 * CONFIGURATION (system not supported, no /proc, containment missing, this package incomplete), LOG_DAMAGED (installation id).
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  processTable().check()
  checkMainThread()
  checkPython(options.python)
  shepherdFiles() // throws where they are missing
  const containment = wantedContainment(options.containment)
  const stateDir = resolveStateDir(options.stateDir)
  const installation = openInstallation(stateDir)
  const { owner, directory } = usingState(stateDir, () => createRun(stateDir, installation))
  const logger = (options.logger ?? pino({ level: 'warn' }, destination(2))).child({ run: owner.run })
  let runtime: ShepherdedRuntime
  try {
    const log = await ReservationLog.create(join(directory, 'log'), owner)
    runtime = new ShepherdedRuntime({ ...options, stateDir, owner, directory, log, logger, containment })
  } catch (error) {
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
  readonly directory: string
  readonly log: ReservationLog
  readonly logger: Logger
  readonly containment: Containment | 'auto'
}

/** A runtime whose processes are children of its shepherd, which is a child of this very process. */
class ShepherdedRuntime implements Runtime {
  readonly runId: string
  readonly installation: string
  readonly directory: string
  readonly stateDir: string
  readonly swept: Promise<SweepReport>
  readonly #parts: Parts
  readonly #spawns: Spawns
  readonly #tending: Tending
  readonly #reaper: Reaper
  readonly #starting = new Set<Promise<unknown>>()
  readonly #keepAlive = new KeepAlive()
  /** The spawns that are sweep helpers, which closing needs itself. */
  readonly #helpers = new Set<string>()
  #sweeping: Promise<SweepReport> | undefined
  #closing: Promise<CloseReport> | undefined

  constructor(parts: Parts) {
    const { owner, stateDir, log, logger, python, directory, containment } = parts
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
        this.#reaper.bury(spawn, orphaned)
      },
    })
    this.#reaper = new Reaper({
      scan: () => this.#scan(),
      scanMarks: (spawns) => {
        const { installation, run } = owner
        return processTable().scanMarks(spawns.map((spawn) => ({ installation, run, spawn })))
      },
      kill: (strays) => this.#killStrays(strays),
      knows: (spawn) => this.#spawns.has(spawn),
      release: (spawn) => this.#spawns.release(spawn),
      logger,
      interval: parts.reapInterval ?? 1000,
    })
    this.#tending = new Tending({ python, owner, runDirectory: directory, containment, spawns: this.#spawns, logger })
    // Early, so that it is there when the first process is to start, which will say so if it is not.
    this.#track(this.#tending.shepherd()).catch(() => undefined)
    this.swept = this.sweep()
    this.swept.catch((error: unknown) => {
      logger.warn({ err: error }, 'the sweep of dead runs failed; the next run will look again')
    })
  }

  containment(): Promise<ContainmentReport> {
    return this.#closing === undefined
      ? this.#track(this.#tending.containment())
      : Promise.reject(closed('containment'))
  }

  spawn(request: SpawnRequest): Promise<OsProcess> {
    return this.#closing === undefined ? this.#track(this.#start(request)) : Promise.reject(closed(request.name))
  }

  sweep(): Promise<SweepReport> {
    this.#sweeping ??= sweepDeadRuns({
      stateDir: this.stateDir,
      installation: this.installation,
      run: this.runId,
      logger: this.#parts.logger,
      kill: (targets) => this.#killStrays(targets),
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

  close(): Promise<CloseReport> {
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

  async #close(): Promise<CloseReport> {
    startBudget().dismiss(this)
    this.#tending.rouse()
    await Promise.race([Promise.allSettled([this.#sweeping, ...this.#starting]), patience(START_MS)])
    const strays = this.#reaper.killed
    const alive = this.#spawns
      .processes()
      .filter(({ spawnId }) => !this.#tending.has(spawnId) && !this.#helpers.has(spawnId))
    const exits = await Promise.all(
      alive.map((process) => Promise.race([process.kill(), patience(UNKILLABLE_MS + 100)])),
    )
    await Promise.race([this.#tending.close(), patience(UNKILLABLE_MS)])
    await this.#reaper.finish(PROOF_MS)
    const left = this.#scan()
    const unreleased = this.#spawns.ids().filter((spawn) => !this.#tending.has(spawn)).length
    await this.#parts.log.close()
    removeRuntimeDirectory(this.#parts.owner)
    if (unreleased === 0 && left.length === 0) removeRun(this.stateDir, this.runId)
    else this.#parts.logger.error({ unreleased, left }, 'closed with processes left; the next run will look again')
    const killed =
      exits.filter((status) => status?.requested === 'kill' && !status.unkillable).length + this.#reaper.killed - strays
    return { killed, unreleased, left }
  }

  async #start(request: SpawnRequest): Promise<OsProcess> {
    const start = async (complete: LaunchRequest) => (await this.#tending.shepherd()).launch(complete)
    if (request.paced !== true) return (await this.#spawns.begin(request, start)).process
    const turn = await startBudget().turn(this, request.signal)
    try {
      const { process } = await this.#spawns.begin(request, start)
      turn.began(process.pid)
      void process.started.then(turn.over)
      return process
    } catch (error) {
      turn.over()
      throw error
    }
  }

  /** Whatever carries a marker of this run. */
  #scan(): Identity[] {
    return findMarked({ installation: this.installation, run: this.runId })
  }

  #killStrays(targets: readonly Identity[]) {
    const { python, logger } = this.#parts
    const start: StartHelper = async (request, input) => {
      const onReserved = (spawn: string): void => void this.#helpers.add(spawn)
      const { process, launched } = await this.#spawns.begin({ ...request, onReserved }, launch)
      void process.released.then(() => this.#helpers.delete(process.spawnId))
      launched.stdin.end(input)
      return process
    }
    return killStrays(start, python, targets, logger)
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

function checkPython(python: string): void {
  const hint = 'Give the absolute path that `python3 -c "import sys; print(sys.executable)"` prints.'
  if (!isAbsolute(python)) throw new TerrariumError('INVALID_ARGUMENT', `python must be absolute: ${python}`, { hint })
  try {
    accessSync(python, constants.X_OK)
  } catch (error) {
    throw new TerrariumError('CONFIGURATION', `${python} is no program that this user may run`, { hint, cause: error })
  }
}
