// The one implementation of a runtime: its processes are children of its shepherd, which is a child of this host.
import { ASYNC_DISPOSE, Checker, KeepAlive, TerrariumError } from '@terrarium/supervisor/base'
import { checkEnv } from './check-options.ts'
import type { AnyLogger } from './guarded-logger.ts'
import { UNKILLABLE_MS, type OsProcess, type SignalName, type SpawnRequest } from './life/os-process.ts'
import type { ReservationLog } from './log/log.ts'
import { patience } from './pacing/patience.ts'
import { startBudget } from './pacing/start-budget.ts'
import { removeRun, removeRuntimeDirectory, type Owner } from './run.ts'
import type { RunFolders } from './run-folders.ts'
import type { CloseResult, Runtime, RuntimeOptions } from './runtime.ts'
import type { Containment, ContainmentResult } from './shepherd/containment.ts'
import { launch, type LaunchRequest } from './shepherd/launch.ts'
import { Shepherds } from './shepherd/shepherds.ts'
import { Spawns } from './spawns.ts'
import { Reaper } from './sweep/reaper.ts'
import { sweepDeadRuns, type SweepResult } from './sweep/sweep.ts'
import { killStrays, locksOf, type HelperDependencies } from './sweep/sweep-helper.ts'
import type { Identity } from './table/identity.ts'
import { findTagged, processTable } from './table/table.ts'

/** How long `close()` waits for the proof that nothing is left, in ms. */
const PROOF_MS = 5000
/** Time between two scans meanwhile, in ms. */
const SCAN_AGAIN_MS = 20
/** How long `close()` waits for starts that are under way, in ms: twice what the shepherd gives a start. */
const START_MS = 10_000

interface Dependencies extends RuntimeOptions {
  readonly stateDir: string
  readonly owner: Owner
  readonly folders: RunFolders
  readonly log: ReservationLog
  readonly logger: AnyLogger
  readonly containment: Containment | 'auto'
}

export class ShepherdedRuntime implements Runtime {
  readonly runId: string
  readonly installation: string
  readonly directory: string
  readonly stateDir: string
  readonly swept: Promise<SweepResult>
  signalled: { readonly signal: SignalName; readonly at: number } | undefined
  readonly #dependencies: Dependencies
  readonly #spawns: Spawns
  readonly #shepherds: Shepherds
  readonly #reaper: Reaper
  readonly #starting = new Set<Promise<unknown>>()
  readonly #keepAlive = new KeepAlive()
  /** The spawns that are sweep helpers: `close()` needs them itself. */
  readonly #helpers = new Set<string>()
  #sweeping: Promise<SweepResult> | undefined
  #closing: Promise<CloseResult> | undefined

  constructor(dependencies: Dependencies) {
    const { owner, stateDir, log, logger, python, folders, containment } = dependencies
    this.#dependencies = dependencies
    this.runId = owner.run
    this.installation = owner.installation
    this.directory = owner.runtimeDirectory
    this.stateDir = stateDir
    this.#spawns = new Spawns({
      stateDir,
      owner,
      log,
      logger,
      cleared: (spawn, orphaned) => {
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
      interval: dependencies.reapInterval ?? 1000,
    })
    const onSignal = (signal: SignalName): void => {
      this.signalled = { signal, at: performance.now() }
      logger.debug({ signal }, 'the application was signalled')
    }
    this.#shepherds = new Shepherds({ python, owner, folders, containment, spawns: this.#spawns, logger, onSignal })
    // Started early, to be there at the first spawn. An error is told by that spawn.
    this.#track(this.#shepherds.shepherd()).catch(() => undefined)
    this.swept = this.sweep()
    this.swept.catch((error: unknown) => {
      logger.warn({ err: error }, 'the sweep of dead runs failed; the next run will look again')
    })
  }

  ensureDirectory(): void {
    if (this.#closing !== undefined) throw closed('its folder')
    this.#dependencies.folders.ensureRuntimeDirectory()
  }

  /** Call it when the directory of the run had to be made again. */
  remade(directory: string): void {
    void this.#shepherds.remade(directory)
  }

  containment(): Promise<ContainmentResult> {
    return this.#closing === undefined
      ? this.#track(this.#shepherds.containment())
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
      logger: this.#dependencies.logger,
      kill: (targets) => this.#killStrays(targets),
      locks: (folders) => locksOf(this.#helper, folders),
    }).finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  census(): readonly Identity[] {
    return this.#scan().filter(({ spawn }) => !this.#shepherds.has(spawn))
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
    this.#shepherds.setReferenced(false)
    this.#keepAlive.unref()
  }

  ref(): void {
    this.#shepherds.setReferenced(true)
    this.#keepAlive.ref()
  }

  async #close(): Promise<CloseResult> {
    startBudget().dismiss(this)
    this.#shepherds.resume()
    await Promise.race([Promise.allSettled([this.#sweeping, ...this.#starting]), patience(START_MS)])
    const strays = this.#reaper.killed
    const alive = this.#spawns
      .processes()
      .filter(({ spawnId }) => !this.#shepherds.has(spawnId) && !this.#helpers.has(spawnId))
    const exits = await Promise.all(
      alive.map((process) => Promise.race([process.kill(), patience(UNKILLABLE_MS + 100)])),
    )
    // What the processes have left behind may end by itself for a moment: the shepherd waits for that.
    await Promise.race([this.#spawns.whenCleared((spawn) => !this.#shepherds.has(spawn)), patience(UNKILLABLE_MS)])
    await Promise.race([this.#shepherds.close(), patience(UNKILLABLE_MS)])
    await this.#reaper.finish(PROOF_MS)
    const left = await this.#left()
    const unreleased = this.#spawns.ids().filter((spawn) => !this.#shepherds.has(spawn)).length
    await this.#dependencies.log.close()
    this.#dependencies.folders.close()
    removeRuntimeDirectory(this.#dependencies.owner)
    if (unreleased === 0 && left.length === 0) removeRun(this.stateDir, this.runId)
    else
      this.#dependencies.logger.error({ unreleased, left }, 'closed with processes left; the next run will look again')
    const killed =
      exits.filter((status) => status?.requested === 'kill' && !status.unkillable).length + this.#reaper.killed - strays
    return { killed, unreleased, left }
  }

  /** The processes of this run that have not exited although all are killed, after a wait for those about to exit. */
  async #left(): Promise<Identity[]> {
    const end = performance.now() + PROOF_MS
    for (;;) {
      const left = this.#scan()
      const held = new Set(this.unkillable().map(({ spawn }) => spawn))
      // A process that this run has not started is not killed. The shepherd stays with what the kernel holds.
      const isProven = ({ spawn }: Identity): boolean =>
        !this.#spawns.has(spawn) || held.has(spawn) || (held.size > 0 && this.#shepherds.has(spawn))
      if (left.every(isProven) || performance.now() > end) return left
      await new Promise((resolve) => setTimeout(resolve, SCAN_AGAIN_MS))
    }
  }

  async #start(request: SpawnRequest): Promise<OsProcess> {
    const check = new Checker()
    checkEnv(check, { env: request.env })
    check.finish(`environment of ${request.name}`)
    const start = async (complete: LaunchRequest) => (await this.#shepherds.shepherd()).launch(complete)
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

  /** All processes that carry a spawn tag of this run. */
  #scan(): Identity[] {
    return findTagged({ installation: this.installation, run: this.runId })
  }

  #killStrays(targets: readonly Identity[]) {
    return killStrays(this.#helper, targets)
  }

  get #helper(): HelperDependencies {
    const { python, logger } = this.#dependencies
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
