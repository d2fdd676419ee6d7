import type { Actor, ActorRefFrom, AnyActorLogic, AnyActorRef, InputFrom, InspectionEvent } from 'xstate'
import { Administrator, type Administration } from './administration.ts'
import { ASYNC_DISPOSE, type Stoppable } from './base/async-disposable.ts'
import type { ChildInfo } from './spec/child-info.ts'
import { systemClock } from './base/clock.ts'
import { stoppedError } from './core/turn.ts'
import { SUPERVISOR_EVENTS, type SupervisorEvents } from './spec/events.ts'
import { faultReporter, type OnFault } from './base/host.ts'
import { KeepAlive, ReferencedClock } from './base/keep-alive.ts'
import { Listeners } from './base/listeners.ts'
import { supervisor, type SupervisorLogic } from './actor/logic.ts'
import type { CheckedOptions, SupervisorOptions, TemplateOptions } from './spec/options.ts'
import { orphansOver } from './actor/orphan.ts'
import type { ChildSpec, LogicOf, SpecOf, TemplateSpec } from './spec/spec.ts'
import { stopSupervisor, type SupervisorStopOptions } from './otp/stop-supervisor.ts'
import { SupervisedActor } from './actor/supervised-actor.ts'
import { reportOnce, tellUser } from './base/user-code.ts'
import { checkedOptions } from './spec/validate.ts'

/** A supervisor and its administration. The children given with its options are known by their ids. */
export interface Supervisor<TSpecs extends readonly ChildSpec[] = readonly ChildSpec[]>
  extends Administration, Stoppable {
  readonly id: string
  /** The supervisor's own actor, for `inspect` and for those who hold refs. */
  readonly ref: Actor<SupervisorLogic>
  /** The latest view, in start order. */
  readonly children: readonly ChildInfo[]
  /**
   * The present actor of a child; `undefined` while it has none. Only for ids that the options have named; for any, if
   * they are computed.
   */
  child<TId extends TSpecs[number]['id']>(id: TId): ActorRefFrom<LogicOf<SpecOf<TSpecs[number], TId>>> | undefined
  /**
   * Resolves when every child is ready. Rejects with START_FAILED, `cause` being the child's error; nothing is left
   * running. A supervisor lives once: when it has ended, this rejects with STOPPED.
   */
  start(): Promise<void>
  /**
   * Stops the children in reverse start order, as `stop` of {@link Administration}, and resolves when nothing is left:
   * neither the supervisor nor a nested one that had been orphaned.
   */
  stop(options?: SupervisorStopOptions): Promise<void>
  /**
   * Lets the host process end although timers of the tree are pending: delays before restarts, deadlines, `after`
   * transitions. While `start()` or `stop()` is under way the process goes on. Handles that children hold are their own
   * affair. `unref(false)` takes it back; `ref` is the actor.
   */
  unref(isUnreferenced?: boolean): this
  /** Throws INVALID_ARGUMENT for an unknown event, with the name that was meant, and for what is no function. */
  on<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
  /** Throws as {@link on}. A listener that does not listen is no mistake. */
  off<E extends keyof SupervisorEvents>(event: E, listener: SupervisorEvents[E]): this
}

/** With strategy `simple_one_for_one`: all children are of one kind. */
export interface SimpleSupervisor<TSpec extends ChildSpec> extends Omit<Supervisor, 'startChild' | 'child'> {
  /** Starts a child of the template. The input is laid over the template's own, field by field (K02). */
  startChild(input?: Partial<InputFrom<LogicOf<TSpec>>>): Promise<ActorRefFrom<LogicOf<TSpec>> | undefined>
}

/** Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing. */
export function createSupervisor<TLogic extends AnyActorLogic>(
  options: TemplateOptions<TLogic>,
): SimpleSupervisor<TemplateSpec<TLogic>>
export function createSupervisor<const TSpecs extends readonly ChildSpec[] = readonly ChildSpec[]>(
  options: CheckedOptions<TSpecs>,
): Supervisor<TSpecs>
export function createSupervisor(options: SupervisorOptions): unknown {
  return new SupervisorHandle(options)
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
    const options = checkedOptions(given) // the clock must be one before it is wrapped
    const { id, inspect, snapshot, onFault } = options
    const clock = new ReferencedClock(options.clock ?? systemClock)
    const logic = supervisor({ ...options, clock })
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
      return Promise.reject(stoppedError(this.id, 'a supervisor lives once: make a new one with createSupervisor()'))
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
    // The actor emits to nobody at no cost, so each type is asked for only when somebody wants it.
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

/** What kept the children of a supervisor from starting, if it has ended for that with `shutdown` (B03). */
function startErrorOf(ref: Actor<SupervisorLogic>): Error | undefined {
  const { output } = ref.getSnapshot()
  const detail = output?.exit.type === 'shutdown' ? output.exit.detail : undefined
  return detail instanceof Error ? detail : undefined
}

type Inspector = (event: InspectionEvent) => unknown

/**
 * XState lets an inspector's error break whoever has sent the event that is inspected. An inspector sees every event:
 * one report has to do.
 */
export function harmless(
  inspect: NonNullable<SupervisorOptions['inspect']>,
  id: string,
  tell: OnFault,
): (event: InspectionEvent) => void {
  const report = reportOnce(tell)
  const failed = (error: unknown): void => {
    report(`the inspector of supervisor ${id} failed`, error)
  }
  // Whatever it answers with may be a promise that is rejected.
  const inspector = inspect as Inspector | { readonly next?: Inspector }
  const show: Inspector = (event) => (typeof inspector === 'function' ? inspector(event) : inspector.next?.(event))
  return (event) => {
    tellUser(show, event, failed)
  }
}
