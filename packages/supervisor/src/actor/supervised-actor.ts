import type { ActorOptions, AnyActorLogic, EmittedFrom, Subscription } from 'xstate'
import { EXIT_REASON } from './exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { reportFault } from '../base/host.ts'
import { tellUser } from '../base/user-code.ts'
import { Actor, audienceOf } from './xstate.ts'

interface Observer {
  readonly next?: (snapshot: unknown) => void
  readonly error?: (error: unknown) => void
  readonly complete?: () => void
}

/**
 * Those of all actors that nobody observes, which are most: a set and a map each would be a fifth of what an actor
 * holds.
 */
const NOBODY = new Set()
const NOTHING = new Map()

/**
 * An actor whose observers cannot do harm. XState throws an observer's error, or an error that no observer wants, from
 * a timer, where it ends the process; here the first is reported and the second is the supervisor's to deal with.
 */
export class SupervisedActor<TLogic extends AnyActorLogic = AnyActorLogic> extends Actor<TLogic> {
  /** Here from the beginning, since it costs more to add something to an actor that is being stopped. */
  [EXIT_REASON]: ExitReason | undefined = undefined

  constructor(logic: TLogic, options?: ActorOptions<TLogic>) {
    super(logic, options)
    const audience = audienceOf(this)
    if (audience.observers.size === 0) audience.observers = NOBODY
    if (audience.eventListeners.size === 0) audience.eventListeners = NOTHING
  }

  override subscribe(...observer: unknown[]): Subscription {
    const audience = audienceOf(this)
    if (audience.observers === NOBODY) audience.observers = new Set()
    return super.subscribe(contained(this.id, observer) as never)
  }

  override on(type: EmittedFrom<TLogic>['type'] | '*', handler: Parameters<Actor<TLogic>['on']>[1]): Subscription {
    const audience = audienceOf(this)
    if (audience.eventListeners === NOTHING) audience.eventListeners = new Map()
    return super.on(type, (event) => {
      contain(this.id, handler, event)
    })
  }
}

/** Only what the observer has: XState calls nothing for the rest. */
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
