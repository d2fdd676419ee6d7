// Reasons why this machine cannot run a test, known before the test is registered.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '@jest/globals'
import { openRuntime, type Containment } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import { silent } from './loggers.ts'
import { testPython } from './python.ts'

/**
 * `test`, or, where this machine cannot run the test, a test that is counted and printed as skipped, with the reason in its name. `reason`: why it cannot run here; undefined if it can.
 */
export function testUnless(reason: string | undefined): (name: string, body: () => void | Promise<void>) => void {
  return reason === undefined
    ? test
    : (name, body) => {
        test.skip(`${name} (${reason})`, body)
      }
}

/** Whether a command ends with status 0. */
const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** Why there can be no PID namespace of our own; undefined when there can be one. */
export const withoutPidNamespaces = (): string | undefined =>
  works('unshare', '-pf', '--mount-proc', 'true') ? undefined : 'PID namespaces of our own are not permitted here'

/** Why there can be no user namespace of our own; undefined when there can be one. */
export const withoutUserNamespaces = (): string | undefined =>
  works('unshare', '-U', '--map-user=54321', 'true') ? undefined : 'user namespaces of our own are not permitted here'

/** Why a program cannot be run with these options of `unshare`; undefined when it can. */
export const withoutUnshare = (...options: string[]): string | undefined =>
  works('unshare', ...options, 'sh', 'true') ? undefined : 'namespaces of our own are not permitted here'

/** Why nothing can be mounted in a mount namespace of our own; undefined when it can. */
export const withoutMounts = (): string | undefined =>
  works('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir())
    ? undefined
    : 'mounts of our own are not permitted here'

/** Why the number of the next process cannot be chosen, in a PID namespace of our own; undefined when it can. */
export const withoutChosenNumbers = (): string | undefined =>
  works('unshare', '-pf', '--mount-proc', 'sh', '-c', ': > /proc/sys/kernel/ns_last_pid')
    ? undefined
    : 'a PID namespace of our own, or ns_last_pid in it, is not permitted here'

/** Why the limits of another process cannot be changed; undefined when they can. */
export const withoutPrlimit = (): string | undefined =>
  works('prlimit', '--pid', String(process.pid), '--core=0:') ? undefined : 'there is no prlimit here'

/** Why no process can be traced by another one; undefined when one can. */
export function withoutTracing(): string | undefined {
  const script = `
import ctypes, subprocess, sys
child = subprocess.Popen(["sleep", "60"])
libc = ctypes.CDLL(None)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
status = libc.ptrace(0x4206, child.pid, None, None)  # PTRACE_SEIZE
child.kill()
sys.exit(0 if status == 0 else 1)`
  return works(testPython(), '-I', '-c', script) ? undefined : 'tracing a process is not permitted here'
}

/**
 * Mounts a file system that never answers on the folder in its argument, says `mounted` or why it could not, and holds
 * it until the end of its standard input.
 */
export const SILENT_FILE_SYSTEM = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
try:
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"silent", os.fsencode(sys.argv[1]), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    print("mounted", flush=True)
except OSError as error:
    print(error, flush=True)
sys.stdin.read()
libc.umount2(os.fsencode(sys.argv[1]), 2)
`

/** Why no file system that never answers can be mounted; undefined when one can. */
export function withoutSilentFileSystem(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'silent-'))
  const { stdout } = spawnSync(testPython(), ['-I', '-c', SILENT_FILE_SYSTEM, folder], { input: '', encoding: 'utf8' })
  rmdirSync(folder)
  return stdout === 'mounted\n'
    ? undefined
    : `no file system that never answers can be mounted here: ${stdout.trim().replace(/^\[.*?\] /, '')}`
}

/** Mounts a file system that can be frozen on a folder; whether that worked. */
export function mountFreezable(image: string, folder: string): boolean {
  writeFileSync(image, '')
  return (
    works('truncate', '--size=16M', image) &&
    works('mkfs.ext4', '-q', image) &&
    works('mount', '-o', 'loop', image, folder)
  )
}

/** Why no file system can be frozen; undefined when one can. */
export function withoutFreezing(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'freezable-'))
  const image = `${folder}.image`
  try {
    const isMounted = mountFreezable(image, folder)
    const isFreezable = isMounted && works('fsfreeze', '--freeze', folder) && works('fsfreeze', '--unfreeze', folder)
    if (isMounted) works('umount', folder)
    return isFreezable ? undefined : 'no file system can be made, mounted and frozen here'
  } finally {
    rmSync(image, { force: true })
    rmdirSync(folder)
  }
}

export const CONTAINMENTS: readonly Containment[] = ['pidns', 'cgroup', 'shepherd']

/** Why this machine lacks a containment level, for each level; undefined for levels that it has. */
export async function withoutContainments(): Promise<Readonly<Record<Containment, string | undefined>>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'terrarium-levels-'))
  const lacks = async (containment: Containment): Promise<string | undefined> => {
    try {
      const runtime = await openRuntime({
        python: testPython(),
        stateDir,
        containment,
        logger: silent,
      })
      await runtime.close()
      return undefined
    } catch (error) {
      if (!isTerrariumError(error, 'CONFIGURATION')) throw error
      return error.message
    }
  }
  try {
    const [pidns, cgroup, shepherd] = await Promise.all(CONTAINMENTS.map(lacks))
    return { pidns, cgroup, shepherd }
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
  }
}
