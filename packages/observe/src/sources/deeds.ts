// What carries out the verbs of readers: public methods of pools and supervisors, and only what makes sense now.
import type { PoolAccess } from '@terrarium/pool'
import { administrate, type SupervisorSnapshot } from '@terrarium/supervisor'
import type { Deeds, Supervision } from './source.ts'

/** Of a pool as a whole. */
export function poolDeeds(pool: PoolAccess): Deeds {
  if (pool.status !== 'running') return {}
  return {
    reload: () => pool.reload(),
    drain: () => pool.drain(),
    ...(pool.paused
      ? {
          resume: () => {
            pool.resume()
          },
        }
      : {
          pause: () => {
            pool.pause()
          },
        }),
  }
}

/** Of a worker. */
export function workerDeeds({ supervisor, child }: Supervision, pool: PoolAccess): Deeds {
  const tree = administrate(supervisor)
  const park = (by: string): Promise<void> => pool.park(child, askedBy(by))
  switch (stateOf(supervisor, child)) {
    case 'running':
      return { kill: () => pool.kill(child), park }
    case 'backing_off':
      return { restart: () => tree.restartChild(child, { force: true }), park }
    case 'parked':
      return {
        unpark: () => {
          pool.unpark(child)
        },
      }
    default:
      return {}
  }
}

/** Why an actor is parked on request of a reader. */
const askedBy = (by: string): string => `asked for by ${by}`

/** Of a child of a supervisor. Dynamic children are gone once they are stopped, so these cannot be restarted. */
export function childDeeds({ supervisor, child }: Supervision): Deeds {
  const tree = administrate(supervisor)
  const { strategy } = snapshotOf(supervisor).budget
  if (strategy === 'simple_one_for_one' || strategy === 'dynamic') return {}
  const start = (): Promise<unknown> => tree.restartChild(child, { force: true })
  const park = (by: string): Promise<void> => tree.park(child, askedBy(by))
  switch (stateOf(supervisor, child)) {
    case 'running':
      return { restart: () => tree.terminateChild(child).then(start), park }
    case 'backing_off':
    case 'stopped':
      return { restart: start, park }
    case 'parked':
      return { unpark: () => tree.unpark(child) }
    default:
      return {}
  }
}

const snapshotOf = (supervisor: Supervision['supervisor']): SupervisorSnapshot =>
  supervisor.getSnapshot() as SupervisorSnapshot

const stateOf = (supervisor: Supervision['supervisor'], child: string): string | undefined =>
  snapshotOf(supervisor).child(child)?.state
