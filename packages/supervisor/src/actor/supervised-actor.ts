// The actor class of supervisors and their children: XState's, with observers that cannot do harm.
import type { ActorOptions, AnyActorLogic, EmittedFrom, Subscription } from 'xstate'
import { EXIT_REASON } from './exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { reportFault } from '../base/platform.ts'
import { tellUser } from '../base/user-code.ts'
import { Actor, audienceOf } from './xstate.ts'

interface Observer {
  readonly next?: (snapshot: unknown) => void
  readonly error?: (error: unknown) => void
  readonly complete?: () => void
}

/**
 * Shared empty sets for actors without observers: a set and a map each would be a fifth of an actor's memory (row
 * "memory of a child" of the supervisor benchmark).
 */
const NO_OBSERVERS = new Set()
const NO_LISTENERS = new Map()

/**
 * An actor whose observers cannot do harm. XState throws an observer's error, or an error of the actor that no observer
 * takes, from a timer, which ends the process. Here the first is reported, and the second is left to the supervisor.
 */
export class SupervisedActor<TLogic extends AnyActorLogic = AnyActorLogic> extends Actor<TLogic> {
  /**
   * Present from the start, since adding a field to an actor that is being stopped costs more (row "stop … children").
   */
  [EXIT_REASON]: ExitReason | undefined = undefined

  constructor(logic: TLogic, options?: ActorOptions<TLogic>) {
    super(logic, options)
    const audience = audienceOf(this)
    if (audience.observers.size === 0) audience.observers = NO_OBSERVERS
    if (audience.eventListeners.size === 0) audience.eventListeners = NO_LISTENERS
  }

  override subscribe(...observer: unknown[]): Subscription {
    const audience = audienceOf(this)
    if (audience.observers === NO_OBSERVERS) audience.observers = new Set()
    return super.subscribe(contained(this.id, observer) as never)
  }

  override on(type: EmittedFrom<TLogic>['type'] | '*', handler: Parameters<Actor<TLogic>['on']>[1]): Subscription {
    const audience = audienceOf(this)
    if (audience.eventListeners === NO_LISTENERS) audience.eventListeners = new Map()
    return super.on(type, (event) => {
      contain(this.id, handler, event)
    })
  }
}

/** Wraps the callbacks that the observer has. XState calls nothing for the others. */
function contained(id: string, [first, error, complete]: unknown[]): Observer & Pick<Required<Observer>, 'error'> {
  const observer = (typeof first === 'object' && first !== null ? first : { next: first, error, complete }) as Observer
  return {
    error: (reason) => {
      contain(id, observer.error, reason, observer)
    },
    ...(observer.next && {
      next: (snapshot: unknown) => {
        contain(id, observer.next, snapshot, observer)
      },
    }),
    ...(observer.complete && {
      complete: () => {
        contain(id, observer.complete, undefined, observer)
      },
    }),
  }
}

function contain<T>(id: string, listener: ((told: T) => unknown) | undefined, told: T, observer?: Observer): void {
  if (listener === undefined) return
  const failed = (fault: unknown): void => {
    reportFault(`an observer of actor ${id} failed`, fault)
  }
  tellUser(listener, told, failed, observer)
}
