// A restart strategy: of two children one works, and when it keeps failing the other takes over.
import { IGNORE } from '@terrarium/supervisor'
import type { ChildView, RestartStrategy } from '@terrarium/supervisor/strategies'
import type { AnyActorLogic } from 'xstate'

export interface FailOver {
  readonly primary: string
  readonly standby: string
  /** How many failures in a row make the other child take over. Default 2. */
  readonly after?: number
}

/** What the strategy remembers. It survives a restart of the supervisor. */
export interface FailOverMemory {
  /** The id of the child that works. */
  readonly working: string
}

/** The logic of a standby: it is not needed at its first start, and runs from the next one on. */
export const standby =
  <TLogic extends AnyActorLogic>(logic: TLogic) =>
  ({ incarnation }: { readonly incarnation: number }): TLogic | typeof IGNORE =>
    incarnation === 1 ? IGNORE : logic

/** After `after` failures in a row the working child stays down, and the other one is started. */
export function failOver({ primary, standby, after = 2 }: FailOver): RestartStrategy<ChildView, FailOverMemory> {
  return {
    name: 'fail_over',
    plan: ({ id }, children, { failure, memory = { working: primary } }) => {
      const next = id === primary ? standby : primary
      const isThere = Array.from(children, (child) => child.id).includes(next) // it may have been deleted
      if (id !== memory.working || failure.attempts < after || !isThere) return { restart: [id] }
      return {
        actions: [
          { action: 'stop', child: id, because: `it has failed ${failure.attempts} times in a row` },
          { action: 'restart', child: next, because: `it takes over from ${id}` },
        ],
        memory: { working: next },
      }
    },
  }
}
