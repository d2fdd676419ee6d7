import { readFileSync } from 'node:fs'

/**
 * Tells whether the npm that runs this program is still there; undefined when none does. npm may have put a shell
 * between (`sh -c SCRIPT`), which lives on when npm is killed: then it is the shell's parent that counts (Linux only).
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
  // After the name in parentheses, which may hold anything: state, parent.
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
