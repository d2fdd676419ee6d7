import { findTagged, type Runtime } from '@terrarium/process'

/** The shepherd of a runtime, and its guard process, if it has one: all of a run that is not one of its processes. */
export function shepherdsOf(runtime: Runtime): number[] {
  const workers = new Set(runtime.census().map(({ pid }) => pid))
  const pids = findTagged({ run: runtime.runId }).flatMap(({ pid }) => (workers.has(pid) ? [] : pid))
  if (pids.length === 0) throw new Error('nobody keeps the processes of this runtime')
  return pids
}
