// The half of a thread that runs inside: it runs what the module exposes as an actor, whose parent is the host.
import { exitWith, invalid, reasonOfOutput, TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import {
  createActor,
  fromPromise,
  type AnyActor,
  type AnyActorLogic,
  type AnyActorRef,
  type EventObject,
  type Snapshot,
} from 'xstate'
import { cannotClone } from './cloning.ts'
import { toPortable } from './portable.ts'
import type { Mirror, News, Order } from './protocol.ts'
import type { Exposed, ThreadWork } from './types.ts'

/** The way from a thread to its host. */
export interface HostPort {
  /** Throws what a structured clone throws. */
  post(news: News): void
  listen(heard: (order: Order) => void): void
  /** Calls back with each error that no code has caught. */
  onUncaught(failed: (error: unknown) => void): void
}

const SHUTDOWN = { type: 'supervisor.shutdown' } as const
const SHUTDOWN_NAMES: ReadonlySet<string> = new Set([SHUTDOWN.type, 'supervisor.*'])
const DONE = 'xstate.done.actor.'
const ERROR = 'xstate.error.actor.'

/** Returns the `expose()` of a platform. `port`: undefined outside of a thread, where exposing does nothing. */
export function exposer(port: HostPort | undefined): <TExposed extends Exposed>(exposed: TExposed) => TExposed {
  let isExposed = false
  return (exposed) => {
    const logic = logicOf(exposed)
    if (port === undefined) return exposed
    if (isExposed) throw exposedTwice()
    isExposed = true
    run(port, logic)
    return exposed
  }
}

function logicOf(exposed: unknown): AnyActorLogic {
  if (typeof exposed === 'function') return fromPromise((context) => begun(exposed as ThreadWork, context as never))
  if (typeof (exposed as Partial<AnyActorLogic> | null)?.transition === 'function') return exposed as AnyActorLogic
  const text = 'expose() takes an actor logic or a function, not something else'
  throw invalid('exposed logic', [{ fault: 'invalid_option', text }])
}

/** What the function returns or throws, as a promise. */
async function begun(work: ThreadWork, context: Parameters<ThreadWork>[0]): Promise<unknown> {
  return await work(context)
}

function exposedTwice(): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', 'this thread has exposed an actor already', {
    hint: 'Call expose() once in the module that a thread is started with, and not in the modules that it imports.',
  })
}

function run(port: HostPort, logic: AnyActorLogic): void {
  let inside: Inside | undefined
  port.onUncaught((error) => {
    port.post({ type: 'uncaught', reason: portable('thread', { type: 'error', error }) })
  })
  port.listen((order) => {
    switch (order.type) {
      case 'start':
        inside = new Inside(port, logic, order)
        inside.start()
        return
      case 'event':
        inside?.send(order.event)
        return
      case 'shutdown':
        inside?.shutDown()
    }
  })
  port.post({ type: 'exposed' })
}

/** The actor in a thread. Its parent is an actor of this class's own, which passes on what the parent is sent. */
class Inside {
  readonly #port: HostPort
  readonly #id: string
  readonly #parent: AnyActor
  #scope: ParentScope | undefined
  readonly #logic: AnyActorLogic
  readonly #order: Extract<Order, { type: 'start' }>
  #actor: AnyActor | undefined
  #isOver = false

  constructor(port: HostPort, logic: AnyActorLogic, order: Extract<Order, { type: 'start' }>) {
    this.#port = port
    this.#logic = logic
    this.#order = order
    this.#id = order.id
    const begun = (scope: ParentScope): void => {
      this.#scope = scope
    }
    const sent = (event: EventObject): void => {
      this.#sentToParent(event)
    }
    this.#parent = createActor(parentLogic(begun, sent))
  }

