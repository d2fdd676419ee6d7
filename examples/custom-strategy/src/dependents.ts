// A restart strategy of a user's own.
import type { RestartStrategy } from '@terrarium/supervisor/strategies'

/** The children that each child uses. They must be started before it. */
export type Uses = Readonly<Record<string, readonly string[]>>

/** Restarts the failed child and every child that uses it, directly or through others. */
export function dependents(uses: Uses): RestartStrategy {
  return {
    name: 'dependents',
    plan: (failed, children) => {
      const restart = new Set([failed.id])
      // In start order, so a child is looked at after the children that it uses.
      for (const { id } of children) if (uses[id]?.some((used) => restart.has(used))) restart.add(id)
      return { restart: [...restart] }
    },
  }
}
