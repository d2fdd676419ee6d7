// Processes as /proc tells of them, for commands that run before anything is built. Where /proc is missing, as on
// macOS, no process is found. Of processes that Terrarium has started, @terrarium/process tells more.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The variables that a process was started with; undefined when it is gone, or belongs to another user. */
export function environmentOf(pid) {
  const entries = read(`/proc/${pid}/environ`)?.split('\0')
  return entries && new Map(entries.map((entry) => /^([^=]*)=?([^]*)$/.exec(entry).slice(1)))
}

/**
 * The processes that have a variable with this value in their environment, by scanning the system.
 *
 * @param {string} name
 * @param {string} value
 * @returns {number[]} pids
 */
export function processesWith(name, value) {
  return pids().filter((pid) => read(`/proc/${pid}/environ`)?.split('\0').includes(`${name}=${value}`))
}

/** When a process started, in the system's own form; '' when it is gone. A pid alone may belong to another by now. */
export function startOf(pid) {
  if (process.platform === 'linux') return statOf(pid)?.[19] ?? ''
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** The pid of the parent; undefined when the process is gone. */
export function parentOf(pid) {
  const parent = statOf(pid)?.[1]
  return parent && Number(parent)
}

/** The program and its arguments; undefined when the process is gone. */
export const commandOf = (pid) => read(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1)

/** Whether there is a process with this number, of whatever user. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
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

function pids() {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
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
