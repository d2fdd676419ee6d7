// A supervisor as a store of React. No package is needed for that: its snapshot changes with each event.
import { useCallback, useSyncExternalStore } from 'react'
import type { ChildInfo, SupervisorLogic } from '@terrarium/supervisor'
import type { ActorRefFrom } from 'xstate'

export type TreeRef = ActorRefFrom<SupervisorLogic>

/** The children of a supervisor as they are now, in start order. */
export function useChildren(tree: TreeRef): readonly ChildInfo[] {
  const subscribe = useCallback(
    (changed: () => void) => {
      const subscription = tree.subscribe(changed)
      return () => {
        subscription.unsubscribe()
      }
    },
    [tree],
  )
  const snapshot = useSyncExternalStore(subscribe, () => tree.getSnapshot())
  return snapshot.supervised
}
