// Processes as the system itself shows them: tests ask it what is left, not what Terrarium believes. The scripts read
// /proc in the same way; which processes Terrarium has started is asked of @terrarium/process.
import { commandOf } from '../../scripts/processes.mjs'

export { isAlive, parentOf, processesWith, stateOf } from '../../scripts/processes.mjs'

/** Whether a process is a shepherd, its guard process or a sweep helper; also true of a process that is gone. */
export function isShepherd(pid: number): boolean {
  return commandOf(pid)?.some((argument) => argument.includes('/terrarium_shepherd')) ?? true
}

/** Whether a process runs the shepherd itself, and not its sweep: a shepherd, its guard process, or a fork of these. */
export function runsShepherd(pid: number): boolean {
  return commandOf(pid)?.some((argument) => argument.endsWith('/terrarium_shepherd/__main__.py')) ?? false
}
