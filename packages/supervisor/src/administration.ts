// Operations on the children of a running supervisor: start, stop, restart, reconfigure, call. Works for any
// supervisor whose actor is known, nested ones included.
import type { ActorRefFrom, AnyActorLogic, AnyActorRef, Subscription, AnyEventObject } from 'xstate'
import { isSupervisor } from './base/brand.ts'
import type { ChildCounts, ChildInfo } from './spec/child-info.ts'
import { isRef, type Address, type Operation } from './core/operation.ts'
import type { Result } from './core/effect.ts'
import type { Explanation } from './core/explain.ts'
import type { WhatIf, WhatIfOptions } from './core/what-if.ts'
import type { JournalJson } from './replay/journal-json.ts'
import { stoppedError } from './core/turn.ts'
import { Checker, isDuration } from './base/checker.ts'
import { TerrariumError } from './base/errors.ts'
import { isOver, whenOver } from './actor/exit.ts'
import { hasStarted, parentOf } from './actor/xstate.ts'
import type { SupervisorSnapshot } from './actor/logic.ts'
import { call, type CallOptions } from './otp/server/call.ts'
import type { ChildSpec, LogicOf } from './spec/spec.ts'
import { stopSupervisor, type SupervisorStopOptions } from './otp/stop-supervisor.ts'
import { show } from './base/show.ts'

/**
 * Operations on the children of a running supervisor. They are queued together with exits and carried out in order.
 * They reject with INVALID_ARGUMENT (`details.reason`: `not_found`, `running`, … ) or, if the supervisor is not
 * running, with STOPPED. `TId`: the ids of the children, if the compiler knows them.
 */
export interface Administration<TId extends string = string> {
  /**
   * Adds a child and starts it. Resolves when it is ready, or with `undefined` if its start function returned IGNORE.
   * Rejects with START_FAILED.
   */
  startChild<TLogic extends AnyActorLogic>(spec: ChildSpec<TLogic>): Promise<ActorRefFrom<TLogic> | undefined>
  /**
   * Stops a child, given by its id or, if it is dynamic, by its ref. It keeps its specification unless it is temporary
   * or dynamic.
   */
  terminateChild(child: TId | AnyActorRef): Promise<void>
  /**
   * Starts a child that is stopped or parked; settles as `startChild`. Refused with `restarting` for a child whose
   * restart is due later, unless `force` is set: then it is started now, together with the children that are held down
   * for it.
   */
  restartChild(child: TId | AnyActorRef, options?: { readonly force?: boolean }): Promise<AnyActorRef | undefined>
  /** Deletes a child that is stopped or parked. */
  deleteChild(child: TId | AnyActorRef): Promise<void>
  /**
   * Gives an existing child a new specification and forgets its failures. If it is parked or waits for its restart, it
   * is started now, as by `restartChild`, unless it is parked by hand. A running child gets the specification with its
   * next start. Resolves to the current actor. The same specification again, compared field by field, changes nothing.
   */
  reconfigure(spec: ChildSpec): Promise<AnyActorRef | undefined>
  /**
   * Calls a child by its id, whatever its incarnation, as `call()` does. Rejects at once if the child cannot answer
   * now: with INVALID_ARGUMENT, `details.reason: 'not_found'`, if there is no such child; with PARKED if it is parked;
   * else with STOPPED. `details` are `{ child, state, retryAt, fingerprint }`; `retryAt` is when its next start is due,
   * in ms of the supervisor's clock (X20).
   */
  call<TReply = unknown>(id: TId, request: AnyEventObject, options?: CallOptions): Promise<TReply>
  /**
   * Parks a child by hand: it is stopped, if it runs, and stays down until `unpark()` or `restartChild()`, also through
   * the failures of its siblings, `reconfigure()`, and a restart of a nested supervisor. Siblings are not touched.
   * `why` is at most 200 characters, for `explain()` and the event `child.parked`, whose `cause` is then `request`.
   * Resolves when it is down. Rejects with INVALID_ARGUMENT, `details.reason: 'not_parkable'`, for a temporary child
   * and in mode `otp`.
   */
  park(child: TId | AnyActorRef, why?: string): Promise<void>
  /** Starts a parked child once, now. Resolves once the start has begun; events tell its result. */
  unpark(child: TId | AnyActorRef): Promise<void>
  /**
   * Stops the children, each within its own `shutdown` time, and then the supervisor, for `reason`; OTP's
   * `supervisor:stop/3` (G16, G17). A parent supervisor treats that as an exit: with `restart: 'permanent'` it starts
   * this supervisor again. Resolves when it has ended, also if it never ran or had ended before. Rejects with
   * - DEADLINE_EXCEEDED after `timeout` ms. The supervisor continues to stop. `details.children` are the ids
   *   of the children that still run.
   * - STOPPED if a `reason` was given and the supervisor ended for another one, as after another `stop()` or a kill:
   *   `details.exit`.
   * - INVALID_ARGUMENT, naming every mistake in the options at once.
   */
  stop(options?: SupervisorStopOptions): Promise<void>
  /**
   * What would follow if a child failed now with this error: plan, steps, delays, budget, and whether the supervisor
   * would give up. Nothing happens and nothing changes. `uptime`: how long the child is to have run by then, in ms;
   * `phase`: whether it is to fail before it is ready (`start`) or after (`run`). Default: as it is by then. Rejects
   * with INVALID_ARGUMENT, `details.reason: 'not_running'`, for a child that is down.
   */
  whatIf(child: TId | AnyActorRef, error: unknown, options?: WhatIfOptions): Promise<WhatIf>
  /**
   * Why a child is as it is, by its id or its ref: what has failed, what it waits for, what would start it again.
   * Answers at once, in any state of the supervisor. Throws INVALID_ARGUMENT, `details.reason: 'not_found'`.
   */
  explain(child: TId | AnyActorRef): Explanation
  /**
   * What the supervisor was told lately, as plain JSON for `replay()` of `@terrarium/supervisor/replay`. Throws
   * INVALID_ARGUMENT without the option `journal: keepJournal()`.
   */
  journal(): JournalJson
  /** Newest first, as in OTP. */
  whichChildren(): Promise<readonly ChildInfo[]>
  countChildren(): Promise<ChildCounts>
  /** As given, with the defaults written out. */
  getChildSpec(child: TId | AnyActorRef): Promise<ChildSpec>
}

