// The hands of a pool: turns what its core decides into calls of sessions, timers, answers and events, and tells the
// core what comes of it.
import {
  isTerrariumError,
  messageOf,
  onAbort,
  patientTimeout,
  showSite,
  TerrariumError,
  type CallSite,
  type ExitReason,
  type KeepAlive,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { EnvironmentWatch, type AnyLogger, type Identity } from '@terrarium/process'
import { ValueCodec, type WorkerOutput } from '@terrarium/worker'
import type { AnyActorRef } from 'xstate'
import type { PoolEvents } from './api.ts'
import type { CallRequest } from './call-request.ts'
import { dispatch } from './core/dispatch.ts'
import { EffectQueue } from './core/effect-queue.ts'
import type { Effect } from './core/effect.ts'
import type { PoolCoreEvent } from './core/event.ts'
import type { Slot } from './core/slot.ts'
import { createState, type Counts, type PoolState, type Settings } from './core/state.ts'
import { Deferred } from './deferred.ts'
import { noteName } from './names.ts'
import type { PoolOptions } from './options.ts'
import { outputTo } from './output.ts'
import { pending, PendingCall } from './pending-call.ts'
import { openResources, workersOf, type ResourceDependencies, type Resources } from './resources.ts'
import { Slots } from './slots.ts'
import { WorkerTree } from './worker-tree.ts'

export type Tell = <E extends keyof PoolEvents>(event: E, told: Parameters<PoolEvents[E]>[0]) => void

export interface ShellDependencies {
  /** Checked. */
  readonly options: PoolOptions
  readonly clock: SupervisorClock
  readonly logger: AnyLogger
  /** The pool's own actor. */
  readonly self: AnyActorRef
  /** Stops a child of the actor hard. */
  readonly stopChild: (child: AnyActorRef) => void
  /** Tells the listeners, when the bookkeeping of the moment is done. */
  readonly tell: Tell
  /** See {@link Settings}. */
  readonly hasHandle: boolean
  /** Held while calls are not settled. */
  readonly keepAlive?: KeepAlive | undefined
  /** Of an earlier life of the pool. */
  readonly counts?: Partial<Counts> | undefined
}

export class Shell {
  readonly state: PoolState
  readonly codec: ValueCodec
  /** Why the pool has ended, once it has. */
  outcome: ExitReason | undefined
  readonly #dependencies: ShellDependencies
  readonly #resourceDependencies: ResourceDependencies
  readonly #slots: Slots
  readonly #watch: EnvironmentWatch
  readonly #print: ((output: WorkerOutput) => void) | undefined
  readonly #effects = new EffectQueue()
  #isCarryingOut = false
  /** What cancels each timer. */
  readonly #timers = new Map<number, () => void>()
  /** Events that were posted to the pool's actor: it knows them again by this. */
  readonly #posted = new WeakSet()
  #isRunning = false
  #opening: Promise<Resources> | undefined
  #resources: Resources | undefined
  #workers: WorkerTree | undefined
  #isReferenced = true
  #forgetName = (): void => undefined
  readonly #start = new Deferred<undefined>()
  readonly #end = new Deferred<number>()
  /** What closing has failed with. */
  #fault: { readonly error: unknown } | undefined

  constructor(dependencies: ShellDependencies) {
    const { options, clock, logger, counts } = dependencies
    this.#dependencies = dependencies
    this.codec = new ValueCodec(options.types)
    this.state = createState(settingsOf(options, dependencies.hasHandle), counts)
    const output = (line: WorkerOutput): void => {
      this.#printed(line)
    }
    this.#resourceDependencies = { options, codec: this.codec, clock, logger, output }
    this.#print = outputTo(options.output ?? (options.logger === undefined ? 'stderr' : 'log'), logger)
    this.#slots = new Slots(this.state.slots, (call, outcome) => {
      this.handle({ type: 'call.answered', call, outcome })
    })
    this.#watch = new EnvironmentWatch({
      clock,
      changed: () => {
        this.post({ type: 'pool.environment' })
      },
      onError: (err) => {
        logger.error({ err }, 'the watch of the environment failed')
      },
    })
  }

  /** Resolves when every worker is ready; rejects with the reason once that cannot be. */
  get started(): Promise<undefined> {
    return this.#start.promise
  }

  /** Resolves with the number of processes that are left, once the pool has ended. */
  get ended(): Promise<number> {
    return this.#end.promise
  }

  /** Lets the core decide what the event leads to, and carries that out. */
  handle(event: PoolCoreEvent): void {
    dispatch(this.state, event, this.#dependencies.clock.now(), this.#effects)
    if (this.#isCarryingOut) return // a function of the user's has called back from within an effect
    this.#isCarryingOut = true
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
      try {
        this.#carryOut(effect)
      } catch (err) {
        this.#dependencies.logger.error({ err, effect: effect.type }, 'the pool failed')
      }
    }
    this.#isCarryingOut = false
  }

  /** The same by way of the pool's actor, whose observers see what comes of it. A pool that has ended decides nothing. */
  post(event: PoolCoreEvent): void {
    if (this.state.status === 'stopped') return // XState warns of a message to an actor that is stopped
    if (!this.#isRunning) {
      this.handle(event)
      return
    }
    this.#posted.add(event)
    this.#dependencies.self.send(event)
  }

  /** The pool had ended before its actor was restored. */
  hasEnded(reason: ExitReason): void {
    this.state.status = 'stopped'
    this.outcome = reason
  }

  /** Whether the event comes from {@link post}, and not from a stranger. */
  hasPosted(event: object): event is PoolCoreEvent {
    return this.#posted.has(event)
  }

  /** The pool's actor runs. */
  run(): void {
    this.#isRunning = true
    this.post({ type: 'pool.start' })
  }

  /** Settles with what becomes of the call. */
  offer(request: CallRequest, site: CallSite | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new PendingCall(request, site, resolve, reject)
      this.#dependencies.keepAlive?.hold()
      this.handle({ type: 'call.offered', call, isWatched: call.isWatched })
    })
  }

  /** SIGKILLs the worker of a slot, in a drill. Returns which, or undefined if there is no process. */
  kill(slot: Slot): { readonly worker: string; readonly pid: number } | undefined {
    const { id, pid, incarnation } = slot
    if (slot.occupant !== 'ready' || pid === undefined) return undefined
    const message = `worker ${this.state.settings.pool}/${id} was killed in a drill`
    const details = { worker: id, pid, signal: 'SIGKILL' }
    const error = new TerrariumError('WORKER_CRASHED', message, { details })
    this.post({ type: 'worker.kill', worker: id, incarnation, error })
    return { worker: id, pid }
  }

  /** Whether what the pool has opened keeps the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    this.#resources?.setReferenced(isReferenced)
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#slots.send(pending(effect.call), effect.slot, effect.timeLeft)
        return
      case 'settle':
        this.#settle(pending(effect.call), effect.value, effect.error)
        return
      case 'watch':
        this.#watchCall(pending(effect.call))
        return
      case 'cancel':
        this.#slots.cancel(pending(effect.call), effect.slot, effect.unlessBegun)
        return
      case 'refuse':
        this.#refuse(pending(effect.call), effect.error)
        return
      case 'setTimer':
        this.#setTimer(effect.timer, effect.delay)
        return
      case 'clearTimer':
        this.#timers.get(effect.timer)?.()
        this.#timers.delete(effect.timer)
        return
      case 'kill':
        this.#slots.kill(effect.slot, effect.error)
        return
      case 'tell':
        queueMicrotask(() => {
          this.#dependencies.tell(effect.event, effect.told)
        })
        return
      case 'log':
        this.#dependencies.logger[effect.level](effect.fields, effect.message)
        return
      case 'watchEnvironment':
        this.#watch.watch(effect.paths)
        return
      case 'ignoreEnvironment':
        this.#watch.stop()
        return
      case 'unpark':
        this.#unpark(effect.slot)
        return
      case 'open':
        this.#open()
        return
      case 'startWorkers':
        this.#startWorkers()
        return
      case 'started':
        if (effect.error === undefined) this.#start.resolve(undefined)
        else this.#start.reject(effect.error)
        return
      case 'close':
        this.#close()
        return
      case 'abandon':
        this.#abandon()
        return
      case 'end':
        this.#forgetName()
        this.outcome = effect.reason
        if (this.#fault === undefined) this.#end.resolve(effect.left)
        else this.#end.reject(this.#fault.error)
    }
  }

  #settle(call: PendingCall, value: unknown, error: TerrariumError | undefined): void {
    this.#unwatchCall(call)
    this.#dependencies.keepAlive?.release()
    if (error === undefined) call.resolve(value)
    else call.reject(error)
  }

  #refuse(call: PendingCall, error: TerrariumError): void {
    this.#dependencies.keepAlive?.release()
    if (call.site !== undefined) showSite(error, call.site)
    call.reject(error)
  }

  /** A clock and a signal are the user's: they may throw, and may call back at once. */
  #watchCall(call: PendingCall): void {
    const { timeout, signal } = call
    if (timeout !== undefined) {
      const expired = (): void => {
        this.handle({ type: 'call.expired', call })
      }
      call.deadlineTimer = this.#dependencies.clock.setTimeout(expired, timeout)
    }
    if (signal !== undefined && call.state !== 'settled') {
      try {
        call.abort = onAbort(signal, (cause) => {
          this.handle({ type: 'call.aborted', call, cause })
        })
      } catch (cause) {
        this.handle({ type: 'call.unwatchable', call, cause })
      }
    }
    this.handle({ type: 'call.watched' })
  }

  #unwatchCall(call: PendingCall): void {
    if (call.deadlineTimer !== undefined) this.#dependencies.clock.clearTimeout(call.deadlineTimer)
    call.deadlineTimer = undefined
    call.abort?.release()
  }

  #setTimer(timer: number, delay: number): void {
    const fire = (): void => {
      this.#timers.delete(timer)
      this.handle({ type: 'pool.timer', timer })
    }
    this.#timers.set(timer, patientTimeout(this.#dependencies.clock, fire, delay))
  }

  #open(): void {
    const { name } = this.#dependencies.options
    this.#forgetName = noteName(name, this.#dependencies.logger)
    this.#opening = openResources(this.#resourceDependencies)
    this.#opening.then(
      (resources) => {
        this.#resources = resources
        resources.setReferenced(this.#isReferenced)
        this.post({ type: 'pool.opened' })
      },
      (cause: unknown) => {
        this.#failed(cause)
      },
    )
  }

  #failed(cause: unknown): void {
    const message = `pool ${this.state.settings.pool} cannot start: ${messageOf(cause)}`
    const error = isTerrariumError(cause) ? cause : new TerrariumError('START_FAILED', message, { cause })
    this.post({ type: 'pool.failed', error })
  }

  #startWorkers(): void {
    const { slots } = this.state
    const { self } = this.#dependencies
    if (this.#resources === undefined) return
    try {
      const ids = slots.map(({ id }) => id)
      const logic = workersOf(this.#resources, this.#resourceDependencies, ids)
      const post = (event: PoolCoreEvent): void => {
        this.post(event)
      }
      this.#workers = new WorkerTree({ logic, parent: self, slots, connections: this.#slots, post })
      this.#workers.start()
    } catch (cause) {
      this.#failed(cause)
    }
  }

  #unpark(slot: Slot): void {
    this.#workers?.unpark(slot).catch((err: unknown) => {
      const { status } = this.state
      if (status === 'stopping' || status === 'stopped') return
      this.#dependencies.logger.error({ worker: slot.id, err }, 'cannot unpark')
    })
  }

  #close(): void {
    const close = async (): Promise<readonly Identity[]> => {
      const resources = await this.#opening?.catch(() => undefined) // start() rejects with the reason
      await this.#workers?.stop()
      return (await resources?.close())?.left ?? []
    }
    close().then(
      (left) => {
        this.post({ type: 'pool.closed', left })
      },
      (error: unknown) => {
        this.#fault = { error }
        this.post({ type: 'pool.closed', left: [] })
      },
    )
  }

  /** The pool's actor was stopped hard: the processes are killed, and what proves that goes on without it. */
  #abandon(): void {
    this.#forgetName()
    if (this.#workers !== undefined) this.#dependencies.stopChild(this.#workers.ref)
    const close = async (): Promise<number> => {
      const resources = await this.#opening?.catch(() => undefined)
      return (await resources?.close())?.left.length ?? 0
    }
    close().then(this.#end.resolve, this.#end.reject)
  }

  /** Nothing is printed and no listener is told once `stop()` has resolved. */
  #printed(output: WorkerOutput): void {
    const { status, settings } = this.state
    if (status === 'stopped') return
    this.#print?.(output)
    this.#dependencies.tell('worker.output', { ...output, worker: output.worker.slice(settings.pool.length + 1) })
  }
}

function settingsOf(options: PoolOptions, hasHandle: boolean): Settings {
  const { name, size = 1, concurrency = 1, queueLimit = 10_000, maxDeaths = 3 } = options
  const { cancelGrace = 250, drainTimeout = 5_000 } = options
  return { pool: name, hasHandle, size, concurrency, queueLimit, maxDeaths, cancelGrace, drainTimeout }
}
