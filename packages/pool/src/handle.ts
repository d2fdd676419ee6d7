// A pool that stands alone: the handle around the actor of a pool.
import {
  ASYNC_DISPOSE,
  harmless,
  isTerrariumError,
  KeepAlive,
  Listeners,
  ReferencedClock,
  showSite,
  siteAbove,
  systemClock,
  TerrariumError,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { SupervisedActor } from '@terrarium/supervisor/otp'
import { guardLogger, type AnyLogger } from '@terrarium/process'
import type { AnyActorRef } from 'xstate'
import { Access } from './access.ts'
import type { Pool, PoolEvents, StopResult } from './api.ts'
import { countsToKeep } from './core/state.ts'
import { ownPoolOptions } from './own-options.ts'
import { validatePoolOptions, type PoolOptions } from './options.ts'
import { guarded, poolLogic, shellOf, type PoolLogic } from './pool.ts'
import { openResources } from './resources.ts'
import type { Shell, Tell } from './shell.ts'

/** Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing. */
export function createPool(options: PoolOptions): Pool {
  const own = ownPoolOptions(options)
  validatePoolOptions(own)
  return new PoolHandle(own)
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
  'session.lost': true,
}

export class PoolHandle extends Access implements Pool {
  readonly #options: PoolOptions
  readonly #logic: PoolLogic
  readonly #clock: ReferencedClock
  readonly #keepAlive = new KeepAlive()
  readonly #logger: AnyLogger
  readonly #listeners = new Listeners<PoolEvents>(EVENTS, (event, err) => {
    this.#logger.error({ err }, `a listener for ${event} failed`)
  })
  #actor: SupervisedActor<PoolLogic>
  #stopping: Promise<StopResult> | undefined
  #isReferenced = true

  /** `options`: checked. `open`: what the workers stand on. */
  constructor(options: PoolOptions, open = openResources) {
    super(() => this.#shell)
    const { name, clock } = options
    this.#options = options
    this.#logger = guardLogger(options.logger, { pool: name })
    this.#clock = new ReferencedClock(clock === undefined ? systemClock : guarded(clock, name, this.#logger))
    const tell: Tell = (event, told) => {
      this.#listeners.tell(event, told)
    }
    const dependencies = { clock: this.#clock, logger: this.#logger, keepAlive: this.#keepAlive, tell }
    this.#logic = poolLogic(options, dependencies, open)
    this.#actor = this.#makeActor()
  }

  get actor(): AnyActorRef {
    return this.#actor
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
    const { name, status } = this
    if (status !== 'idle') {
      throw new TerrariumError('INVALID_ARGUMENT', `pool ${name} cannot be started: it is ${status}`, {
        hint: 'Make a new pool with createPool().',
      })
    }
    this.#renew()
    this.#actor.start()
    await this.#shell.started
  }

  stop(): Promise<StopResult> {
    this.#stopping ??= this.#keepAlive.during(this.#stop())
    return this.#stopping
  }

  async #stop(): Promise<StopResult> {
    this.#renew()
    try {
      this.#shell.post({ type: 'pool.stop' })
      return { processesLeft: await this.#shell.ended }
    } finally {
      process.off('beforeExit', this.#stopAtEnd)
    }
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

  /** Tells the pool that what keeps its workers parked may be gone. */
  protected environmentHasChanged(): void {
    this.#shell.post({ type: 'pool.environment' })
  }

  /** The present actor of a pool that `createPool()` has made; undefined for anything else. */
  static actorOf(pool: unknown): AnyActorRef | undefined {
    return typeof pool === 'object' && pool !== null && #actor in pool ? (pool.#actor as AnyActorRef) : undefined
  }

  /** The clock that such a pool was given; undefined for the system's. */
  static clockOf(pool: unknown): SupervisorClock | undefined {
    return typeof pool === 'object' && pool !== null && #options in pool ? pool.#options.clock : undefined
  }

  get #shell(): Shell {
    return shellOf(this.#actor)
  }

  #setReferenced(isReferenced: boolean): this {
    this.#isReferenced = isReferenced
    for (const each of [this.#clock, this.#keepAlive]) {
      if (isReferenced) each.ref()
      else each.unref()
    }
    this.#shell.setReferenced(isReferenced)
    process.off('beforeExit', this.#stopAtEnd)
    if (!isReferenced && this.status !== 'stopped') process.once('beforeExit', this.#stopAtEnd)
    return this
  }

  /** Nothing is left to do in this process: what an unreferenced pool has started ends in order, too. */
  readonly #stopAtEnd = (): void => {
    void this.stop()
  }

  /** An actor lives once: when the pool could not be opened, the next start has a new one. */
  #renew(): void {
    if (this.#shell.state.failedBecause !== undefined && this.status === 'idle')
      this.#actor = this.#makeActor(this.#shell)
  }

  #makeActor(old?: Shell): SupervisedActor<PoolLogic> {
    const { name, inspect } = this.#options
    const report = (what: string, err: unknown): void => {
      this.#logger.error({ err }, what)
    }
    const actor = new SupervisedActor(this.#logic, {
      id: name,
      clock: this.#clock,
      ...(inspect === undefined ? {} : { inspect: harmless(inspect, name, report) }),
      ...(old === undefined ? {} : { snapshot: { status: 'active', counts: countsToKeep(old.state.counts) } as never }),
    })
    actor.subscribe({ error: () => undefined }) // start() or stop() says why
    shellOf(actor).setReferenced(this.#isReferenced)
    return actor
  }
}
