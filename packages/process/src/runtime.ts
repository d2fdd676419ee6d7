import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { destination, pino, type Logger } from 'pino'
import { TerrariumError } from '@terrarium/supervisor'
import { killStrays, type StartHelper } from './helper.ts'
import { formatMarker, HOST_VARIABLE, MARKER, MARKER_VARIABLE, type Identity } from './identity.ts'
import { launch, type Launched, type LaunchRequest } from './launch.ts'
import { ReservationLog, type Reservation } from './log.ts'
import { ManagedProcess, UNKILLABLE_MS, type OsProcess, type SpawnRequest } from './os-process.ts'
import { pythonHome } from './python-home.ts'
import { Reaper } from './reaper.ts'
import { createRun, removeRun, removeRuntimeDirectory, type Owner } from './run.ts'
import { Shepherd } from './shepherd.ts'
import { openInstallation, resolveStateDir, stateError, usingState } from './state.ts'
import { sweepDeadRuns, type SweepReport } from './sweep.ts'
import { findMarked, processTable } from './table.ts'

export interface RuntimeOptions {
  /** Absolute path of a real Python interpreter (not a shim): it runs the shepherd and the sweep helper. */
  readonly python: string
  /** Default: TERRARIUM_STATE_DIR, XDG_STATE_HOME/terrarium, or ~/.local/state/terrarium. Local to this machine. */
  readonly stateDir?: string | undefined
  /** Default: warnings and errors, to standard error. */
  readonly logger?: Logger | undefined
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
export interface Runtime {
  /** Seven of a-z and 0-9. */
  readonly runId: string
  readonly installation: string
  /** A private (0700) folder for sockets; `<directory>/host.sock` fits into a socket address. */
  readonly directory: string
  readonly stateDir: string
  /** The sweep that {@link openRuntime} began. */
  readonly swept: Promise<SweepReport>
  /**
   * Starts a process. Its reservation is on disk before. Errors: CONFIGURATION (it can never start), START_FAILED (the system
   * refuses now), INVALID_ARGUMENT, STOPPED.
   */
  spawn(request: SpawnRequest): Promise<OsProcess>
  /** Ends what dead runs of this installation have left. */
  sweep(): Promise<SweepReport>
  /** The processes of this run that are alive now, by scanning the system; its shepherd is not among them. */
  census(): readonly Identity[]
  /** Kills what is left, proves it dead, and removes what this run has on disk. Never rejects because of a process. */
  close(): Promise<CloseReport>
}

interface Entry {
  reservation: Reservation
  process?: ManagedProcess
  readonly release: () => void
}

const PROOF_MS = 5000

/**
 * Opens a run and begins, in the background, to sweep dead ones. Errors: INVALID_ARGUMENT (options, state directory),
 * CONFIGURATION (system not supported), LOG_DAMAGED (installation id).
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  processTable()
  checkMainThread()
  checkPython(options.python)
  const stateDir = resolveStateDir(options.stateDir)
  const installation = openInstallation(stateDir)
  const { owner, directory } = usingState(stateDir, () => createRun(stateDir, installation))
  const logger = (options.logger ?? pino({ level: 'warn' }, destination(2))).child({ run: owner.run })
  try {
    const log = await ReservationLog.create(join(directory, 'log'))
    return new ShepherdedRuntime({ ...options, stateDir, owner, log, logger })
  } catch (error) {
    removeRuntimeDirectory(owner)
    removeRun(stateDir, owner.run)
    throw stateError(stateDir, error)
  }
}

interface Parts extends RuntimeOptions {
  readonly stateDir: string
  readonly owner: Owner
  readonly log: ReservationLog
  readonly logger: Logger
}

/** A runtime whose processes are children of its shepherd, which is a child of this very process. */
class ShepherdedRuntime implements Runtime {
  readonly runId: string
  readonly installation: string
  readonly directory: string
  readonly stateDir: string
  readonly swept: Promise<SweepReport>
  readonly #parts: Parts
  readonly #reaper: Reaper
  readonly #entries = new Map<string, Entry>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #shepherds = new Set<string>()
  #counter = 0
  #shepherd: Promise<Shepherd> | undefined
  #sweeping: Promise<SweepReport> | undefined
  #closing: Promise<CloseReport> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.runId = parts.owner.run
    this.installation = parts.owner.installation
    this.directory = parts.owner.runtimeDirectory
    this.stateDir = parts.stateDir
    this.#reaper = new Reaper({
      scan: () => this.#scan(),
      kill: (strays) => this.#killStrays(strays),
      knows: (spawn) => this.#entries.has(spawn),
      release: (spawn) => this.#release(spawn),
      logger: parts.logger,
      interval: parts.reapInterval ?? 1000,
    })
    // Early, so that it is there when the first process is to start, which will say so if it is not.
    this.#tended().catch(() => undefined)
    this.swept = this.sweep()
    this.swept.catch((error: unknown) => {
      parts.logger.error({ err: error }, 'the sweep of dead runs failed')
    })
  }

  spawn(request: SpawnRequest): Promise<OsProcess> {
    if (this.#closing !== undefined) {
      return Promise.reject(new TerrariumError('STOPPED', `This runtime is closed: ${request.name} was not started`))
    }
    return this.#track(this.#start(request))
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
    return this.#scan().filter(({ spawn }) => !this.#shepherds.has(spawn))
  }

  close(): Promise<CloseReport> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<CloseReport> {
    await Promise.allSettled([this.#sweeping, ...this.#starting])
    const strays = this.#reaper.killed
    const alive = [...this.#entries.values()].flatMap(({ process }) =>
      process === undefined || process.hasEnded || this.#shepherds.has(process.spawnId) ? [] : process,
    )
    const exits = await Promise.all(
      alive.map((process) => Promise.race([process.kill(), patience(UNKILLABLE_MS + 100)])),
    )
    const shepherd = await this.#shepherd?.catch(() => undefined)
    await Promise.race([shepherd?.close(), patience(UNKILLABLE_MS)])
    await this.#reaper.finish(PROOF_MS)
    const left = this.#scan()
    const unreleased = [...this.#entries.keys()].filter((spawn) => !this.#shepherds.has(spawn)).length
    await this.#parts.log.close()
    removeRuntimeDirectory(this.#parts.owner)
    if (unreleased === 0 && left.length === 0) removeRun(this.stateDir, this.runId)
    else this.#parts.logger.error({ unreleased, left }, 'closed with processes left; the next run will look again')
    const killed = exits.filter((status) => status?.requested === 'kill').length + this.#reaper.killed - strays
    return { killed, unreleased, left }
  }

  /** The shepherd, or a new one if there is none. */
  #tended(): Promise<Shepherd> {
    this.#shepherd ??= this.#track(this.#hire())
    return this.#shepherd
  }

  async #hire(): Promise<Shepherd> {
    const script = join(pythonHome(), 'terrarium', '_shepherd.py')
    const request = {
      name: 'shepherd',
      command: this.#parts.python,
      args: ['-I', '-S', script, MARKER],
      onReserved: (spawn: string) => this.#shepherds.add(spawn),
    }
    const quit = (): void => {
      this.#shepherd = undefined
    }
    try {
      const { process, launched } = await this.#begin(request, launch)
      void process.exited.then(({ code, signal, tail }) => {
        quit()
        if (this.#closing !== undefined) return
        this.#parts.logger.error({ code, signal, tail }, 'the shepherd has died, and with it all processes of this run')
      })
      return await Shepherd.start(launched, join(this.directory, `s${this.#counter}.sock`))
    } catch (error) {
      quit()
      throw error
    }
  }

  async #start(request: SpawnRequest): Promise<OsProcess> {
    return (await this.#begin(request, async (complete) => (await this.#tended()).launch(complete))).process
  }

  async #begin<L extends Launched>(
    request: SpawnRequest,
    start: (complete: LaunchRequest) => Promise<L>,
  ): Promise<{ process: ManagedProcess; launched: L }> {
    const spawn = `${++this.#counter}-${randomBytes(8).toString('hex')}`
    const args = placeMarker(request.args, this.runId, spawn)
    const marker = { installation: this.installation, run: this.runId, spawn }
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const entry: Entry = { reservation: { spawn, name: request.name, state: 'reserved', at: Date.now() }, release }
    this.#entries.set(spawn, entry)
    try {
      await this.#parts.log.reserve(entry.reservation).catch((error: unknown) => {
        throw stateError(this.stateDir, error)
      })
      request.onReserved?.(spawn)
      const launched = await start({
        spawn,
        command: request.command,
        args,
        cwd: request.cwd,
        env: {
          ...process.env,
          ...request.env,
          [MARKER_VARIABLE]: formatMarker(marker),
          [HOST_VARIABLE]: String(process.pid),
        },
      })
      const { pid, startTicks } = launched
      entry.reservation = { ...entry.reservation, pid, startTicks }
      const identity = { pid, startTicks, bootId: this.#parts.owner.bootId, ...marker }
      const managed = new ManagedProcess(launched, identity, released, {
        logger: this.#parts.logger,
        activate: () => this.#note(entry, 'active'),
        unkillable: () => {
          this.#parts.logger.error({ identity, name: request.name }, 'unkillable: SIGKILL is pending in the kernel')
          void this.#note(entry, 'unkillable')
        },
      })
      entry.process = managed
      void managed.exited.then(() => {
        this.#reaper.bury(spawn)
      })
      return { process: managed, launched }
    } catch (error) {
      await this.#release(spawn)
      throw error
    }
  }

  /** Whatever carries a marker of this run. */
  #scan(): Identity[] {
    return findMarked({ installation: this.installation, run: this.runId })
  }

  async #note(entry: Entry, state: Reservation['state']): Promise<void> {
    entry.reservation = { ...entry.reservation, state }
    await this.#parts.log.update(entry.reservation)
  }

  async #release(spawn: string): Promise<void> {
    const entry = this.#entries.get(spawn)
    this.#entries.delete(spawn)
    try {
      await this.#parts.log.release(spawn)
    } catch (error) {
      this.#parts.logger.error({ err: error, spawn }, 'a released reservation stays in the log')
    }
    entry?.release()
  }

  #killStrays(targets: readonly Identity[]) {
    const { python, logger } = this.#parts
    const start: StartHelper = async (request, input) => {
      const { process, launched } = await this.#begin(request, launch)
      launched.stdin.end(input)
      return process
    }
    return killStrays(start, python, targets, logger)
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#starting.add(work)
    const done = () => this.#starting.delete(work)
    work.then(done, done)
    return work
  }
}

function placeMarker(args: readonly string[], run: string, spawn: string): string[] {
  const at = args.indexOf(MARKER)
  if (at === -1) return [...args]
  if (args.includes(MARKER, at + 1)) throw new TerrariumError('INVALID_ARGUMENT', `${MARKER} is given more than once`)
  return [...args.slice(0, at), '--terrarium-run', run, '--terrarium-spawn', spawn, ...args.slice(at + 1)]
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

async function patience(ms: number): Promise<undefined> {
  // The processes waited for keep the event loop alive, not the wait.
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref())
}
