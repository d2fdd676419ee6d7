// Ends what a run of the tests has started when the run cannot: because it is killed itself, which leaves no time, or
// because its npm is, which passes nothing on. Run as a command by startGuard(): node guard.mjs NAME=VALUE.
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { commandOf, parentOf, processesWith, signal } from '../processes.mjs'

/** How long processes of the run are looked for, in ms: the environment of a process that starts is visible late. */
const PATIENCE = 3000

/**
 * @param {string} variable what all processes of the run have in their environment
 * @returns {{ dismiss: () => void }} dismiss: the run has ended by itself
 */
export function startGuard(variable) {
  const guard = spawn(process.execPath, [fileURLToPath(import.meta.url), variable], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.on('error', () => undefined) // the tests run without it
  guard.stdin.on('error', () => undefined)
  guard.unref()
  guard.stdin.unref()
  return { dismiss: () => void guard.stdin.end('dismissed') }
}

/**
 * Calls `gone` when the npm that runs this process is there no more. It may have put a shell between (`sh -c SCRIPT`),
 * which lives on: then it is the shell's parent that counts (Linux only). Returns what ends the watching.
 */
export function watchNpm(gone) {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const parent = process.ppid
  const npm = commandOf(parent)?.[1] === '-c' ? parentOf(parent) : undefined
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || parentOf(parent) === npm)) return
    clearInterval(timer)
    gone()
  }, 500).unref()
  return () => clearInterval(timer)
}

/** Waits for the end of standard input, which is the end of the run. */
async function standGuard(variable) {
  let said = ''
  for await (const chunk of process.stdin) said += chunk
  if (said === 'dismissed') return
  for (const end = performance.now() + PATIENCE; performance.now() < end; await delay(50)) {
    for (const pid of processesWith(variable)) signal(pid, 'SIGKILL')
  }
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await standGuard(process.argv[2])
