// Commands that the demonstration runs.
import { spawn } from 'node:child_process'

export interface Ran {
  readonly code: number | null
  /** stdout and stderr. */
  readonly output: string
}

/**
 * Runs a command in a process group of its own, which ends when the signal is aborted. Rejects when it cannot be
 * started or was aborted, never because of its exit code.
 */
export function runCommand(command: string, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        ...process.env,
        // Without a network pip has to fail soon. Its arguments say where it installs.
        PIP_RETRIES: '1',
        PIP_DEFAULT_TIMEOUT: '10',
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
        PIP_NO_INPUT: '1',
        PIP_USER: undefined,
        PIP_TARGET: undefined,
        PIP_PREFIX: undefined,
        PYTHONPATH: undefined,
        PYTHONHOME: undefined,
      },
    })
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    signal.addEventListener('abort', end, { once: true })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', reject)
    child.once('close', (code) => {
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve({ code, output })
    })
  })
}

/** Like {@link runCommand}; rejects with what it printed when its exit code is not 0. */
export async function mustRun(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { code, output } = await runCommand(command, args, signal)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${String(code)}: ${output.trim()}`)
  return output
}
