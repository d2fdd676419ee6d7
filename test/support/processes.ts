import { readdirSync, readFileSync } from 'node:fs'

/** The processes that have `NAME=value` in their environment, by scanning the system. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable)
      } catch {
        return false // it is gone, or another user's
      }
    })
    .map(Number)
}

/** One letter: `D` is uninterruptible sleep, `Z` a zombie; undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.charAt(stat.lastIndexOf(')') + 2)
  } catch {
    return undefined
  }
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

/** Whether a process is a shepherd, or its guard process; also true of one that is gone. */
export function isShepherd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/terrarium_shepherd')
  } catch {
    return true // gone, and so no worker
  }
}
