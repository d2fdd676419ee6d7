// The PID namespace in which the chaos runs.
import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const PID_1 = fileURLToPath(new URL('../../chaos/init.py', import.meta.url))
const INSIDE = fileURLToPath(new URL('inside.js', import.meta.url))
const OWN_NAMESPACE = ['--pid', '--fork', '--mount-proc', '--kill-child']
const IN_USER_NAMESPACE = ['--user', '--map-root-user']

/** The command that makes a PID namespace here; undefined if this user cannot make one. */
export function namespaceOptions(): readonly string[] | undefined {
  const ways = [OWN_NAMESPACE, [...IN_USER_NAMESPACE, ...OWN_NAMESPACE]]
  return ways.find((options) => spawnSync('unshare', [...options, 'true']).status === 0)
}

/** Runs the chaos in a PID namespace of its own, so that nothing of it outlives this process. Returns its exit code. */
export function runInside(options: readonly string[], python: string, argv: readonly string[]): Promise<number> {
  const child = spawn('unshare', [...options, '--', python, PID_1, process.execPath, INSIDE, ...argv], {
    stdio: ['pipe', 'inherit', 'inherit'],
    // Not in the process group that a terminal interrupts. It ends with its standard input.
    detached: true,
  })
  const interrupt = (): void => {
    child.stdin.end()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
