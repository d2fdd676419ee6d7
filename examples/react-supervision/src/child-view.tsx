// One child of the tree. A parked child throws its failure to the error boundary around it; when the supervisor starts
// the child again, the boundary is a new one.
import type { ReactNode } from 'react'
import { administrate, type ChildInfo } from '@terrarium/supervisor'
import { ErrorBoundary } from './error-boundary.tsx'
import { settings } from './settings.ts'
import type { TreeRef } from './use-children.ts'

interface Props {
  readonly tree: TreeRef
  readonly child: ChildInfo
  readonly children?: ReactNode
}

export function ChildView({ tree, child, children }: Props): ReactNode {
  const isParked = child.state === 'parked'
  const repair = (): void => {
    settings.ordersAt = 'https://orders.example'
    void administrate(tree).unpark(child.id)
  }
  return (
    <section id={child.id}>
      <ErrorBoundary
        key={String(isParked)}
        fallback={({ message }) => (
          <p role="alert">
            {child.id} is parked: {message} <button onClick={repair}>Set it, and try again</button>
          </p>
        )}
      >
        <Running child={child}>{children}</Running>
      </ErrorBoundary>
    </section>
  )
}

function Running({ child, children }: Omit<Props, 'tree'>): ReactNode {
  if (child.state === 'parked') throw failureOf(child)
  return (
    <p>
      {child.id} {child.state}, start {child.incarnation} {children}
    </p>
  )
}

function failureOf({ failure }: ChildInfo): Error {
  return failure?.error instanceof Error ? failure.error : new Error(String(failure?.error))
}
