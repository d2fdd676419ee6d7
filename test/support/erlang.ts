// Erlang/OTP, for the differential test and the supervisor bench.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const runFile = promisify(execFile)

export type ErlangOutcome =
  | { readonly installed: true; /** OTP's release, such as `25`. */ readonly release: string }
  | { readonly installed: false; readonly reason: string }

/**
 * Finds Erlang/OTP on the path or, as root where there are Debian's packages, installs it. Rejects only when aborted.
 */
export async function ensureErlang(signal: AbortSignal): Promise<ErlangOutcome> {
  const found = await findErlang(signal)
  if (found.installed) return found
  if (process.getuid?.() !== 0) return { installed: false, reason: `${found.reason}, and only root could install it` }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    await runFile('apt-get', ['update'], { signal, env })
    await runFile('apt-get', ['install', '--yes', '--no-install-recommends', 'erlang-base'], { signal, env })
  } catch (error) {
    signal.throwIfAborted()
    return { installed: false, reason: `erl is not on the path, and apt-get did not install it: ${firstLine(error)}` }
  }
  return findErlang(signal)
}

/** Finds Erlang/OTP on the path. Rejects only when aborted. */
export async function findErlang(signal: AbortSignal): Promise<ErlangOutcome> {
  try {
    const program = 'io:put_chars(erlang:system_info(otp_release)), halt().'
    const { stdout } = await runFile('erl', ['-noshell', '-eval', program], { signal })
    return { installed: true, release: stdout }
  } catch (error) {
    signal.throwIfAborted()
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { installed: false, reason: isMissing ? 'erl is not on the path' : `erl does not run: ${firstLine(error)}` }
  }
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0] ?? ''
