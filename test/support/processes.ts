// Processes as the system itself tells of them: tests ask it what is left, not what Terrarium believes.
import { commandOf, processesWith as processesWithValue, stateOf } from '../../scripts/setup/processes.mjs'

export { stateOf }

/** The processes that have `NAME=value` in their environment, by scanning the system. */
export function processesWith(variable: string): number[] {
  const [name = '', value = ''] = variable.split(/=(.*)/s)
  return processesWithValue(name, value)
}

/** The parent of a process. */
export function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** Whether a process exists and is more than a zombie. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(stateOf(pid))
}

/** Whether a process is a shepherd, or its guard process; also true of a process that is gone. */
export function isShepherd(pid: number): boolean {
  return commandOf(pid)?.some((word) => word.includes('/terrarium_shepherd')) ?? true
}
