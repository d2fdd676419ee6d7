// Opens what a pool stands on, starts its workers, and closes all of it; settles what start() and stop() wait for.
import type { Identity } from '@terrarium/process'
import { isTerrariumError, messageOf, TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import type { AnyActorRef } from 'xstate'
import type { PoolCoreEvent } from './core/event.ts'
import type { Slot } from './core/slot.ts'
import type { PoolState } from './core/state.ts'
import { Deferred } from './deferred.ts'
import { noteName } from './names.ts'
import { workersOf, workerSpec, type Ground, type ResourceDependencies, type Resources } from './resources.ts'
import type { Slots } from './slots.ts'
import { WorkerTree } from './worker-tree.ts'

export interface LifecycleDependencies {
  readonly state: PoolState
  readonly connections: Slots
  readonly resources: ResourceDependencies
  /** The pool's own actor. */
  readonly self: AnyActorRef
  /** Stops a child of the actor hard. */
  readonly stopChild: (child: AnyActorRef) => void
  /** Tells the core what has come of it. */
  readonly post: (event: PoolCoreEvent) => void
}

export class Lifecycle {
  /** Why the pool has ended, once it has. */
  outcome: ExitReason | undefined
  readonly #dependencies: LifecycleDependencies
  readonly #start = new Deferred<undefined>()
  readonly #end = new Deferred<number>()
  #opening: Promise<Resources> | undefined
  #resources: Resources | undefined
  #workers: WorkerTree | undefined
  #isReferenced = true
  #forgetName = (): void => undefined
  /** What closing has failed with. */
  #fault: { readonly error: unknown } | undefined

  constructor(dependencies: LifecycleDependencies) {
    this.#dependencies = dependencies
  }

  /** Resolves when every worker is ready; rejects with the reason once that cannot be. */
  get started(): Promise<undefined> {
    return this.#start.promise
  }

  /** Resolves with the number of processes that are left, once the pool has ended. */
  get ended(): Promise<number> {
    return this.#end.promise
  }

  /** The supervisor of the workers, once there is one. */
  get workers(): AnyActorRef | undefined {
    return this.#workers?.ref
  }

  /** What the workers stand on, once it is open. */
  get ground(): Ground | undefined {
    const { python = '', version = '', runtime } = this.#resources ?? {}
    return runtime === undefined ? undefined : { python, version, runtime }
  }

  /** Whether what the pool has opened keeps the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    this.#resources?.setReferenced(isReferenced)
  }

  open(): void {
    const { resources: dependencies, post } = this.#dependencies
    this.#forgetName = noteName(dependencies.options.name, dependencies.logger)
    this.#opening = dependencies.open(dependencies)
    this.#opening.then(
      (resources) => {
        this.#resources = resources
        resources.setReferenced(this.#isReferenced)
        post({ type: 'pool.opened' })
      },
      (cause: unknown) => {
        this.#failed(cause)
      },
    )
  }

  #failed(cause: unknown): void {
    const { state, post } = this.#dependencies
    const message = `pool ${state.settings.pool} cannot start: ${messageOf(cause)}`
    const error = isTerrariumError(cause) ? cause : new TerrariumError('START_FAILED', message, { cause })
    post({ type: 'pool.failed', error })
  }

  startWorkers(): void {
    const { state, connections, resources, self, post } = this.#dependencies
    const { slots } = state
    if (this.#resources === undefined) return
    try {
      const ids = slots.map(({ id }) => id)
      const logic = workersOf(this.#resources, resources, ids)
      this.#workers = new WorkerTree({ logic, parent: self, slots, connections, post })
      this.#workers.start()
    } catch (cause) {
      this.#failed(cause)
    }
  }

  /** Answers start(). */
  answerStart(error: TerrariumError | undefined): void {
    if (error === undefined) this.#start.resolve(undefined)
    else this.#start.reject(error)
  }

  /** What comes of it the worker's own news tells, unless it fails. */
  park(slot: Slot, why: string | undefined): void {
    const { state, post } = this.#dependencies
    this.#workers?.park(slot, why).catch((cause: unknown) => {
      const message = `worker ${state.settings.pool}/${slot.id} cannot be parked: ${messageOf(cause)}`
      const error = isTerrariumError(cause) ? cause : new TerrariumError('STOPPED', message, { cause })
      post({ type: 'park.failed', slot, error })
    })
  }

  unpark(slot: Slot): void {
    const { state, resources } = this.#dependencies
    this.#workers?.unpark(slot).catch((err: unknown) => {
      if (state.status === 'stopping' || state.status === 'stopped') return
      resources.logger.error({ worker: slot.id, err }, 'cannot unpark')
    })
  }

  /** Starts a worker in a slot that is new. */
  startSpare(slot: Slot): void {
    const { resources, post } = this.#dependencies
    const failed = (cause: unknown): void => {
      post({ type: 'spare.gone', error: this.#whyStuck(slot, cause) })
    }
    try {
      if (this.#workers === undefined || this.#resources === undefined) throw new Error('the pool has no workers')
      this.#workers.add(workerSpec(this.#resources, resources, slot.id)).catch(failed)
    } catch (cause) {
      failed(cause)
    }
  }

  /** Ends the worker of the slot in order, and forgets the slot. */
  dismissSpare(slot: Slot): void {
    const { post, resources, connections } = this.#dependencies
    const over = (): void => {
      connections.forget(slot)
      post({ type: 'spare.gone', error: undefined })
    }
    this.#workers?.remove(slot).then(over, (err: unknown) => {
      resources.logger.error({ worker: slot.id, err }, 'cannot be removed')
      over()
    })
  }

  /** Ends the worker of the slot in order, and starts the next one. */
  replace(slot: Slot): void {
    this.#workers?.replace(slot).catch((cause: unknown) => {
      this.#dependencies.post({ type: 'reload.stuck', error: this.#whyStuck(slot, cause) })
    })
  }

  #whyStuck({ id }: Slot, cause: unknown): TerrariumError {
    const message = `worker ${this.#dependencies.state.settings.pool}/${id} cannot be started: ${messageOf(cause)}`
    return isTerrariumError(cause) ? cause : new TerrariumError('START_FAILED', message, { cause })
  }

  close(): void {
    const {
      post,
      resources: { logger },
    } = this.#dependencies
    const close = async (): Promise<readonly Identity[]> => {
      const resources = await this.#opening?.catch(() => undefined) // start() rejects with the reason
      await this.#workers?.stop()
      return (await resources?.close())?.left ?? []
    }
    close().then(
      (left) => {
        post({ type: 'pool.closed', left })
      },
      (error: unknown) => {
        this.#fault = { error }
        logger.error({ err: error }, 'the pool cannot be stopped')
        post({ type: 'pool.closed', left: [] })
      },
    )
  }

  /** The pool's actor was stopped hard: the processes are killed, and what proves that goes on without it. */
  abandon(): void {
    this.#forgetName()
    if (this.#workers !== undefined) this.#dependencies.stopChild(this.#workers.ref)
    const close = async (): Promise<number> => {
      const resources = await this.#opening?.catch(() => undefined)
      return (await resources?.close())?.left.length ?? 0
    }
    close().then(this.#end.resolve, this.#end.reject)
  }

  /** The pool has ended. `left`: the number of processes that are left. */
  end(reason: ExitReason, left: number): void {
    this.#forgetName()
    this.outcome = this.#fault === undefined ? reason : { type: 'error', error: this.#fault.error }
    if (this.#fault === undefined) this.#end.resolve(left)
    else this.#end.reject(this.#fault.error)
  }
}
