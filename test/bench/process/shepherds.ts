// The shepherd of a runtime, found by scanning the system.
import { findTagged, type Runtime } from '@terrarium/process'

/**
 * The shepherd of a runtime and its guard process, if it has one: all tagged processes of the run that are not in its
 * census.
 */
export function shepherdsOf(runtime: Runtime): number[] {
  const workers = new Set(runtime.census().map(({ pid }) => pid))
  const pids = findTagged({ run: runtime.runId }).flatMap(({ pid }) => (workers.has(pid) ? [] : pid))
  if (pids.length === 0) throw new Error('this runtime has no shepherd')
  return pids
}
