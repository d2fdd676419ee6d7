// Whether all that is observed can do its work, in one word: for load balancers and service managers.
import type { ActorView } from './messages.ts'

/**
 * - `ready`: all is well
 * - `degraded`: it works, but something is parked, waits for its next start, or is missing
 * - `down`: a pool has no worker that is ready, or something at the top does not run
 */
export type HealthStatus = 'ready' | 'degraded' | 'down'

export interface Health {
  readonly status: HealthStatus
}

export function healthOf(actors: Iterable<ActorView>): Health {
  let status: HealthStatus = 'ready'
  for (const { kind, parent, value, ready = 0, size = 0 } of actors) {
    const isTop = parent === undefined
    if ((isTop && value !== 'running' && value !== 'ready') || (kind === 'pool' && size > 0 && ready === 0)) {
      return { status: 'down' }
    }
    if (value === 'parked' || value === 'backing_off' || ready < size) status = 'degraded'
  }
  return { status }
}