/** The administration of a supervisor whose types do not say whether it has a template. */
export interface AnyAdministration extends Administration {
  /** Strategies other than `simple_one_for_one`: as `startChild` of {@link Administration}. */
  startChild<TLogic extends AnyActorLogic>(spec: ChildSpec<TLogic>): Promise<ActorRefFrom<TLogic> | undefined>
  /**
   * Strategy `simple_one_for_one`: starts a child of the template. The input is laid over the template's own, field by
   * field (K02). In the types, anything with a `logic` is a specification.
   */
  startChild<TInput>(
    input?: TInput extends { readonly logic: unknown } ? ChildSpec<LogicOf<TInput>> : TInput,
  ): Promise<AnyActorRef | undefined>
}

/**
 * Returns the administration of any supervisor, given its actor; it may be nested, or invoked by a machine. Throws
 * INVALID_ARGUMENT if the actor is no supervisor.
 */
export function administrate(ref: AnyActorRef): AnyAdministration {
  if (!isRef(ref) || !isSupervisor(ref.getSnapshot())) {
    const what = isRef(ref) ? `actor ${ref.id}` : show(ref)
    throw new TerrariumError('INVALID_ARGUMENT', `${what} is no actor of a supervisor`, {
      hint: 'Pass the ref of an actor whose logic supervisor() has made; of createSupervisor() that is its ref.',
    })
  }
  return new Administrator(ref)
}

export class Administrator implements AnyAdministration {
  readonly #ref: AnyActorRef
  /** Operations that have no answer yet. */
  readonly #waiting = new Set<(error: TerrariumError) => void>()
  /** The subscription to the supervisor's end, while operations wait. */
  #end: Subscription | undefined

  constructor(ref: AnyActorRef) {
    this.#ref = ref
  }

  startChild(specOrInput?: unknown): Promise<AnyActorRef | undefined> {
    return this.#call({ type: 'startChild', specOrInput })
  }

  terminateChild(child: Address): Promise<void> {
    return this.#call({ type: 'terminateChild', child, isOver: endOf(child, this.#ref) })
  }

  restartChild(child: Address, { force = false } = {}): Promise<AnyActorRef | undefined> {
    return this.#call({ type: 'restartChild', child, force })
  }

  deleteChild(child: Address): Promise<void> {
    return this.#call({ type: 'deleteChild', child })
  }

  reconfigure(spec: ChildSpec): Promise<AnyActorRef | undefined> {
    return this.#call({ type: 'reconfigure', spec })
  }

