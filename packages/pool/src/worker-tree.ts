// The supervisor of a pool's workers, as a child of the pool's actor; what it tells becomes news for the pool's core.
import { administrate, type ChildSpec, type SupervisorEvents, type SupervisorLogic } from '@terrarium/supervisor'
import { SupervisedActor } from '@terrarium/supervisor/otp'
import type { WorkerRef } from '@terrarium/worker'
import type { AnyActorRef } from 'xstate'
import type { PoolCoreEvent } from './core/event.ts'
import type { Slot } from './core/slot.ts'
import type { Slots } from './slots.ts'

export interface WorkerTreeDependencies {
  readonly logic: SupervisorLogic
  /** The pool's actor. */
  readonly parent: AnyActorRef
  readonly slots: readonly Slot[]
  readonly connections: Slots
  readonly post: (event: PoolCoreEvent) => void
}

export class WorkerTree {
  readonly #ref: SupervisedActor<SupervisorLogic>
  readonly #dependencies: WorkerTreeDependencies

  constructor(dependencies: WorkerTreeDependencies) {
    const { logic, parent, post } = dependencies
    this.#dependencies = dependencies
    this.#ref = new SupervisedActor(logic, { id: 'workers', parent })
    this.#on('child.start', ({ id, ref, incarnation }) => {
      const slot = this.#slot(id)
      if (slot !== undefined) dependencies.connections.occupy(slot, ref as WorkerRef)
      post({ type: 'worker.started', worker: id, incarnation })
    })
    this.#on('child.ready', ({ id, ref, incarnation }) => {
      this.#ready(id, ref as WorkerRef, incarnation)
    })
    this.#on('child.exit', ({ id, incarnation, reason }) => {
      const slot = this.#slot(id)
      const unbegun = slot === undefined ? new Set<never>() : dependencies.connections.empty(slot)
      post({ type: 'worker.exited', worker: id, incarnation, reason, unbegun })
    })
    this.#on('child.backoff', ({ id, incarnation, failure, delay, attempt }) => {
      post({ type: 'worker.backoff', worker: id, incarnation, failure, delay, attempt })
    })
    this.#on('child.parked', ({ id, incarnation, failure, cause }) => {
      post({ type: 'worker.parked', worker: id, incarnation, failure, byHand: cause === 'request' })
    })
    this.#on('child.unparked', ({ id, incarnation }) => {
      post({ type: 'worker.unparked', worker: id, incarnation })
    })
    this.#on('supervisor.exit', ({ reason }) => {
      post({ type: 'pool.over', reason })
    })
  }

  get ref(): AnyActorRef {
    return this.#ref
  }

  start(): void {
    this.#ref.start()
  }

  /** Ends the worker of a slot in order, and lets none start there. */
  park(slot: Slot, why: string | undefined): Promise<void> {
    return administrate(this.#ref).park(slot.id, why)
  }

  /** Tries to start a worker in a parked slot. */
  unpark(slot: Slot): Promise<void> {
    return administrate(this.#ref).unpark(slot.id)
  }

  /** Adds a worker. Its events tell what becomes of it. */
  async add(spec: ChildSpec): Promise<void> {
    await administrate(this.#ref).startChild(spec)
  }

  /** Ends the worker of a slot in order; the supervisor forgets it. */
  async remove({ id }: Slot): Promise<void> {
    await administrate(this.#ref).terminateChild(id)
    await administrate(this.#ref).deleteChild(id)
  }

  /** Ends the worker of a slot in order, and starts another one. */
  async replace({ id }: Slot): Promise<void> {
    await administrate(this.#ref).terminateChild(id)
    await administrate(this.#ref).restartChild(id)
  }

  /** Ends the workers in order. */
  stop(): Promise<void> {
    return administrate(this.#ref).stop()
  }

  #on<E extends keyof SupervisorEvents>(type: E, listener: SupervisorEvents[E]): void {
    this.#ref.on(type, listener as never)
  }

  #ready(id: string, ref: WorkerRef, incarnation: number): void {
    const { connections, post } = this.#dependencies
    const slot = this.#slot(id)
    const { session, tools, pid } = ref.getSnapshot().context
    if (slot === undefined || session === undefined || session.closed || pid === undefined) return
    connections.connect(slot, session, () => {
      post({ type: 'worker.lost', worker: id, incarnation })
    })
    const { reportsBegun } = session
    post({ type: 'worker.ready', worker: id, incarnation, pid, tools, reportsBegun })
  }

  #slot(id: string): Slot | undefined {
    return this.#dependencies.slots.find((slot) => slot.id === id)
  }
}
