import type { AnyActorRef } from 'xstate'
import { FRESH_BREAKER, type BreakerMemory, type ParkCause } from '../policy/breaker.ts'
import type { ChildCounts, ChildInfo, ChildState } from '../spec/child-info.ts'
import type { CrashLoopMemory } from '../policy/crash-loop.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Settings } from '../spec/options.ts'
import { IGNORE, resolveSpec, type ResolvedSpec, type RestartType } from '../spec/spec.ts'
import { StartRate } from '../policy/start-rate.ts'
import type { ChildView } from '../spec/strategy.ts'
import { RestartWindow } from '../policy/intensity.ts'
import type { Asked, Death, Shutdown } from './event.ts'
import { Fifo } from './fifo.ts'
import { IDLE, type Task } from './task.ts'

/** What is remembered of a child's failures until it has been stable. */
export interface FailureMemory {
  readonly last: FailureInfo
  /** The delay before the start that failed last, in ms. */
  readonly delay: number
  readonly breaker: BreakerMemory
  /** When the first of the failures in a row was, in ms. */
  readonly since: number
}

/** What most children never have, and so only those do that need it. */
class Trouble {
  /** Lives in a row that were over almost at once. */
  shortLives = 0
  until: number | undefined
  memory: FailureMemory | undefined
  /** In mode `otp`, where nothing else is remembered: how often it has failed. */
  failures = 0
  crashes: CrashLoopMemory | undefined
  /** Its place among the starts of this second is taken. */
  hasPlace = false
  /** In mode `otp`: why its last start failed, which is tried again and not counted yet. */
  retry: ExitReason | undefined
  /** What a nested supervisor has left to its next incarnation. */
  legacy: unknown
  /** Started out of parking, and not yet proven to be stable. */
  probing = false
  /** Why it is, or was last, parked. */
  parkedFor: ParkCause | undefined
  /** Who is held down until this child is started again, itself included; `undefined`: only itself. */
  group: readonly string[] | undefined

  /** It is started, and nothing holds it down any more. */
  release(): void {
    this.settle()
    this.hasPlace = false
    this.retry = undefined
  }

  /** It is down, and waits for nothing. */
  settle(): void {
    this.until = undefined
    this.group = undefined
  }
}

/** Of all who have none. Nothing that `release` and `settle` do makes a difference to it. */
const NO_TROUBLE: Readonly<Trouble> = new Trouble()

/** One child, updated in place. */
export class Child implements ChildView {
  /** There is always this one, for the same reason as there is always {@link IDLE}. */
  static readonly specimen = new Child(
    resolveSpec({ id: 'specimen', logic: () => IGNORE }, { mode: 'otp', backoff: 'off', breaker: 'off' }),
  )

  readonly id: string
  state: ChildState = 'stopped'
  /** While there is one. */
  ref: AnyActorRef | undefined
  /** Identifies the current incarnation among all that the supervisor has ever started. */
  birth = 0
  incarnation = 0
  spec: ResolvedSpec
  /** The specification that this incarnation was started with, and is stopped by. */
  startedWith: ResolvedSpec
  /** The one timer a child can have; which one it is follows from its state. */
  timer: number | undefined
  /** It has died, and the death waits in the queue. */
  death: Death | undefined
  /** The task that waits for its end. */
  stopper: Task | undefined
  /** The last one, until there is the next. */
  lastRef: AnyActorRef | undefined
  /** The last actor that became ready, or the first one as long as none did: what a dynamic child is known by (K14). */
  knownAs: AnyActorRef | undefined
  input: unknown
  /** In ms. Never an integer to V8, which would make all children anew when it is none for the first time. */
  startedAt = NaN
  readyAt: number | undefined
  /** Down for the sake of a group that is to be started again, and comes back with it. */
  isHeld = false
  /** To be read, and to be changed by {@link troubled} only. */
  trouble: Readonly<Trouble> = NO_TROUBLE

