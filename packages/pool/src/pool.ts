import type { FailureInfo } from '@terrarium/supervisor'
import {
  ASYNC_DISPOSE,
  GuardedClock,
  isTerrariumError,
  KeepAlive,
  Listeners,
  messageOf,
  ReferencedClock,
  reportOnce,
  showSite,
  siteAbove,
  systemClock,
  TerrariumError,
  type ExitReason,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { EnvironmentWatch, guardLogger, type AnyLogger } from '@terrarium/process'
import { ValueCodec, type WorkerOutput, type WorkerRef } from '@terrarium/worker'
import type { Pool, PoolEvents, PoolStats, PoolStatus, StopReport, WorkerInfo } from './api.ts'
import { callSite } from './call-site.ts'
import { requestOf } from './call-request.ts'
import { Dispatcher } from './dispatcher.ts'
import { openHouse, type House } from './house.ts'
import { noteName } from './names.ts'
import { ownPoolOptions } from './own-options.ts'
import { validatePoolOptions, type CallOptions, type PoolOptions } from './options.ts'
import { outputTo } from './output.ts'
import { Slot } from './slot.ts'

/** Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing. */
export function createPool(options: PoolOptions): Pool {
  const own = ownPoolOptions(options)
  validatePoolOptions(own)
  return new SupervisedPool(own)
}

// An event that is missing here does not compile.
const EVENTS: Readonly<Record<keyof PoolEvents, true>> = {
  'worker.start': true,
  'worker.ready': true,
  'worker.exit': true,
  'worker.backoff': true,
  'worker.parked': true,
  'worker.unparked': true,
  'worker.output': true,
  'call.retry': true,
}

class SupervisedPool implements Pool {
  readonly name: string
  readonly #options: PoolOptions
  readonly #clock: ReferencedClock
  readonly #keepAlive = new KeepAlive()
  readonly #logger: AnyLogger
  readonly #listeners = new Listeners<PoolEvents>(EVENTS, (event, err) => {
    this.#logger.error({ err }, `a listener for ${event} failed`)
  })
  readonly #codec: ValueCodec
  readonly #slots: readonly Slot[]
  readonly #dispatcher: Dispatcher
  readonly #watch: EnvironmentWatch
  #status: PoolStatus = 'idle'
  #starts = 0
  #crashes = 0
  #opening: Promise<House> | undefined
  #house: House | undefined
  /** While start() waits for the workers. */
  #starting: { resolve: () => void; reject: (error: TerrariumError) => void } | undefined
  #stopping: Promise<StopReport> | undefined
  /** Why a worker was parked last. */
  #parkedBecause: TerrariumError | undefined
  /** Why the pool has ended without being asked to. */
  #overBecause: TerrariumError | undefined
  #isReferenced = true
  #forgetName = (): void => undefined
  readonly #print: ((output: WorkerOutput) => void) | undefined

  constructor(options: PoolOptions) {
    this.name = options.name
    this.#options = options
    this.#logger = guardLogger(options.logger, { pool: options.name })
    this.#clock = new ReferencedClock(options.clock === undefined ? systemClock : this.#guarded(options.clock))
    this.#codec = new ValueCodec(options.types)
    this.#print = outputTo(options.output ?? (options.logger === undefined ? 'stderr' : 'log'), this.#logger)
    this.#slots = Array.from({ length: options.size ?? 1 }, (_, index) => new Slot(`worker-${index + 1}`))
    this.#dispatcher = new Dispatcher({
      pool: options.name,
      slots: this.#slots,
      clock: this.#clock,
      concurrency: options.concurrency ?? 1,
      queueLimit: options.queueLimit ?? 10_000,
      maxDeaths: options.maxDeaths ?? 3,
      cancelGrace: options.cancelGrace ?? 250,
      keepAlive: this.#keepAlive,
      onRetry: ({ tool, attempts }, slot) => {
        this.#tell('call.retry', { tool, attempts, worker: slot.id })
      },
    })
    this.#watch = new EnvironmentWatch({
      clock: this.#clock,
      changed: () => {
        this.#probe()
      },
      onError: (err) => {
        this.#logger.error({ err }, 'the watch of the environment failed')
      },
    })
  }

  get status(): PoolStatus {
    return this.#status
  }

  get workers(): readonly WorkerInfo[] {
    return this.#slots.map((slot) => ({
      id: slot.id,
      state: slot.session !== undefined ? 'ready' : slot.parked !== undefined ? 'parked' : 'down',
      pid: slot.pid,
      inFlight: slot.inFlight,
      error: slot.parked,
    }))
  }

  get stats(): PoolStats {
    return {
      ...this.#dispatcher.counts,
      queued: this.#dispatcher.queued,
      inFlight: this.#dispatcher.inFlight,
      ready: this.#slots.filter(({ session }) => session !== undefined).length,
      starts: this.#starts,
      crashes: this.#crashes,
    }
  }

  on<E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]): void {
    this.#listeners.on(event, listener)
  }

  off<E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]): void {
    this.#listeners.off(event, listener)
  }

  // A property, for the same reason as `call`.
  readonly start = async (): Promise<void> => {
    const site = siteAbove(this.start)
    try {
      await this.#keepAlive.during(this.#start())
    } catch (error) {
      // It was made where a worker failed, which tells less than where the pool was started.
      if (site !== undefined && isTerrariumError(error)) showSite(error, site)
      throw error
    }
  }

  async #start(): Promise<void> {
    if (this.#status !== 'idle') {
      throw new TerrariumError('INVALID_ARGUMENT', `pool ${this.name} cannot be started: it is ${this.#status}`, {
        hint: 'Make a new pool with createPool().',
      })
    }
    this.#status = 'starting'
    this.#forgetName = noteName(this.name, this.#logger)
    const allReady = new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject }
    })
    allReady.catch(() => undefined) // awaited below, unless opening the house fails first
    try {
      this.#opening = openHouse(this.#options, this.#slots, this.#codec, this.#clock, this.#logger, (output) => {
        this.#printed(output)
      })
      const house = await this.#opening
      if (this.#stopping !== undefined) throw this.#notRunning()
      this.#house = house
      house.setReferenced(this.#isReferenced)
      this.#listen(house)
      await house.supervisor.start()
    } catch (cause) {
      this.#starting = undefined
      const error = isTerrariumError(cause)
        ? cause
        : new TerrariumError('START_FAILED', `pool ${this.name} cannot start: ${messageOf(cause)}`, { cause })
      if (this.#stopping === undefined) {
        this.#forgetName()
        this.#status = 'idle'
        this.#dispatcher.rejectWaiting(error)
        const house = this.#house
        this.#house = undefined
        await house?.close()
      }
      throw error
    }
    await allReady
  }

  // A property, so that it can be named as the function above which a call was made.
  readonly call = async <T = unknown>(
    tool: string,
    args: Record<string, unknown> = {},
    options: CallOptions = {},
  ): Promise<T> => {
    const request = requestOf(this.#codec, tool, args, options)
    // From here on no code of the user's runs before the call is accounted for: a getter may have stopped this pool.
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    const site = callSite(this.call)
    try {
      return (await new Promise<unknown>((resolve, reject) => {
        this.#dispatcher.accept(request, site, { resolve, reject })
      })) as T
    } catch (error) {
      // V8 knows which async functions wait for this one.
      const awaited = site === undefined ? siteAbove(this.call) : undefined
      if (awaited !== undefined && isTerrariumError(error)) showSite(error, awaited)
      throw error
    }
  }

  kill(worker?: string): { readonly worker: string; readonly pid: number } | undefined {
    const known = this.#slots.map(({ id }) => id)
    if (worker !== undefined && !known.includes(worker)) {
      throw new TerrariumError('INVALID_ARGUMENT', `pool ${this.name} has no worker ${messageOf(worker)}`, {
        hint: `Name one of ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}.`,
        details: { pool: this.name, worker },
      })
    }
    const slot = this.#slots.find(
      ({ id, session, inFlight }) => session !== undefined && (worker === undefined ? inFlight > 0 : id === worker),
    )
    if (slot?.pid === undefined) return undefined
    const { id, pid } = slot
    slot.kill(
      new TerrariumError('WORKER_CRASHED', `worker ${this.name}/${id} was killed in a drill`, {
        details: { worker: id, pid, signal: 'SIGKILL' },
      }),
    )
    return { worker: id, pid }
  }

  stop(): Promise<StopReport> {
    this.#stopping ??= this.#keepAlive.during(this.#stop())
    return this.#stopping
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.stop().then(() => undefined)
  }

  unref(): this {
    return this.#setReferenced(false)
  }

  ref(): this {
    return this.#setReferenced(true)
  }

  #setReferenced(isReferenced: boolean): this {
    this.#isReferenced = isReferenced
    for (const each of [this.#clock, this.#keepAlive]) {
      if (isReferenced) each.ref()
      else each.unref()
    }
    this.#house?.setReferenced(isReferenced)
    process.off('beforeExit', this.#stopAtEnd)
    if (!isReferenced && this.#status !== 'stopped') process.once('beforeExit', this.#stopAtEnd)
    return this
  }

  /** Nothing is left to do in this process: what an unreferenced pool has started ends in order, too. */
  readonly #stopAtEnd = (): void => {
    void this.stop()
  }

  async #stop(): Promise<StopReport> {
    this.#status = 'stopping'
    this.#watch.stop()
    const stopped = this.#overBecause ?? new TerrariumError('STOPPED', `pool ${this.name} was stopped`)
    this.#dispatcher.rejectWaiting(stopped)
    const drained = this.#dispatcher.drain(this.#options.drainTimeout ?? 5_000, stopped)
    this.#starting?.reject(stopped)
    this.#starting = undefined
    try {
      const house = await this.#opening?.catch(() => undefined) // start() rejects with the reason
      await drained
      const { left } = (await house?.close()) ?? { left: [] }
      if (left.length > 0) this.#logger.error({ left }, 'processes are left')
      return { processesLeft: left.length }
    } finally {
      this.#status = 'stopped'
      this.#forgetName()
      process.off('beforeExit', this.#stopAtEnd)
      // Nothing is left here unless closing has failed: every call is settled, whatever else is not as it should be.
      for (const slot of this.#slots) slot.ended(stopped)
      this.#dispatcher.rejectWaiting(stopped)
    }
  }

  #guarded(clock: SupervisorClock): SupervisorClock {
    const report = reportOnce((what, err) => {
      this.#logger.error({ err }, what)
    })
    return new GuardedClock(clock, (method, error) => {
      report(`clock.${method}() of pool ${this.name} failed`, error)
    })
  }

  /** What a worker has said is said: nothing is printed and nobody is told once `stop()` has resolved. */
  #printed(output: WorkerOutput): void {
    if (this.#status === 'stopped') return
    this.#print?.(output)
    this.#listeners.tell('worker.output', { ...output, worker: output.worker.slice(this.name.length + 1) })
  }

  #listen({ supervisor }: House): void {
    supervisor.on('child.start', ({ id, ref, incarnation }) => {
      const slot = this.#slot(id)
      slot.ref = ref as WorkerRef
      slot.incarnation = incarnation
      this.#starts += 1
      this.#tell('worker.start', { worker: id, incarnation })
    })
    supervisor.on('child.ready', ({ id }) => {
      this.#ready(this.#slot(id))
    })
    supervisor.on('child.exit', ({ id, reason }) => {
      this.#exited(this.#slot(id), reason)
    })
    supervisor.on('child.backoff', ({ id, delay, attempt }) => {
      this.#tell('worker.backoff', { worker: id, delay, attempt })
    })
    supervisor.on('child.parked', ({ id, failure }) => {
      this.#parked(this.#slot(id), failure)
    })
    supervisor.on('child.unparked', ({ id }) => {
      this.#tell('worker.unparked', { worker: id })
    })
    supervisor.on('supervisor.exit', ({ reason }) => {
      if (this.#stopping === undefined) this.#over(reason)
    })
  }

  /** The supervisor has given up: nothing starts workers any more. */
  #over(reason: ExitReason): void {
    const cause = reason.type === 'error' ? reason.error : undefined
    const why = cause === undefined ? 'its supervisor has ended' : messageOf(cause)
    const error = new TerrariumError('STOPPED', `pool ${this.name} is over: ${why}`, {
      hint: 'Remove the cause, then make a new pool with createPool().',
      cause,
      details: { pool: this.name },
    })
    this.#overBecause = error
    this.stop().catch((err: unknown) => {
      this.#logger.error({ err }, 'the pool cannot be stopped')
    })
    this.#logger.error({ err: error }, error.message)
  }

  /** When the bookkeeping of this moment is done: a listener may call back, and sees the pool as it is then. */
  #tell<E extends keyof PoolEvents>(event: E, told: Parameters<PoolEvents[E]>[0]): void {
    queueMicrotask(() => {
      this.#listeners.tell(event, told)
    })
  }

  #slot(id: string): Slot {
    const slot = this.#slots.find((each) => each.id === id)
    if (slot === undefined) throw new Error(`no slot ${id}`)
    return slot
  }

  #ready(slot: Slot): void {
    const { session, tools, pid } = slot.ref?.getSnapshot().context ?? {}
    if (session === undefined || tools === undefined || pid === undefined) return
    slot.opened(session, pid, tools)
    if (this.#status === 'parked') this.#status = 'running'
    this.#tell('worker.ready', { worker: slot.id, pid, tools })
    if (this.#starting !== undefined && this.#slots.every((each) => each.session !== undefined)) {
      this.#status = 'running'
      this.#starting.resolve()
      this.#starting = undefined
    }
    this.#unparkOthers()
    this.#dispatcher.pump()
  }

  #exited(slot: Slot, reason: ExitReason): void {
    const { pid } = slot
    const name = `worker ${this.name}/${slot.id}`
    let error = this.#overBecause ?? new TerrariumError('STOPPED', `${name} was stopped`)
    if (reason.type === 'error') {
      this.#crashes += 1
      const { error: cause } = reason
      error = isTerrariumError(cause)
        ? cause
        : new TerrariumError('WORKER_CRASHED', `${name} failed: ${messageOf(cause)}`, { cause })
    }
    slot.ended(error)
    if (reason.type === 'error' && pid !== undefined)
      this.#logger.warn({ worker: slot.id, workerPid: pid }, error.message)
    this.#tell('worker.exit', { worker: slot.id, pid, reason })
  }

  #parked(slot: Slot, failure: FailureInfo): void {
    const error = isTerrariumError(failure.error)
      ? failure.error
      : new TerrariumError('START_FAILED', `worker ${this.name}/${slot.id} failed`, { cause: failure.error })
    slot.parked = error
    slot.probing = false
    this.#parkedBecause = error
    const isParked = this.#slots.every(({ parked }) => parked !== undefined)
    if (isParked) this.#status = 'parked'
    else if (this.#starting !== undefined) this.#status = 'running'
    this.#watch.watch(this.#slots.flatMap(({ parked }) => watchPaths(parked)))
    if (isParked) this.#dispatcher.rejectWaiting(this.#parkedError(error))
    this.#starting?.reject(error)
    this.#starting = undefined
    const { code, hint } = error
    this.#logger.error({ worker: slot.id, code, hint, attempts: failure.attempts }, `parked: ${error.message}`)
    this.#tell('worker.parked', { worker: slot.id, error })
  }

  /** Something changed that may repair a failure: one parked worker is tried. */
  #probe(): void {
    const slot = this.#slots.find(({ parked }) => isHealable(parked))
    if (slot === undefined) this.#watch.stop()
    else this.#unpark(slot)
  }

  /** A worker became ready: what kept the others parked is gone too. */
  #unparkOthers(): void {
    this.#watch.stop()
    for (const slot of this.#slots) if (isHealable(slot.parked)) this.#unpark(slot)
  }

  #unpark(slot: Slot): void {
    if (slot.probing) return
    slot.probing = true
    this.#house?.supervisor.unpark(slot.id).catch((err: unknown) => {
      if (this.#stopping === undefined) this.#logger.error({ worker: slot.id, err }, 'cannot unpark')
    })
  }

  #refusal(): TerrariumError | undefined {
    if (this.#status === 'running' || this.#status === 'starting') return undefined
    const because = this.#parkedBecause
    return this.#status === 'parked' && because !== undefined ? this.#parkedError(because) : this.#notRunning()
  }

  #notRunning(): TerrariumError {
    if (this.#overBecause !== undefined) {
      const { message, hint, cause, details } = this.#overBecause
      return new TerrariumError('STOPPED', message, { hint, cause, details })
    }
    return new TerrariumError('STOPPED', `pool ${this.name} is not running: it is ${this.#status}`, {
      hint: this.#status === 'idle' ? 'Call start() first.' : 'Make a new pool with createPool().',
      details: { pool: this.name },
    })
  }

  #parkedError(cause: TerrariumError): TerrariumError {
    const details = { pool: this.name, code: cause.code }
    return new TerrariumError('PARKED', `pool ${this.name} is parked: ${cause.message}`, {
      hint: cause.hint,
      cause,
      details,
    })
  }
}

/** Whether a change of the environment repairs it: its error says so, or what has to change. */
function isHealable(error: TerrariumError | undefined): boolean {
  return isTerrariumError(error, 'CONFIGURATION') || watchPaths(error).length > 0
}

function watchPaths(error: TerrariumError | undefined): readonly string[] {
  const watch = error?.details.watch
  return Array.isArray(watch) ? watch.filter((path): path is string => typeof path === 'string') : []
}
