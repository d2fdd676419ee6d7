import { EventEmitter } from 'eventemitter3'
import { createActor, type Actor, type AnyActorRef } from 'xstate'
import type { ChildCounts, ChildInfo } from './child-info.ts'
import type { Call } from './core/call.ts'
import type { Result } from './core/effect.ts'
import { stoppedError } from './core/turn.ts'
import type { TerrariumError } from './errors.ts'
import type { SupervisorEvent, SupervisorEvents } from './events.ts'
import { reportFault } from './host.ts'
import { supervisor, type SupervisorLogic } from './logic.ts'
import type { SupervisorOptions } from './options.ts'
import type { ChildSpec } from './spec.ts'
import { faultOfSpec } from './validate.ts'

/**
 * A supervisor and its administration. Operations are queued with the exits around them and answered in order. They reject
 * with INVALID_ARGUMENT (`details.reason`: `not_found`, `running`, … ) or, when the supervisor is not running, with STOPPED.
 */
export interface Supervisor {
  readonly id: string
  /** The supervisor's own actor, for `inspect` and for those who hold refs. */
  readonly ref: Actor<SupervisorLogic>
  /** The latest view, in start order. */
  readonly children: readonly ChildInfo[]
  /** Resolves when every child is ready. Rejects with START_FAILED, `cause` being the child's error; nothing is left running. */
  start(): Promise<void>
  /** Stops the children in reverse start order. Resolves when nothing is left, also if it never ran or has ended by itself. */
  stop(): Promise<void>
  /** Appends a child and starts it. Resolves when it is ready, with `undefined` if it was IGNOREd. Rejects with START_FAILED. */
  startChild(spec: ChildSpec): Promise<AnyActorRef | undefined>
  /** Stops a child; it keeps its specification unless it is temporary. */
  terminateChild(id: string): Promise<void>
  /** Starts a child that is stopped or parked. As `startChild`. */
  restartChild(id: string): Promise<AnyActorRef | undefined>
  /** Forgets a child that is stopped or parked. */
  deleteChild(id: string): Promise<void>
  /** One new start of a parked child, now. Resolves once it has begun; what comes of it is told by events. */
  unpark(id: string): Promise<void>
  /** Newest first, as in OTP. */
  whichChildren(): Promise<readonly ChildInfo[]>
  countChildren(): Promise<ChildCounts>
  /** As given, with the defaults written out. */
  getChildSpec(id: string): Promise<ChildSpec>
  on<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
  off<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
}

/** Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new SupervisorHandle(options)
}

class SupervisorHandle implements Supervisor {
  readonly id: string
  readonly ref: Actor<SupervisorLogic>
  readonly #events = new EventEmitter<SupervisorEvents>()
  /** Operations that wait for their answer. */
  readonly #waiting = new Set<(error: TerrariumError) => void>()
  readonly #ended: Promise<void>
  #status: 'idle' | 'started' | 'ended' = 'idle'
  #started: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    const logic = supervisor(options)
    const { id, clock, inspect } = options
    this.ref = createActor(logic, {
      id,
      ...(clock === undefined ? {} : { clock }),
      ...(inspect === undefined ? {} : { inspect }),
    })
    this.id = id
    this.ref.on('*', (event) => {
      this.#tell(event)
    })
    this.#ended = new Promise((resolve) => {
      const ended = (): void => {
        this.#status = 'ended'
        for (const refuse of this.#waiting) refuse(stoppedError(id))
        this.#waiting.clear()
        resolve()
      }
      this.ref.subscribe({ error: ended, complete: ended })
    })
  }

  get children(): readonly ChildInfo[] {
    return this.ref.getSnapshot().supervised
  }

  start(): Promise<void> {
    if (this.#started === undefined && this.#status === 'ended') return Promise.reject(stoppedError(this.id))
    this.#started ??= this.#start()
    return this.#started
  }

  #start(): Promise<void> {
    this.#status = 'started'
    return new Promise((resolve, reject) => {
      const subscription = this.ref.subscribe({
        next: ({ phase }) => {
          if (phase !== 'running') return
          subscription.unsubscribe()
          resolve()
        },
        error: reject,
        complete: () => {
          reject(stoppedError(this.id))
        },
      })
      this.ref.start()
    })
  }

  stop(): Promise<void> {
    if (this.#status === 'idle') {
      this.#status = 'ended'
      this.ref.stop()
      return Promise.resolve()
    }
    if (this.#started === undefined) return Promise.resolve()
    this.ref.send({ type: 'supervisor.shutdown' })
    return this.#ended
  }

  startChild(spec: ChildSpec): Promise<AnyActorRef | undefined> {
    const fault = faultOfSpec(spec)
    if (fault !== undefined) return Promise.reject(fault)
    return this.#call({ type: 'startChild', spec })
  }

  terminateChild(id: string): Promise<void> {
    return this.#call({ type: 'terminateChild', id })
  }

  restartChild(id: string): Promise<AnyActorRef | undefined> {
    return this.#call({ type: 'restartChild', id })
  }

  deleteChild(id: string): Promise<void> {
    return this.#call({ type: 'deleteChild', id })
  }

  unpark(id: string): Promise<void> {
    return this.#call({ type: 'unpark', id })
  }

  whichChildren(): Promise<readonly ChildInfo[]> {
    return this.#call({ type: 'whichChildren' })
  }

  countChildren(): Promise<ChildCounts> {
    return this.#call({ type: 'countChildren' })
  }

  getChildSpec(id: string): Promise<ChildSpec> {
    return this.#call({ type: 'getChildSpec', id })
  }

  on<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this {
    this.#events.on(event, listener as never)
    return this
  }

  off<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this {
    this.#events.off(event, listener as never)
    return this
  }

  #call<T>(call: Call): Promise<T> {
    if (this.#status !== 'started') return Promise.reject(stoppedError(this.id))
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      const reply = (result: Result): void => {
        this.#waiting.delete(reject)
        if (result.ok) resolve(result.value as T)
        else reject(result.error)
      }
      this.ref.send({ type: 'supervisor.call', call, reply })
    })
  }

  /** One listener's fault is neither the tree's nor the next listener's. */
  #tell(event: SupervisorEvent): void {
    for (const listener of this.#events.listeners(event.type)) {
      try {
        ;(listener as (event: SupervisorEvent) => void)(event)
      } catch (error) {
        reportFault(`a listener for ${event.type} of supervisor ${this.id} failed`, error)
      }
    }
  }
}