  constructor(spec: ResolvedSpec, id = spec.id, input: unknown = spec.source.input) {
    this.id = id
    this.spec = spec
    this.startedWith = spec
    this.input = input
  }

  get restart(): RestartType {
    return this.spec.restart
  }

  get type(): 'worker' | 'supervisor' {
    return this.spec.type
  }

  /** Whether there is an actor, or one is being made. */
  get isAlive(): boolean {
    return (
      this.death === undefined && (this.state === 'starting' || this.state === 'running' || this.state === 'stopping')
    )
  }

  /** Whether a start is due without anybody asking for it. */
  get isWaiting(): boolean {
    return this.state === 'restarting' || this.state === 'backing_off'
  }

  get breakerMemory(): BreakerMemory {
    return this.trouble.memory?.breaker ?? FRESH_BREAKER
  }

  /** Its trouble, to be changed. */
  get troubled(): Trouble {
    if (this.trouble === NO_TROUBLE) this.trouble = new Trouble()
    return this.trouble
  }

  info(): ChildInfo {
    const { id, type, state, ref, incarnation } = this
    const { memory, until } = this.trouble
    return {
      id,
      type,
      state,
      incarnation,
      ...(ref === undefined ? {} : { ref }),
      ...(memory === undefined ? {} : { failure: memory.last }),
      ...(until === undefined ? {} : { until }),
    }
  }
}

/** What waits for the task at hand to end. */
export type Pending =
  | Shutdown
  | Asked
  | { readonly type: 'death'; readonly id: string; readonly birth: number }
  /** A start that failed is tried again (mode `otp`). */
  | { readonly type: 'retry'; readonly id: string }
  /** The delay of a restart, or the time of a parked child, is over. */
  | { readonly type: 'due'; readonly id: string; readonly timer: number }

export type Phase = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

export interface CoreState {
  readonly settings: Settings
  /** In start order. */
  readonly children: Map<string, Child>
  /** The same, for those who may only look. */
  readonly listing: Iterable<ChildView>
  readonly window: RestartWindow
  readonly rate: StartRate
  readonly queue: Fifo<Pending>
  /** How many of the queue are retries. */
  retries: number
  phase: Phase
  /** What everything else waits for. */
  task: Task
  lastTimer: number
  lastBirth: number
  /** Dynamic children started so far. */
  lastInstance: number
}

export function createState(settings: Settings): CoreState {
  const { intensity, period, windowClock, startRate } = settings
  const children = new Map(settings.children.map((spec) => [spec.id, new Child(spec)]))
  return {
    settings,
    children,
    listing: { [Symbol.iterator]: () => children.values() },
    window: new RestartWindow(intensity, period, windowClock),
    rate: new StartRate(startRate),
    queue: new Fifo(),
    retries: 0,
    phase: 'idle',
    task: IDLE,
    lastTimer: 0,
    lastBirth: 0,
    lastInstance: 0,
  }
}

/** In start order. */
export function listChildren({ children }: CoreState): ChildInfo[] {
  return Array.from(children.values(), (child) => child.info())
}

/**
 * A supervisor with a template has one specification, however many children (K01). Active is a child whose actor is
 * alive, also if the supervisor has not heard of its death yet (J15); in OTP that holds for static children only.
 */
export function countChildren({ children, settings }: CoreState, isOver: (ref: AnyActorRef) => boolean): ChildCounts {
  const { template, kind, mode } = settings
  const isTrusting = kind !== 'static' && mode === 'otp'
  let active = 0
  let supervisors = 0
  for (const child of children.values()) {
    const { ref } = child
    if (isTrusting ? !child.isWaiting : child.isAlive && ref !== undefined && !isOver(ref)) active += 1
    if (child.type === 'supervisor') supervisors += 1
  }
  const specs = template === undefined ? children.size : 1
  return { specs, active, supervisors, workers: children.size - supervisors }
}
