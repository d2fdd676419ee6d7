// The state of the core: the supervisor, and one object per child.
import type { AnyActorRef } from 'xstate'
import { FRESH_BREAKER, type BreakerMemory, type ParkCause } from '../policy/breaker.ts'
import type { ChildCounts, ChildInfo, ChildState } from '../spec/child-info.ts'
import type { CrashLoopMemory } from '../policy/crash-loop.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Settings } from '../spec/options.ts'
import { IGNORE, resolveSpec, type ResolvedSpec, type RestartType } from '../spec/spec.ts'
import { StartRate } from '../policy/start-rate.ts'
import type { Because, PlannedBecause } from '../spec/because.ts'
import { RestartWindow } from '../policy/intensity.ts'
import type { Asked, Ended, Shutdown } from './event.ts'
import type { ResumeMemory } from './resume.ts'
import { Fifo } from './fifo.ts'
import { IDLE, type Task } from './task.ts'

/** What is remembered of a child's failures until the child has been stable. */
export interface FailureMemory {
  readonly last: FailureInfo
  /** The delay before the start that failed last, in ms. */
  readonly delay: number
  readonly breaker: BreakerMemory
  /** When the first of the failures in a row was, in ms. */
  readonly since: number
}

/**
 * Fields that few children need. Children without failures share {@link NO_TROUBLE}; row "memory of a child" of the
 * benchmark.
 */
class Trouble {
  /** Lives in a row that were shorter than SHORT_LIFE (restart.ts). */
  shortLives = 0
  /** When the next start is due, in ms. */
  until: number | undefined
  memory: FailureMemory | undefined
  /** Mode `otp`: the number of failures. Other modes keep {@link FailureMemory}. */
  failures = 0
  crashes: CrashLoopMemory | undefined
  /** True once the start rate has granted this child a start. */
  hasPlace = false
  /** Mode `otp`: how the last start failed. The start is tried again, and counts as a restart only then. */
  retry: Ended | undefined
  /** Mode `otp`: what the strategy has planned for a restart that was postponed. */
  planned: readonly string[] | undefined
  /** The memory that a nested supervisor hands to its next incarnation, as a snapshot. */
  history: unknown
  /** With the option `resume`: how the child began, and how it begins next. */
  resume: ResumeMemory | undefined
  /** True from the start of a parked child until it is stable or has failed. */
  probing = false
  /** Why the child is parked, or was parked last. */
  parkedFor: ParkCause | undefined
  /** Why it is parked by hand, in the words of the caller. */
  parkedBecause: string | undefined
  /** The children that are held down until this child is started again, itself included. `undefined`: only itself. */
  group: readonly string[] | undefined

  /** The child is started: no start is due any more. */
  release(): void {
    this.settle()
    this.hasPlace = false
    this.retry = undefined
    this.planned = undefined
  }

  /** The child is down, and nothing is due for it. */
  settle(): void {
    this.until = undefined
    this.group = undefined
  }
}

/** Shared by all children without trouble. `release` and `settle` change nothing in it. */
export const NO_TROUBLE: Readonly<Trouble> = new Trouble()

/** One child, updated in place. */
export class Child {
  /**
   * V8 keeper: one permanent instance, so that V8 never drops the code that it has optimised for this class. See the
   * rows "stop … children" of the supervisor benchmark, and {@link IDLE}.
   */
  static readonly keeper = new Child(
    resolveSpec({ id: 'keeper', logic: () => IGNORE }, { mode: 'otp', backoff: 'off', breaker: 'off' }),
  )

  readonly id: string
  state: ChildState = 'stopped'
  /** The actor, while there is one. */
  ref: AnyActorRef | undefined
  /** The start number of the current incarnation: unique among all starts of the supervisor. */
  startNumber = 0
  incarnation = 0
  spec: ResolvedSpec
  /** The specification by which this incarnation was started, and by which it is stopped. */
  startedWith: ResolvedSpec
  /** The one timer that a child can have. What it is for follows from `state`. */
  timer: number | undefined
  /** The exit of the child, while it waits in the queue for its answer. */
  death: Ended | undefined
  /** The core task that waits for the end of this child. */
  stopper: Task | undefined
  /** The previous actor, until there is a new one. */
  lastRef: AnyActorRef | undefined
  /**
   * The actor by which a dynamic child is addressed: the last actor that became ready, or the first as long as none did
   * (K14).
   */
  knownAs: AnyActorRef | undefined
  input: unknown
  /**
   * In ms. Starts as NaN so that V8 stores a double from the start: an integer first would change the hidden class of
   * all children later. See the row "start … dynamic children".
   */
  startedAt = NaN
  readyAt: number | undefined
  /** True while the child is down because its group waits for a restart. It comes back with the group. */
  isHeld = false
  /** How the last incarnation ended; `asked`: on request. `undefined` while there is one. For explain(). */
  ended: ExitReason | 'asked' | undefined
  /** Because of which failure the child was started, or has gone down, last. `undefined`: no failure was the reason. */
  cause: Because | undefined
  /** For reading. {@link troubled} returns it for changes. */
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

