// systemd-tmpfiles, which removes old files from temporary folders.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const runFile = promisify(execFile)
/** The time-out of apt-get in ms, for machines without a network. */
const PATIENCE = 300_000

/**
 * Why systemd-tmpfiles cannot be run here; undefined when it can. As root it is installed where there are Debian's
 * packages.
 */
export async function withoutTmpfiles(): Promise<string | undefined> {
  if (await isThere()) return undefined
  if (process.getuid?.() !== 0) return 'systemd-tmpfiles is not on the path, and only root could install it'
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: PATIENCE }
  try {
    await runFile('apt-get', ['update'], options)
    await runFile('apt-get', ['install', '--yes', '--no-install-recommends', 'systemd-standalone-tmpfiles'], options)
  } catch (error) {
    return `systemd-tmpfiles is not on the path, and apt-get did not install it: ${(error as Error).message.split('\n')[0] ?? ''}`
  }
  return (await isThere()) ? undefined : 'systemd-tmpfiles is not on the path, though its package is installed'
}

async function isThere(): Promise<boolean> {
  try {
    await runFile('systemd-tmpfiles', ['--version'])
    return true
  } catch {
    return false
  }
}
