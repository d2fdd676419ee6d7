import type { RestartStrategy } from '@terrarium/supervisor'

/** Whom each child uses: only children that are started before it. */
export type Uses = Readonly<Record<string, readonly string[]>>

/** Restarts the failed child and whoever uses it, directly or through others. */
export function dependents(uses: Uses): RestartStrategy {
  return {
    name: 'dependents',
    plan: (failed, children) => {
      const restart = new Set([failed.id])
      // In start order, so whoever is used has been looked at before whoever uses it.
      for (const { id } of children) if (uses[id]?.some((used) => restart.has(used))) restart.add(id)
      return { restart: [...restart] }
    },
  }
}
