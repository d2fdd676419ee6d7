// Commands that tests run, and what they print.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** What a process prints and how it ends. The functions are called with all of the output so far. */
export function collect(
  child: ChildProcessByStdio<null, Readable, Readable>,
  { onStdout, onStderr }: { onStdout?: (text: string) => void; onStderr?: (text: string) => void } = {},
): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    onStdout?.(stdout)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    onStderr?.(stderr)
  })
  return new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr })
    })
  })
}

/**
 * Runs a command to its end, in the checkout unless said otherwise. FORCE_COLOR is removed from its environment, so
 * that its output has no colours.
 */
export function run(
  command: string,
  args: readonly string[],
  options: {
    env?: Record<string, string>
    cwd?: string
    onStdout?: (text: string) => void
    onStderr?: (text: string) => void
  } = {},
): Promise<Ran> & { pid: number } {
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, FORCE_COLOR: undefined, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return Object.assign(collect(child, options), { pid: child.pid ?? 0 })
}

/**
 * Throws an Error with all that a command has printed, unless it ended with this code and, if given, this last line of
 * its stdout.
 */
export function mustEnd({ code, stdout, stderr }: Omit<Ran, 'signal'>, wanted: number, last?: string | RegExp): void {
  const line = lastLine(stdout)
  const isLast = last === undefined || (typeof last === 'string' ? line === last : last.test(line))
  if (code === wanted && isLast) return
  const end = last === undefined ? '' : ` and the last line ${String(last)}`
  throw new Error(`ended with ${String(code)}, expected was ${wanted}${end}\nstdout:\n${stdout}\nstderr:\n${stderr}`)
}

export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
