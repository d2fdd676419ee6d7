// Runs commands, so that none outlives this process: each in a process group of its own, which signals end.
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { signal } from '../processes.mjs'
import { root, setupFolder } from './paths.mjs'

/** In characters; only the end of a longer output is kept. */
const OUTPUT_LIMIT = 8 * 1024 * 1024
/** How long a command may go on after its last line, in ms. */
const LINGER = 30_000
/** How long the output of a command may stay open after its exit, in ms: a descendant may hold it for ever. */
const CLOSING = 500
const running = new Set()
let isEnding = false

/**
 * Runs one command in a process group of its own and collects what it prints. Never rejects because of its exit code.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, onLine?: (line: string) => void, timeout?: number,
 * last?: RegExp }} [options]
 *   timeout in ms, after which the group is killed; last: a line after which it has LINGER ms to end
 * @returns {Promise<{ code: number | null, signal: string | null, output: string, overdue?: 'timeout' | 'lingering' }>}
 *   overdue: what it was killed for; rejects when the command cannot be started (ENOENT, EACCES …)
 */
export async function runCommand(command, args, { cwd = root, env = {}, onLine, timeout, last } = {}) {
  const stdio = ['ignore', 'pipe', 'pipe']
  const child = spawn(command, args, { cwd, env: childEnvironment(env), stdio, detached: true })
  running.add(child)
  const exited = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, endedBy) => resolve({ code, signal: endedBy }))
  })
  const closed = new Promise((resolve) => child.once('close', resolve))
  const result = { output: '' }
  const timers = []
  const killAfter = (ms, overdue) => {
    timers.push(setTimeout(() => (Object.assign(result, { overdue }), signal(-child.pid, 'SIGKILL')), ms))
  }
  if (timeout !== undefined) killAfter(timeout, 'timeout')
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (result.output = (result.output + chunk).slice(-OUTPUT_LIMIT)))
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() !== '') onLine?.(line.trim())
      if (last?.test(line) && running.has(child)) killAfter(LINGER, 'lingering')
    })
  }
  try {
    Object.assign(result, await exited)
  } finally {
    running.delete(child)
    timers.forEach(clearTimeout)
  }
  if (isEnding) await new Promise(() => {}) // the signal's handler ends this process: no failure is to be reported
  await Promise.race([closed, delay(CLOSING, undefined, { ref: false })])
  child.stdout.destroy()
  child.stderr.destroy()
  return result
}

/** Runs one command that has to succeed. @returns {Promise<string>} what it printed */
export async function mustRun(command, args, options) {
  const { code, output } = await runCommand(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with exit code ${code}:\n${output}`)
  return output
}

/** Ends every command that is still running: SIGTERM to its group, SIGKILL after `grace` ms. */
export async function endCommands(grace = 3000) {
  const children = [...running]
  const gone = Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))))
  for (const child of children) signal(-child.pid, 'SIGTERM')
  const timer = setTimeout(() => children.forEach((child) => signal(-child.pid, 'SIGKILL')), grace)
  await gone
  clearTimeout(timer)
}

/** Makes Ctrl-C, SIGTERM and SIGHUP end the running commands, then this process. Returns the undoing. */
export function endCommandsOnSignals(beforeExit = () => {}) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
  const onSignal = (name) => {
    if (isEnding) return
    isEnding = true
    void endCommands().then(() => {
      beforeExit()
      process.stderr.write(`\nEnded by ${name}.\n`)
      process.exit(128 + numbers[name])
    })
  }
  for (const name of Object.keys(numbers)) process.on(name, onSignal)
  return () => {
    for (const name of Object.keys(numbers)) process.off(name, onSignal)
  }
}

function childEnvironment(extra) {
  const env = { ...process.env, ...extra }
  // npm and pnpm leave devDependencies out when it says production.
  if (extra.NODE_ENV === undefined) delete env.NODE_ENV
  if (!homeIsUsable()) {
    env.HOME = join(setupFolder, 'home')
    env.npm_config_cache = join(env.HOME, '.npm') // npm hands the one it began with to the scripts it runs
    mkdirSync(env.HOME, { recursive: true })
  }
  return env
}

/** Package managers keep their caches at home; without a usable one they get a home in the checkout. */
function homeIsUsable() {
  try {
    accessSync(homedir(), constants.W_OK | constants.X_OK)
    return homedir() !== ''
  } catch {
    return false
  }
}
