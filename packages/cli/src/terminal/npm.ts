// Finds out that npm has exited. A killed npm leaves the program it runs behind.
import { readFileSync } from 'node:fs'

/**
 * Makes a function that checks that the npm which runs this program is alive; undefined when the program does not run
 * under npm. npm may run the program in a shell (`sh -c SCRIPT`), which survives npm: then the shell's parent is
 * checked (Linux only).
 */
export function watchNpm(): (() => boolean) | undefined {
  if (process.env.npm_lifecycle_event === undefined) return undefined
  const parent = process.ppid
  const grandparent = isScriptShell(parent) ? parentOf(parent) : undefined
  return () => process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)
}

function isScriptShell(pid: number): boolean {
  return read(`/proc/${pid}/cmdline`)?.split('\0')[1] === '-c'
}

function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  // The fields after the name, which is in parentheses and may hold spaces: state, parent.
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