  get dependsOn(): readonly string[] {
    return this.spec.dependsOn
  }

  /** True if there is an actor, or one is being made. */
  get isAlive(): boolean {
    return (
      this.death === undefined && (this.state === 'starting' || this.state === 'running' || this.state === 'stopping')
    )
  }

  /** True if a start is due without any operation. */
  get isWaiting(): boolean {
    return this.state === 'restarting' || this.state === 'backing_off'
  }

  get breakerMemory(): BreakerMemory {
    return this.trouble.memory?.breaker ?? FRESH_BREAKER
  }

  /** The child's own trouble, for changes. Made on first use. */
  get troubled(): Trouble {
    if (this.trouble === NO_TROUBLE) this.trouble = new Trouble()
    return this.trouble
  }

  /** A copy that shares nothing that the core changes. */
  copy(): Child {
    const copy = Object.assign(new Child(this.spec, this.id, this.input), this)
    if (this.trouble !== NO_TROUBLE) copy.trouble = Object.assign(new Trouble(), this.trouble)
    return copy
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

/** What waits until the current core task is done. */
export type Pending =
  | Shutdown
  | Asked
  | { readonly type: 'death'; readonly id: string; readonly startNumber: number }
  /** A failed start is tried again (mode `otp`). */
  | { readonly type: 'retry'; readonly id: string }
  /** The delay of a restart, or the time of a parked child, is over. */
  | { readonly type: 'due'; readonly id: string; readonly timer: number }

export type Phase = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

export interface CoreState {
  readonly settings: Settings
  /** The first part of the ids of its incidents: unique in the actor system. */
  readonly name: string
  /** In start order. */
  readonly children: Map<string, Child>
  readonly window: RestartWindow
  readonly rate: StartRate
  readonly queue: Fifo<Pending>
  /** How many entries of `queue` are retries. */
  retries: number
  phase: Phase
  /** The current core task. Everything else waits until it is done. */
  task: Task
  lastTimer: number
  lastStartNumber: number
  /** Dynamic children started so far. */
  lastInstance: number
  lastIncident: number
  /** Because of which failure the supervisor was started, or is ending. */
  cause: Because | undefined
  /** What a plan that only restarts says of each child. */
  readonly restarts: PlannedBecause
  /** The memory of the strategy, as JSON. */
  strategyMemory: string | undefined
  /** False as long as no child has dependencies. */
  hasDependencies: boolean
}

/** @param name - the first part of the ids of incidents */
export function createState(settings: Settings, name = settings.id): CoreState {
  const { intensity, period, windowClock, startRate } = settings
  const children = new Map(settings.children.map((spec) => [spec.id, new Child(spec)]))
  return {
    settings,
    name,
    children,
    window: new RestartWindow(intensity, period, windowClock),
    rate: new StartRate(startRate),
    queue: new Fifo(),
    retries: 0,
    phase: 'idle',
    task: IDLE,
    lastTimer: 0,
    lastStartNumber: 0,
    lastInstance: 0,
    lastIncident: 0,
    cause: undefined,
    restarts: { strategy: settings.strategy.name, action: 'restart', because: undefined },
    strategyMemory: undefined,
    hasDependencies: settings.children.some(({ dependsOn }) => dependsOn.length > 0),
  }
}

/** In start order. */
export function listChildren({ children }: CoreState): ChildInfo[] {
  return Array.from(children.values(), (child) => child.info())
}

/**
 * OTP's counts. A supervisor with a template has one specification, however many children it has (K01). A child is
 * active if its actor is alive, even if the supervisor has not yet heard of its exit (J15). In mode `otp` that holds
 * for static children only.
 */
export function countChildren({ children, settings }: CoreState, isOver: (ref: AnyActorRef) => boolean): ChildCounts {
  const { template, kind, mode } = settings
  const isTrusting = kind !== 'static' && mode === 'otp'
  let active = 0
  let supervisors = 0
  for (const child of children.values()) {
    const { ref } = child
    if (isTrusting ? !child.isWaiting && child.state !== 'stopped' : child.isAlive && ref !== undefined && !isOver(ref))
      active += 1
    if (child.type === 'supervisor') supervisors += 1
  }
  const specs = template === undefined ? children.size : 1
  return { specs, active, supervisors, workers: children.size - supervisors }
}
