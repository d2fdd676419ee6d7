// A restart strategy: a child that has failed comes back when the children that use it have drained.
import type { ChildView, RestartStrategy } from '@terrarium/supervisor/strategies'

/** The `meta` of a child. */
export interface Drains {
  /** True: the child is stopped in order before a child that it uses comes back. Default `false`: it reconnects. */
  readonly drains?: boolean
}

/**
 * The children that use the failed child, and drain, are stopped in order: each has its `shutdown` time to finish what
 * it has begun. Then the failed child is started, and they after it.
 */
export const drainBeforeRestart: RestartStrategy<ChildView<string, Drains | undefined>> = {
  name: 'drain_before_restart',
  plan: (failed, children) => {
    const users = [...children].filter(({ meta, dependsOn }) => meta?.drains === true && dependsOn.includes(failed.id))
    return {
      actions: [
        { action: 'restart', child: failed.id, because: 'its users have drained' },
        ...users.map(({ id }) => ({ action: 'restart', child: id, because: `it uses ${failed.id}` }) as const),
      ],
    }
  },
}
