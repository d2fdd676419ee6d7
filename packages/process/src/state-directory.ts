// The state directory of an installation: where it is, how it is made, and the error when it cannot be used. It holds
// `installation.json`, one folder for each run below `runs/`, and copies of damaged logs below `damaged/`.
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import { findUnsafe } from './ownership.ts'
import { readRegularFile } from './regular-file.ts'

/**
 * The absolute path of the state directory: the option, TERRARIUM_STATE_DIR, XDG_STATE_HOME/terrarium, or
 * ~/.local/state/terrarium, the first that is given. An empty string counts as not given. Errors: CONFIGURATION when
 * only the home directory is left and this user has none.
 */
export function resolveStateDir(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  if (option !== undefined && option !== '') return resolve(option)
  if (env['TERRARIUM_STATE_DIR']) return resolve(env['TERRARIUM_STATE_DIR'])
  const xdg = env['XDG_STATE_HOME']
  // The XDG specification says that a relative path is ignored.
  if (xdg && isAbsolute(xdg)) return join(xdg, 'terrarium')
  return join(homeOf(env), '.local', 'state', 'terrarium')
}

function homeOf(env: NodeJS.ProcessEnv): string {
  const home = env['HOME']
  if (home && isAbsolute(home)) return home
  let cause: unknown
  try {
    // userInfo() throws for a user without an entry in the system's table of users.
    const { homedir } = userInfo()
    if (isAbsolute(homedir)) return homedir
  } catch (error) {
    cause = error
  }
  throw new TerrariumError('CONFIGURATION', 'there is no folder to keep state in: this user has no home directory', {
    hint: 'Set TERRARIUM_STATE_DIR (or the option stateDir) to a folder on a local disk that you may write to, or set HOME.',
    cause,
  })
}

/** The folder that holds one folder for each run of an installation. */
export function runsDirectory(stateDir: string): string {
  return join(stateDir, 'runs')
}

/**
 * Makes the state directory, private (0700), and returns the installation's id. The first runtime that opens the
 * directory chooses the id. `remembered`: the id to choose, for a runtime whose state directory was removed while it
 * was open. Errors: CONFIGURATION when the directory cannot be used, or another user decides what is in it; LOG_DAMAGED
 * when its id cannot be read.
 */
export function openInstallation(stateDir: string, remembered?: string): string {
  return usingState(stateDir, () => {
    checkOwnership(stateDir, stateDir)
    makeFolders(runsDirectory(stateDir))
    checkOwnership(stateDir, runsDirectory(stateDir))
    const file = join(stateDir, 'installation.json')
    return readInstallation(file) ?? createInstallation(stateDir, file, remembered)
  })
}

/** Throws CONFIGURATION for an unsafe folder: a user who can write to it can have live runs swept and killed. */
function checkOwnership(stateDir: string, folder: string): void {
  const unsafe = findUnsafe(folder)
  if (unsafe === undefined) return
  throw new TerrariumError('CONFIGURATION', `The state directory ${stateDir} is not safe: ${unsafe.why}`, {
    hint: `Run \`${unsafe.remedy}\`, or set TERRARIUM_STATE_DIR (or the option stateDir) to a folder that only you may write to.`,
    details: { stateDir, why: unsafe.why },
  })
}

/** Makes the folder and each missing folder above it, with mode 0700 whatever the umask. */
function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  if (dirname(path) !== path) makeFolders(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (error) {
    const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
    if (!isThere) throw error
  }
}

/** Runs file work below the state directory. What the work throws is thrown as {@link stateError}. */
export function usingState<T>(stateDir: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw stateError(stateDir, error)
  }
}

/**
 * The error for a state directory that cannot be used: CONFIGURATION. A TerrariumError is returned unchanged. A full
 * disk is classified as transient, so that a supervisor tries again; any other cause has to be removed first.
 */
export function stateError(stateDir: string, error: unknown): unknown {
  if (error instanceof TerrariumError) return error
  let root: unknown = error
  while (root instanceof Error && root.cause instanceof Error) root = root.cause
  const code = (root as NodeJS.ErrnoException).code
  const message = messageOf(root)
  // LevelDB gives the system's message without its code.
  const why = message.endsWith('No space left on device') ? reasons['ENOSPC'] : (reasons[code ?? ''] ?? message)
  const isFull = why === reasons['ENOSPC'] || why === reasons['EDQUOT']
  const elsewhere =
    'set TERRARIUM_STATE_DIR (or the option stateDir) to a folder on a local disk that you may write to.'
  const told = new TerrariumError('CONFIGURATION', `The state directory ${stateDir} cannot be used: ${why}`, {
    hint: isFull ? `Make room on the disk, or ${elsewhere}` : elsewhere.replace('set', 'Set'),
    cause: error,
    details: { stateDir, code, watch: [stateDir, runsDirectory(stateDir), nearestFolder(stateDir)] },
  })
  return isFull ? Object.assign(told, { supervision: { class: 'transient' } }) : told
}

/** The path itself, or the nearest existing folder above it. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path))
}

const reasons: Readonly<Record<string, string | undefined>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of its path is not a folder',
  EEXIST: 'a part of its path is not a folder',
}

function createInstallation(stateDir: string, file: string, id = randomBytes(8).toString('hex')): string {
  const draft = join(stateDir, `.installation-${id}`)
  writeFileSync(draft, `${JSON.stringify({ v: 1, installation: id })}\n`, { flag: 'wx', mode: 0o600 })
  try {
    // A hard link, unlike a rename, never replaces a file: of two racing runtimes one wins, and both read its id.
    linkSync(draft, file)
    return id
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return readInstallation(file) ?? id
  } finally {
    rmSync(draft, { force: true })
  }
}

function readInstallation(file: string): string | undefined {
  let cause: unknown
  try {
    const { installation } = JSON.parse(readRegularFile(file)) as { installation?: unknown }
    if (typeof installation === 'string' && /^[a-z0-9]{1,32}$/.test(installation)) return installation
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code !== undefined) throw error
    cause = error
  }
  throw new TerrariumError('LOG_DAMAGED', `${file} does not hold an installation id`, {
    hint: 'Stop every host of this installation, then delete the file. The next run makes a new one.',
    cause,
  })
}
