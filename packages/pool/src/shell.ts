// The hands of a pool: turns what its core decides into calls of sessions, timers, answers and events, and tells the
// core what comes of it.
import { TerrariumError, type ExitReason, type KeepAlive, type SupervisorClock } from '@terrarium/supervisor/base'
import { EnvironmentWatch, type AnyLogger } from '@terrarium/process'
import { ValueCodec, type Transport, type WorkerOutput } from '@terrarium/worker'
import type { AnyActorRef } from 'xstate'
import type { PoolEvents } from './api.ts'
import { Callers } from './callers.ts'
import { dispatch } from './core/dispatch.ts'
import { EffectQueue } from './core/effect-queue.ts'
import type { Effect } from './core/effect.ts'
import type { Outcome, PoolCoreEvent } from './core/event.ts'
import type { Slot } from './core/slot.ts'
import type { SessionUse } from './core/tool-session.ts'
import { createState, type Counts, type PoolState } from './core/state.ts'
import { HostCalls } from './host-calls.ts'
import type { HostFunctions } from './host-functions.ts'
import { Lifecycle } from './lifecycle.ts'
import { Moment } from './moment.ts'
import { DEFAULTS, settingsOf, type PoolOptions } from './options.ts'
import { outputTo } from './output.ts'
import { pending, type PendingCall } from './pending-call.ts'
import { PendingStream } from './pending-stream.ts'
import type { Ground, OpenResources } from './resources.ts'
import { Slots } from './slots.ts'
import { Streams } from './streams.ts'
import { Timers } from './timers.ts'
import { Waiters } from './waiters.ts'

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
  readonly open: OpenResources
  /** What tools may call. */
  readonly functions: HostFunctions
  /** Of an earlier life of the pool. */
  readonly counts?: Partial<Counts> | undefined
}

export class Shell {
  readonly state: PoolState
  readonly codec: ValueCodec
  readonly transport: Transport
  readonly streams: Streams
  readonly functions: HostFunctions
  readonly #hostCalls: HostCalls
  readonly #dependencies: ShellDependencies
  readonly #callers: Callers
  readonly #lifecycle: Lifecycle
  readonly #slots: Slots
  readonly #timers: Timers
  readonly #watch: EnvironmentWatch
  readonly #print: ((output: WorkerOutput) => void) | undefined
  readonly #effects = new EffectQueue()
  readonly #moment: Moment
  readonly #drains = new Waiters()
  readonly #reloads = new Waiters()
  /** Handles of sessions whose `close()` has not resolved. */
  readonly #closing = new Map<SessionUse, Waiters>()
  readonly #parkings = new Map<Slot, Waiters>()
  #isCarryingOut = false
  /** Events that were posted to the pool's actor: it knows them again by this. */
  readonly #posted = new WeakSet()
  #isRunning = false

