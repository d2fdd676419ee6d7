// Runs commands, so that none outlives this process: each in a process group of its own, which signals end.
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root, setupFolder } from './paths.mjs'
import { signal } from './processes.mjs'

/** In characters; only the end of a longer output is kept. */
const OUTPUT_LIMIT = 8 * 1024 * 1024
/** How long a command may go on after its last line, in ms. */
const LINGER = 30_000
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
 * @returns {Promise<{ code: number | null, signal: string | null, output: string, timedOut: boolean,
 * lingered: boolean }>}
 *   rejects when the command cannot be started (ENOENT, EACCES …)
 */
export function runCommand(command, args, { cwd = root, env = {}, onLine, timeout, last } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: childEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(child)
    let output = ''
    let timedOut = false
    let lingered = false
    let lingering
    const timer =
      timeout === undefined ? undefined : setTimeout(() => ((timedOut = true), signal(-child.pid, 'SIGKILL')), timeout)

    const collect = (stream) => {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk) => {
        output = (output + chunk).slice(-OUTPUT_LIMIT)
        if (onLine === undefined && last === undefined) return
        const lines = (rest + chunk).split(/[\r\n]+/)
        rest = lines.pop() ?? ''
        for (const line of lines) {
          if (line.trim() !== '') onLine?.(line.trim())
          if (last?.test(line))
            lingering ??= setTimeout(() => ((lingered = true), signal(-child.pid, 'SIGKILL')), LINGER)
        }
      })
    }
    collect(child.stdout)
    collect(child.stderr)

    child.once('error', (error) => {
      running.delete(child)
      clearTimeout(timer)
      reject(error)
    })
    child.once('exit', (code, endedBy) => {
      running.delete(child)
      clearTimeout(timer)
      clearTimeout(lingering)
      if (isEnding) return // the signal's handler ends this process: no failed command is to be reported
      const settle = () => resolve({ code, signal: endedBy, output, timedOut, lingered })
      // A descendant that outlives the command may hold its pipes open for ever.
      const closing = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
        settle()
      }, 500)
      child.once('close', () => {
        clearTimeout(closing)
        settle()
      })
    })
  })
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
