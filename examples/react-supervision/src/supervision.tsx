// @refresh reset
// The tree as a part of the page: it starts when this is mounted, and stops when it is unmounted. The first line makes
// hot reload mount it anew when the tree itself is edited; editing what shows the tree leaves the tree running.
import type { ReactNode } from 'react'
import { useActorRef, useSelector } from '@xstate/react'
import type { ActorRefFrom, AnyMachineSnapshot } from 'xstate'
import { ChildView } from './child-view.tsx'
import { tree } from './tree.ts'
import { useChildren } from './use-children.ts'

export function Supervision(): ReactNode {
  const ref = useActorRef(tree)
  return (
    <main>
      {useChildren(ref).map((child) => (
        <ChildView key={child.id} tree={ref} child={child}>
          {child.id === 'feed' && child.ref !== undefined && <Prices feed={child.ref} />}
        </ChildView>
      ))}
    </main>
  )
}

type FeedRef = ActorRefFrom<AnyMachineSnapshot['machine']>

function Prices({ feed }: { readonly feed: FeedRef }): ReactNode {
  const prices = useSelector(feed, (snapshot) => (snapshot as { context: { prices: number } }).context.prices)
  return (
    <>
      <output>{prices}</output> prices{' '}
      <button
        onClick={() => {
          feed.send({ type: 'fail' })
        }}
      >
        Break it
      </button>
    </>
  )
}