  constructor(dependencies: ShellDependencies) {
    const { options, clock, logger, self, stopChild, keepAlive, open, counts, functions } = dependencies
    this.functions = functions
    this.#dependencies = dependencies
    this.#moment = new Moment(clock)
    this.codec = new ValueCodec(options.types)
    this.transport = options.transport ?? DEFAULTS.transport
    this.state = createState(settingsOf(options, dependencies.hasHandle), counts)
    this.#print = outputTo(options.output ?? (options.logger === undefined ? 'stderr' : 'log'), logger)
    const handle = (event: PoolCoreEvent): void => {
      this.handle(event)
    }
    const post = (event: PoolCoreEvent): void => {
      this.post(event)
    }
    const output = (line: WorkerOutput): void => {
      this.#printed(line)
    }
    this.#callers = new Callers({ clock, logger, keepAlive, handle })
    this.streams = new Streams({ callers: this.#callers, handle })
    const { state } = this
    this.#hostCalls = new HostCalls({ functions, clock, state, handle })
    const answered = (call: PendingCall, outcome: Outcome): void => {
      handle({ type: 'call.answered', call, outcome })
    }
    this.#slots = new Slots(answered, this.streams, this.#hostCalls)
    this.#timers = new Timers(clock, (timer) => {
      handle({ type: 'pool.timer', timer })
    })
    const resources = { options, codec: this.codec, clock, logger, output, open }
    this.#lifecycle = new Lifecycle({ state, connections: this.#slots, resources, self, stopChild, post })
    this.#watch = new EnvironmentWatch({
      clock,
      changed: () => {
        post({ type: 'pool.environment' })
      },
      onError: (err) => {
        logger.error({ err }, 'the watch of the environment failed')
      },
    })
  }

  /** Resolves when every worker is ready; rejects with the reason once that cannot be. */
  get started(): Promise<undefined> {
    return this.#lifecycle.started
  }

  /** Resolves with the number of processes that are left, once the pool has ended. */
  get ended(): Promise<number> {
    return this.#lifecycle.ended
  }

  /** In ms of the pool's clock. */
  get now(): number {
    return this.#dependencies.clock.now()
  }

  /** Why the pool has ended, once it has. */
  get outcome(): ExitReason | undefined {
    return this.#lifecycle.outcome
  }

  /** The supervisor of the workers, once there is one. */
  get workers(): AnyActorRef | undefined {
    return this.#lifecycle.workers
  }

  /** What the workers stand on, once it is open; undefined in a test without processes. */
  get ground(): Ground | undefined {
    return this.#lifecycle.ground
  }

  /** Lets the core decide what the event leads to, and carries that out. */
  handle(event: PoolCoreEvent): void {
    const now = comesInBatches(event) ? this.#moment.now : this.#moment.read()
    dispatch(this.state, event, now, this.#effects)
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

  /**
   * The same by way of the pool's actor, whose observers see what comes of it. A pool that has ended decides nothing.
   */
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
    this.#lifecycle.outcome = reason
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

  /** Takes a call, and settles the promise of its caller with what becomes of it. */
  offer(call: PendingCall): void {
    this.#callers.offer(call)
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

  /** The next call of the handle begins a new session. */
  restartSession(use: SessionUse): void {
    this.handle({ type: 'session.restart', use })
  }

  /** Resolves when the session of the handle has ended. */
  closeSession(use: SessionUse): Promise<void> {
    let waiters = this.#closing.get(use)
    if (waiters === undefined) this.#closing.set(use, (waiters = new Waiters()))
    const answer = waiters.wait()
    this.handle({ type: 'session.close', use })
    return this.#dependencies.keepAlive?.during(answer) ?? answer
  }

  /** Resolves when no worker has a call any more; see `PoolAccess.drain()`. */
  drain(): Promise<void> {
    return this.#askFor(this.#drains, { type: 'pool.drain' })
  }

  /** Resolves when every worker was replaced; see `PoolAccess.reload()`. */
  reload(): Promise<void> {
    return this.#askFor(this.#reloads, { type: 'pool.reload' })
  }

  /** Resolves when the worker of the slot is parked; see `PoolAccess.park()`. */
  park(slot: Slot, why: string | undefined): Promise<void> {
    let waiters = this.#parkings.get(slot)
    if (waiters === undefined) this.#parkings.set(slot, (waiters = new Waiters()))
    return this.#askFor(waiters, { type: 'pool.park', slot, why })
  }

  #askFor(waiters: Waiters, event: PoolCoreEvent): Promise<void> {
    const answer = waiters.wait()
    if (this.state.status === 'stopped') this.handle(event)
    else this.post(event)
    return this.#dependencies.keepAlive?.during(answer) ?? answer
  }

  /** Whether what the pool has opened keeps the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#lifecycle.setReferenced(isReferenced)
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#slots.send(pending(effect.call), effect.slot, effect.timeLeft)
        return
      case 'settle':
        this.#callers.settle(pending(effect.call), effect.value, effect.error)
        return
      case 'watch':
        this.#callers.watch(pending(effect.call))
        return
      case 'cancel':
        this.#slots.cancel(pending(effect.call), effect.slot, effect.unlessBegun)
        return
      case 'credit':
        this.#slots.credit(pending(effect.call), effect.slot, effect.bytes)
        return
      case 'endHostCalls':
        this.#hostCalls.end(pending(effect.call), effect.error)
        return
      case 'session.open':
        this.#slots.openSession(effect.slot, effect.number, effect.id)
        return
      case 'session.close':
        this.#slots.closeSession(effect.slot, effect.number)
        return
      case 'session.closed':
        this.#closing.get(effect.use)?.settle(undefined)
        this.#closing.delete(effect.use)
        return
      case 'released':
        if (effect.call instanceof PendingStream) effect.call.released()
        return
      case 'refuse':
        this.#callers.refuse(pending(effect.call), effect.error)
        return
      case 'setTimer':
        this.#timers.set(effect.timer, effect.delay)
        return
      case 'clearTimer':
        this.#timers.clear(effect.timer)
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
      case 'park':
        this.#lifecycle.park(effect.slot, effect.why)
        return
      case 'parkAnswered':
        this.#parkings.get(effect.slot)?.settle(effect.error)
        return
      case 'unpark':
        this.#lifecycle.unpark(effect.slot)
        return
      case 'drained':
        this.#drains.settle(effect.error)
        return
      case 'reloaded':
        this.#reloads.settle(effect.error)
        return
      case 'startSpare':
        this.#lifecycle.startSpare(effect.slot)
        return
      case 'dismissSpare':
        this.#lifecycle.dismissSpare(effect.slot)
        return
      case 'replace':
        this.#lifecycle.replace(effect.slot)
        return
      case 'open':
        this.#lifecycle.open()
        return
      case 'startWorkers':
        this.#lifecycle.startWorkers()
        return
      case 'started':
        this.#lifecycle.answerStart(effect.error)
        return
      case 'close':
        this.#lifecycle.close()
        return
      case 'abandon':
        this.#lifecycle.abandon()
        return
      case 'end':
        this.#lifecycle.end(effect.reason, effect.left)
    }
  }

  /** Nothing is printed and no listener is told once `stop()` has resolved. */
  #printed(output: WorkerOutput): void {
    const { status, settings } = this.state
    if (status === 'stopped') return
    this.#print?.(output)
    this.#dependencies.tell('worker.output', { ...output, worker: output.worker.slice(settings.pool.length + 1) })
  }
}

/** Whether many such events come at once, which may have one time. The deadline of a call begins when it is made. */
const comesInBatches = (event: PoolCoreEvent): boolean =>
  event.type === 'call.answered' || event.type === 'stream.item' || (event.type === 'call.offered' && !event.isWatched)
