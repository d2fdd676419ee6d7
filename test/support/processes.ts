// Processes as the system itself tells of them: tests ask it what is left, not what Terrarium believes. Which of them
// Terrarium has started is asked of @terrarium/process.
import { readdirSync, readFileSync } from 'node:fs'

/** The processes that have `NAME=value` in their environment, by scanning the system. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/environ`)?.split('\0').includes(variable))
    .map(Number)
}

/** One letter: `D` is uninterruptible sleep, `Z` a zombie; undefined when there is no such process. */
export const stateOf = (pid: number): string | undefined => statOf(pid)?.[0]

/** The parent of a process; NaN when there is no such process. */
export const parentOf = (pid: number): number => Number(statOf(pid)?.[1])

/** Whether a process exists and is more than a zombie. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(stateOf(pid))
}

/** Whether a process is a shepherd, or its guard process; also true of a process that is gone. */
export function isShepherd(pid: number): boolean {
  return read(`/proc/${pid}/cmdline`)?.includes('/terrarium_shepherd') ?? true
}

/** The fields of /proc/PID/stat after the name, which may itself hold spaces and parentheses: state, parent … */
function statOf(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** A file of /proc; undefined when the process is gone, or another user's. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
