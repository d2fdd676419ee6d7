// createSupervisor(): the object that a user holds for a supervisor at the root of an actor system. It adds a
// promise for the start, listeners and `unref()` to the actor logic.
import type { Actor, ActorRefFrom, AnyActorRef, InputFrom } from 'xstate'
import { Administrator, type Administration } from './administration.ts'
import { ASYNC_DISPOSE, type Stoppable } from './base/async-disposable.ts'
import type { ChildInfo } from './spec/child-info.ts'
import { systemClock } from './base/clock.ts'
import { stoppedError } from './core/turn.ts'
import { SUPERVISOR_EVENTS, type SupervisorEvents } from './spec/events.ts'
import { harmless } from './base/inspector.ts'
import { faultReporter, type OnFault } from './base/platform.ts'
import { KeepAlive, ReferencedClock } from './base/keep-alive.ts'
import { Listeners } from './base/listeners.ts'
import { logicOf, type SupervisorLogic } from './actor/logic.ts'
import type { CheckedOptions, OrAny, RefOf, Specs, Strategy } from './spec/checked.ts'
import type { SupervisorOptions } from './spec/options.ts'
import { orphansOver } from './actor/orphan.ts'
import type { ChildSpec, LogicOf } from './spec/spec.ts'
import { stopSupervisor, type SupervisorStopOptions } from './otp/stop-supervisor.ts'
import { SupervisedActor } from './actor/supervised-actor.ts'
import { checkedOptions } from './spec/validate.ts'

/**
 * A supervisor and its administration. The children given with its options are known by their ids: the compiler accepts
 * no other id, if it knows them. `administrate(supervisor.ref)` takes any id, such as the id of a child added later.
 */
export interface Supervisor<TSpecs extends readonly ChildSpec[] = readonly ChildSpec[]>
  extends Administration<TSpecs[number]['id']>, Stoppable {
  readonly id: string
  /** The supervisor's own actor, for inspection and for functions that take a ref. */
  readonly ref: Actor<SupervisorLogic>
  /** The children as they are now, in start order. */
  readonly children: readonly ChildInfo[]
  /** The current actor of a child; `undefined` while it has none. */
  child<TId extends TSpecs[number]['id']>(id: TId): RefOf<TSpecs, TId> | undefined
  /** As `restartChild` of {@link Administration}. */
  restartChild<TId extends TSpecs[number]['id']>(
    child: TId | AnyActorRef,
    options?: { readonly force?: boolean },
  ): Promise<RefOf<TSpecs, TId> | undefined>
  /**
   * Starts the children. Resolves when every child is ready. Rejects with START_FAILED, `cause` being the child's
   * error; then nothing is left running. A supervisor starts only once: when it has ended, this rejects with STOPPED.
   */
  start(): Promise<void>
  /**
   * Stops the children in reverse start order, as `stop` of {@link Administration}. Resolves when nothing is left,
   * orphaned nested supervisors included.
   */
  stop(options?: SupervisorStopOptions): Promise<void>
  /**
   * Lets the host process end although timers of the tree are pending: delays before restarts, deadlines, `after`
   * transitions. A pending `start()` or `stop()` keeps the process alive. Handles that children hold are not affected.
   * `unref(false)` reverts this; the actor is `ref`.
   */
  unref(isUnreferenced?: boolean): this
  /**
   * Adds a listener. Throws INVALID_ARGUMENT for an unknown event, with the name that was probably meant, and for a
   * listener that is no function.
   */
  on<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
  /** Removes a listener. Throws as {@link on}; removing a listener that was not added is no mistake. */
  off<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
}

/** A supervisor with strategy `simple_one_for_one`: all children are made from one template. */
export interface SimpleSupervisor<TSpec extends ChildSpec> extends Omit<Supervisor, 'startChild' | 'child'> {
  /** Starts a child of the template. The input is laid over the template's own, field by field (K02). */
  startChild(input?: Partial<InputFrom<LogicOf<TSpec>>>): Promise<ActorRefFrom<LogicOf<TSpec>> | undefined>
}

/** Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing. */
export function createSupervisor<
  const TSpecs extends Specs = readonly ChildSpec[],
  TLogics extends readonly unknown[] = readonly unknown[],
  const TStrategy extends Strategy = undefined,
  const TId extends string = string,
>(
  options: CheckedOptions<TSpecs, TLogics, TStrategy, TId>,
): [TStrategy] extends ['simple_one_for_one'] ? SimpleSupervisor<TSpecs[0]> : Supervisor<OrAny<TSpecs>> {
  return new SupervisorHandle(options as SupervisorOptions) as never
}

class SupervisorHandle extends Administrator {
  readonly id: string
  readonly ref: Actor<SupervisorLogic>
  readonly #listeners = new Listeners<SupervisorEvents>(SUPERVISOR_EVENTS, (event, error) => {
    this.#report(`a listener for ${event} of supervisor ${this.id} failed`, error)
  })
  readonly #report: OnFault
  readonly #heard = new Set<keyof SupervisorEvents>()
  readonly #clock: ReferencedClock
  readonly #keepAlive = new KeepAlive()
  #status: 'idle' | 'started' | 'ended' = 'idle'
  #started: Promise<void> | undefined
  #hasRun = false

  constructor(given: SupervisorOptions) {
    const options = checkedOptions(given) // the clock is checked before it is wrapped
    const { id, inspect, snapshot, onFault } = options
    const clock = new ReferencedClock(options.clock ?? systemClock)
    const logic = logicOf({ ...options, clock })
    const report = faultReporter(onFault)
    const ref = new SupervisedActor(logic, {
      id,
      clock,
      ...(inspect === undefined ? {} : { inspect: harmless(inspect, id, report) }),
      ...(snapshot === undefined ? {} : { snapshot }),
    })
    super(ref)
    this.ref = ref
    this.id = id
    this.#report = report
    this.#clock = clock
    const ended = (): void => {
      this.#status = 'ended'
    }
    this.ref.subscribe({ error: ended, complete: ended })
  }

  get children(): readonly ChildInfo[] {
    return this.ref.getSnapshot().supervised
  }

  child(id: string): AnyActorRef | undefined {
    return this.ref.getSnapshot().child(id)?.ref
  }

  start(): Promise<void> {
    if (this.#status === 'ended' && (this.#started === undefined || this.#hasRun)) {
      return Promise.reject(
        stoppedError(this.id, 'Make a new supervisor with createSupervisor(): each can be started once.'),
      )
    }
    this.#started ??= this.#keepAlive.during(this.#start())
    return this.#started
  }

  #start(): Promise<void> {
    this.#status = 'started'
    return new Promise((resolve, reject) => {
      const subscription = this.ref.subscribe({
        next: ({ phase }) => {
          if (phase !== 'running') return
          subscription.unsubscribe()
          this.#hasRun = true
          resolve()
        },
        error: reject,
        complete: () => {
          reject(startErrorOf(this.ref) ?? stoppedError(this.id))
        },
      })
      this.ref.start()
    })
  }

  override stop(options?: SupervisorStopOptions): Promise<void> {
    return this.#keepAlive.during(stopSupervisor(this.ref, options, () => orphansOver(this.ref.system)))
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.stop()
  }

  unref(isUnreferenced = true): this {
    for (const each of [this.#clock, this.#keepAlive]) {
      if (isUnreferenced) each.unref()
      else each.ref()
    }
    return this
  }

  on<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this {
    this.#listeners.on(event, listener)
    // An event type without listeners costs the actor nothing, so each type is subscribed to with its first listener.
    if (!this.#heard.has(event)) {
      this.#heard.add(event)
      this.ref.on(event, (heard) => {
        this.#listeners.tell(heard.type, heard)
      })
    }
    return this
  }

  off<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this {
    this.#listeners.off(event, listener)
    return this
  }
}

/** The error that kept the children from starting, if the supervisor ended for that with `shutdown` (B03). */
function startErrorOf(ref: Actor<SupervisorLogic>): Error | undefined {
  const { output } = ref.getSnapshot()
  const detail = output?.exit.type === 'shutdown' ? output.exit.detail : undefined
  return detail instanceof Error ? detail : undefined
}
