// The processors that this process may use, and the workers that it has, of all its pools.
import { availableParallelism } from 'node:os'

/** How many processors this process may use. */
const PROCESSORS = availableParallelism()

let workers = 0

/** A worker has a session. Call what is returned when the session has ended. */
export function addWorker(): () => void {
  workers += 1
  return () => {
    workers -= 1
  }
}

/** Whether this process and each of its workers can have a processor of its own: then a worker may spin. */
export const areProcessorsFree = (): boolean => workers < PROCESSORS
