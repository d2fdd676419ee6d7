import { readFileSync } from 'node:fs'

/**
 * Calls `gone` when the npm that runs this process is there no more: killed, it passes nothing on. It may have put a
 * shell between (`sh -c SCRIPT`), which lives on: then it is the shell's parent that counts (Linux only). Returns what
 * ends the watching.
 */
export function watchNpm(gone) {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const parent = process.ppid
  const npm = isScriptShell(parent) ? parentOf(parent) : undefined
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || parentOf(parent) === npm)) return
    clearInterval(timer)
    gone()
  }, 500).unref()
  return () => clearInterval(timer)
}

const isScriptShell = (pid) => read(`/proc/${pid}/cmdline`)?.split('\0')[1] === '-c'

function parentOf(pid) {
  const stat = read(`/proc/${pid}/stat`)
  // After the name in parentheses, which may hold anything: state, parent.
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