  start(): void {
    this.#parent.start()
    const { input, snapshot } = this.#order
    const from = snapshot === undefined ? { input } : { snapshot }
    const options = { id: this.#id, parent: this.#parent, ...from } as object
    const actor = createActor(this.#logic, options)
    this.#actor = actor
    actor.on('*', (event: EventObject) => {
      this.#say({ type: 'emitted', event }, `event ${event.type}`, event)
    })
    actor.subscribe({
      next: (shown: unknown) => {
        this.#show(actor, shown as Snapshot<unknown>)
      },
      error: () => undefined, // the parent is told
    })
    actor.start()
  }

  send(event: EventObject): void {
    this.#actor?.send(event)
  }

  /** Asks the actor to end, if it handles that now. Otherwise it is stopped. */
  shutDown(): void {
    const actor = this.#actor
    if (actor === undefined || this.#isOver) return
    if (handlesShutdown(actor)) actor.send(SHUTDOWN)
    else {
      this.#scope?.stopChild(actor)
      this.#end({ type: 'shutdown' })
    }
  }

  #show(actor: AnyActor, shown: Snapshot<unknown>): void {
    if (shown.status === 'error') return
    const mirror = mirrorOf(actor, shown)
    this.#say({ type: 'snapshot', mirror }, 'snapshot', mirror.persisted)
  }

  #sentToParent(event: EventObject): void {
    const end = endIn(event, this.#id)
    if (end === undefined) this.#say({ type: 'sent', event }, `event ${event.type}`, event)
    else this.#end(end)
  }

  /** Posts news. News that cannot be cloned is a failure of the actor: its host would know nothing of it. */
  #say(news: News, what: string, value: unknown): void {
    if (this.#isOver) return
    try {
      this.#port.post(news)
    } catch (cause) {
      this.#end({ type: 'error', error: cannotClone(this.#id, what, value, cause) })
    }
  }

  #end(reason: ExitReason): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#port.post({ type: 'ended', reason: portable(this.#id, reason) })
  }
}

const portable = (id: string, reason: ExitReason) =>
  toPortable(reason, (output, cause) => cannotClone(id, 'output', output, cause))

/** What XState passes to the logic of a parent, as far as it is used here. */
interface ParentScope {
  readonly stopChild: (child: AnyActorRef) => void
}

/** Passes on what it may do with its children, and each event that it is sent. */
function parentLogic(begun: (scope: ParentScope) => void, sent: (event: EventObject) => void): AnyActorLogic {
  const snapshot = { status: 'active', output: undefined, error: undefined } as Snapshot<unknown>
  return {
    getInitialSnapshot: (scope: ParentScope) => {
      begun(scope)
      return snapshot
    },
    getPersistedSnapshot: () => snapshot,
    transition: (state: Snapshot<unknown>, event: EventObject) => {
      sent(event)
      return state
    },
  }
}

/** The reason of the actor's own end, if that is what XState tells its parent with this event. */
function endIn(event: EventObject, id: string): ExitReason | undefined {
  const { type, output, error } = event as EventObject & { readonly output?: unknown; readonly error?: unknown }
  if (type === `${DONE}${id}`) return reasonOfOutput(output)
  return type === `${ERROR}${id}` ? { type: 'error', error } : undefined
}

function handlesShutdown(actor: AnyActorRef): boolean {
  const snapshot = actor.getSnapshot() as {
    can?: (event: EventObject) => boolean
    machine?: { readonly events: readonly string[] }
  }
  try {
    return (
      snapshot.can?.(SHUTDOWN) === true && (snapshot.machine?.events.some((name) => SHUTDOWN_NAMES.has(name)) ?? true)
    )
  } catch {
    return false
  }
}

/** What can be sent of a snapshot: what XState persists, and the tags. */
function mirrorOf(actor: AnyActor, shown: object): Mirror {
  const { tags } = shown as { readonly tags?: unknown }
  const options = { __unsafeAllowInlineActors: true }
  const persisted = (actor.getPersistedSnapshot as (options: object) => unknown).call(actor, options) as object
  const { children } = persisted as { readonly children?: Readonly<Record<string, { readonly src: unknown }>> }
  const all = Object.entries(children ?? {})
  const isNamed = ([, { src }]: (typeof all)[number]): boolean => typeof src === 'string'
  return {
    persisted: { ...persisted, ...(children && { children: Object.fromEntries(all.filter(isNamed)) }) },
    tags: tags instanceof Set ? [...(tags as Set<string>)] : [],
    inline: all.filter((each) => !isNamed(each)).map(([id]) => id),
  }
}

/** So that a logic in a thread can end for a reason of its own choice without the whole supervisor. */
export { exitWith }
