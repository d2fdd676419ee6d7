// Processes as the system shows them, for scripts, which run before anything is built, and for tests, which ask the
// system and not Terrarium what is left. Where /proc is missing, as on macOS, no process is found. Which processes
// Terrarium has started is asked of @terrarium/process.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The processes that have `NAME=value` in their environment, by scanning the system. */
export function processesWith(variable) {
  return (process.platform === 'linux' ? readdirSync('/proc') : [])
    .filter((name) => /^\d+$/.test(name) && environmentOf(name)?.includes(variable))
    .map(Number)
}

/** The variables that a process was started with, as `NAME=value`; undefined when it is gone, or another user's. */
export const environmentOf = (pid) => read(`/proc/${pid}/environ`)?.split('\0')

/** The program and its arguments; undefined when the process is gone, or a zombie, whose command line is empty. */
export const commandOf = (pid) => (read(`/proc/${pid}/cmdline`) || undefined)?.split('\0').slice(0, -1)

/** One letter: `D` is uninterruptible sleep, `Z` a zombie; undefined when there is no such process. */
export const stateOf = (pid) => statOf(pid)?.[0]

/** The parent of a process; NaN when there is no such process. */
export const parentOf = (pid) => Number(statOf(pid)?.[1])

/** Whether a process exists and is more than a zombie. */
export const isAlive = (pid) => !['Z', 'X', undefined].includes(stateOf(pid))

/**
 * When a process started, in the system's own form; undefined when it is gone. A pid alone may belong to another
 * process by now.
 */
export function startOf(pid) {
  if (process.platform === 'linux') return isAlive(pid) ? statOf(pid)?.[19] : undefined
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

/** Signals a process, or a group if the number is negative, unless it is gone. */
export function signal(pid, name) {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** The fields of /proc/PID/stat after the name, which may itself hold spaces and parentheses: state, parent … */
function statOf(pid) {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