  call<TReply = unknown>(id: string, request: AnyEventObject, options?: CallOptions): Promise<TReply> {
    const child = (this.#ref.getSnapshot() as SupervisorSnapshot).child(id)
    return child?.ref === undefined ? Promise.reject(unavailable(id, child)) : call(child.ref, request, options)
  }

  // Asynchronous, so that a mistake in the argument rejects.
  async park(child: Address, why?: string): Promise<void> {
    checkWhy(why)
    return this.#call({ type: 'park', child, ...(why === undefined ? {} : { why }) })
  }

  unpark(child: Address): Promise<void> {
    return this.#call({ type: 'unpark', child })
  }

  // Asynchronous, so that mistakes in the options reject.
  async whatIf(child: Address, error: unknown, options: WhatIfOptions = {}): Promise<WhatIf> {
    checkWhatIf(options)
    const { uptime, phase } = options
    return this.#call({
      type: 'whatIf',
      child,
      error,
      ...(uptime === undefined ? {} : { uptime }),
      ...(phase === undefined ? {} : { phase }),
    })
  }

  explain(child: string | AnyActorRef): Explanation {
    return (this.#ref.getSnapshot() as SupervisorSnapshot).explain(child)
  }

  journal(): JournalJson {
    return (this.#ref.getSnapshot() as SupervisorSnapshot).journal()
  }

  whichChildren(): Promise<readonly ChildInfo[]> {
    return this.#call({ type: 'whichChildren' })
  }

  countChildren(): Promise<ChildCounts> {
    return this.#call({ type: 'countChildren', isOver })
  }

  getChildSpec(child: Address): Promise<ChildSpec> {
    return this.#call({ type: 'getChildSpec', child, isOver: endOf(child, this.#ref) })
  }

  stop(options?: SupervisorStopOptions): Promise<void> {
    return stopSupervisor(this.#ref, options)
  }

  #call<T>(call: Operation): Promise<T> {
    if (!hasStarted(this.#ref) || isOver(this.#ref)) return Promise.reject(stoppedError(this.#ref.id))
    let answer = undefined as Result | undefined
    let settle: ((result: Result) => void) | undefined
    const reply = (result: Result): void => {
      if (settle === undefined) answer = result
      else settle(result)
    }
    try {
      this.#ref.send({ type: 'supervisor.call', call, reply })
    } catch (error) {
      return Promise.reject(asError(error)) // an error of an inspector
    }
    // Most operations are answered at once, and need no functions to settle a promise later.
    if (answer !== undefined) return answer.ok ? Promise.resolve(answer.value as T) : Promise.reject(answer.error)
    if (isOver(this.#ref)) return Promise.reject(stoppedError(this.#ref.id))
    return new Promise<T>((resolve, reject) => {
      this.#wait(reject)
      settle = (result) => {
        this.#wait(reject, false)
        if (result.ok) resolve(result.value as T)
        else reject(result.error)
      }
    })
  }

  /** Adds or removes a waiting operation. If the supervisor ends before its answer, it is rejected. */
  #wait(refuse: (error: TerrariumError) => void, on = true): void {
    if (on) this.#waiting.add(refuse)
    else this.#waiting.delete(refuse)
    if (this.#waiting.size === 0) {
      this.#end?.unsubscribe()
      this.#end = undefined
    }
    if (this.#waiting.size > 0)
      this.#end ??= whenOver(this.#ref, () => {
        for (const each of this.#waiting) each(stoppedError(this.#ref.id))
        this.#waiting.clear()
        this.#end = undefined
      })
  }
}

/**
 * True if an actor has ended. An unknown actor whose parent is this supervisor was declared exited, though it may still
 * be ending.
 */
function endOf(child: Address, supervisor: AnyActorRef): (() => boolean) | undefined {
  return isRef(child) ? () => isOver(child) || parentOf(child) === supervisor : undefined
}

function checkWhy(why: unknown): void {
  const check = new Checker()
  check.field({ why }, 'why', (value) => typeof value === 'string', 'a string')
  check.finish('park()')
}

const WHAT_IF: Readonly<Record<keyof WhatIfOptions, true>> = { uptime: true, phase: true }

function checkWhatIf(options: unknown): void {
  const check = new Checker()
  if (check.object('options', options, WHAT_IF)) {
    check.known(options, WHAT_IF)
    check.field(options, 'uptime', isDuration, 'ms, 0 or more')
    check.oneOf(options, 'phase', ['start', 'run'])
  }
  check.finish('what-if options')
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function unavailable(id: string, child: ChildInfo | undefined): TerrariumError {
  if (child === undefined) {
    const details = { reason: 'not_found', child: id, state: 'not_found' }
    return new TerrariumError('INVALID_ARGUMENT', `child ${id} cannot be called: it does not exist`, { details })
  }
  const { state, failure, until } = child
  const details = { child: id, state, retryAt: until, fingerprint: failure?.fingerprint }
  const message = `child ${id} cannot be called: ${state.replace('_', ' ')}`
  const hint = state === 'parked' ? 'Remove the cause, then call unpark() or reconfigure().' : undefined
  return new TerrariumError(state === 'parked' ? 'PARKED' : 'STOPPED', message, {
    hint,
    cause: failure?.error,
    details,
  })
}
