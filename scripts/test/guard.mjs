// Ends what a run of the tests has started when the run itself is killed and cannot: SIGKILL leaves it no time to.
// Run as a command by startGuard(): node guard.mjs RUN. Its standard input ends with the run.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TEST_RUN } from './leaks.mjs'

/** For so long what is left is looked for, in ms: a process that is just being started shows its environment late. */
const PATIENCE = 3000

/** @returns {{ dismiss: () => void }} dismiss: the run has ended by itself */
export function startGuard(run) {
  const guard = spawn(process.execPath, [fileURLToPath(import.meta.url), run], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.on('error', () => undefined) // the tests run without it
  guard.stdin.on('error', () => undefined)
  guard.unref()
  guard.stdin.unref()
  return { dismiss: () => void guard.stdin.end('dismissed') }
}

async function standGuard(run) {
  let said = ''
  for await (const chunk of process.stdin) said += chunk
  if (said === 'dismissed') return
  for (const end = performance.now() + PATIENCE; performance.now() < end; await delay(50)) {
    for (const pid of carriersOf(run)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // gone, or another user's
      }
    }
  }
}

/** The processes that a run has started, and what these have: all carry its name in their environment. */
const carriersOf = (run) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${TEST_RUN}=${run}`)
      } catch {
        return false // gone, or another user's
      }
    })

if (process.platform === 'linux' && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await standGuard(process.argv[2])
}
