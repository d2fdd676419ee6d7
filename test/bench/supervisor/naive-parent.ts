// A parent as it is written by hand, without a supervisor.
import {
  createActor,
  type ActorLogic,
  type ActorScope,
  type ActorSystem,
  type ActorSystemInfo,
  type ActorRefFrom,
  type AnyActorRef,
  type NonReducibleUnknown,
  type Snapshot,
} from 'xstate'
import { counter } from './counter.ts'

type Child = ActorRefFrom<typeof counter>

export interface StartEvent {
  readonly type: 'start'
  readonly id: string
}

/** XState tells the parent of a crash with it. */
interface CrashEvent {
  readonly type: `xstate.error.actor.${string}`
  readonly actorId: string
}

type ParentEvent = StartEvent | CrashEvent
type ParentSnapshot = Snapshot<undefined> & { readonly children: Map<string, Child> }
type Scope = ActorScope<ParentSnapshot, ParentEvent, ActorSystem<ActorSystemInfo>>

/**
 * What is written by hand without a supervisor: children in a map, each restarted when it crashes, and nothing else.
 */
export function naiveParent(
  onStart: (id: string, ref: Child) => void,
  { groups = false }: { groups?: boolean } = {},
): ActorLogic<ParentSnapshot, ParentEvent, NonReducibleUnknown, ActorSystem<ActorSystemInfo>> {
  const start = ({ children }: ParentSnapshot, id: string, { self }: Scope): void => {
    const child = createActor(counter, { id, parent: self as AnyActorRef })
    children.set(id, child)
    child.start()
    onStart(id, child)
  }
  return {
    getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined, children: new Map() }),
    getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<unknown>,
    transition: (snapshot, event: ParentEvent | { type: 'xstate.stop' }, scope) => {
      const { children } = snapshot
      if (event.type === 'start') {
        start(snapshot, event.id, scope)
      } else if (event.type === 'xstate.stop') {
        for (const child of children.values()) scope.stopChild(child)
        children.clear()
        return { ...snapshot, status: 'stopped' } as ParentSnapshot
      } else if (groups) {
        for (const child of [...children.values()].reverse()) scope.stopChild(child)
        for (const id of [...children.keys()]) start(snapshot, id, scope)
      } else {
        const crashed = children.get(event.actorId)
        if (crashed !== undefined) scope.stopChild(crashed)
        start(snapshot, event.actorId, scope)
      }
      return snapshot
    },
  }
}
