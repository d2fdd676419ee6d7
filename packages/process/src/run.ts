// The directory of a run below the state directory, with the record of its owner, and its runtime directory for
// sockets.
import { randomBytes, randomInt } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import { findUnsafe } from './ownership.ts'
import { kindOf, readRegularFile } from './regular-file.ts'
import { runsDirectory } from './state-directory.ts'
import { processTable } from './table/table.ts'

/** The host that owns a run: enough to prove, later and from another process, that this host is gone. */
export interface Owner {
  readonly v: 1
  readonly installation: string
  readonly run: string
  readonly bootId: string
  readonly namespaces: string
  readonly uid: number
  readonly host: { readonly pid: number; readonly startTicks: number }
  /** The private folder for sockets, which is not below the state directory: socket paths are short. */
  readonly runtimeDirectory: string
}

/** The longest socket path: 108 bytes with the closing NUL on Linux, 104 on macOS. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** Makes the directory of a new run, whole or not at all, and its runtime directory. */
export function createRun(stateDir: string, installation: string): { owner: Owner; directory: string } {
  const table = processTable()
  const run = Array.from({ length: 7 }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
  const startTicks = table.startTicks(process.pid)
  if (startTicks === undefined) throw new TerrariumError('START_FAILED', '/proc has no entry for this process')
  const uid = process.getuid?.()
  if (uid === undefined) throw new TerrariumError('CONFIGURATION', 'This system does not know users by number')
  const owner: Owner = {
    v: 1,
    installation,
    run,
    bootId: table.bootId(),
    namespaces: table.namespaces(),
    uid,
    host: { pid: process.pid, startTicks },
    runtimeDirectory: chooseRuntimeDirectory(run),
  }
  const directory = makeRun(stateDir, owner)
  // Made last: a sweep of this run finds its name in the owner record.
  makeRuntimeDirectory(owner)
  return { owner, directory }
}

/** Makes the directory of a run, whole or not at all, and replaces what has its name. Answers its path. */
export function makeRun(stateDir: string, owner: Owner): string {
  const draft = join(runsDirectory(stateDir), `.new-${owner.run}`)
  const directory = join(runsDirectory(stateDir), owner.run)
  rmSync(draft, { recursive: true, force: true })
  for (const folder of [draft, join(draft, 'log')]) {
    mkdirSync(folder, { mode: 0o700 })
    chmodSync(folder, 0o700)
  }
  writeFileSync(join(draft, 'owner.json'), `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  removeRun(stateDir, owner.run)
  renameSync(draft, directory)
  return directory
}

/**
 * Makes the runtime directory of a run if it is not there, for a temporary folder may be cleaned up. Errors:
 * START_FAILED when its name is taken by what this user did not make, and those of the file system.
 */
export function makeRuntimeDirectory({ runtimeDirectory: path, uid }: Owner): void {
  try {
    mkdirSync(path, { mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const stat = lstatSync(path)
    if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return
    throw new TerrariumError('START_FAILED', `${path} is not the private folder that was made there`, {
      hint: 'Start this program again: its next run makes a folder of its own.',
      details: { path, kind: kindOf(stat), uid: stat.uid, mode: (stat.mode & 0o7777).toString(8) },
      cause: error,
    })
  }
}

/** What the owner record in a run's directory says. */
export type OwnerRecord =
  | { readonly is: 'owner'; readonly owner: Owner }
  /** `damaged`: the record cannot be read. `strange`: no run writes such a record. */
  | { readonly is: 'damaged' | 'strange'; readonly why: string }

export function readOwner(directory: string): OwnerRecord {
  const file = join(directory, 'owner.json')
  let text: string
  let owner: unknown
  try {
    text = readRegularFile(file)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { is: 'damaged', why: isMissing ? `${file} is missing` : (error as Error).message }
  }
  try {
    owner = JSON.parse(text)
  } catch (error) {
    return { is: 'damaged', why: `${file} is damaged: ${(error as Error).message}` }
  }
  if (isOwner(owner) && owner.run === basename(directory)) return { is: 'owner', owner }
  return { is: 'strange', why: `${file} is damaged` }
}

/**
 * Removes a run's directory. The rename comes first: no reader ever sees half of it, and two hosts may do it at once.
 */
export function removeRun(stateDir: string, run: string): void {
  const doomed = join(runsDirectory(stateDir), `.removed-${run}-${randomBytes(4).toString('hex')}`)
  try {
    renameSync(join(runsDirectory(stateDir), run), doomed)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  rmSync(doomed, { recursive: true, force: true })
}

/** Removes a run's runtime directory, if it is a real folder of the same user whose name has the run's id. */
export function removeRuntimeDirectory(owner: Owner): void {
  const path = owner.runtimeDirectory
  if (!basename(path).startsWith(`terrarium-${owner.run}-`)) return
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory() || stat.uid !== owner.uid) return
  rmSync(path, { recursive: true, force: true })
}

/** Tries out where the folder can be made. It is made for good only after its name is in the owner record. */
function chooseRuntimeDirectory(run: string): string {
  const name = `terrarium-${run}-${randomBytes(4).toString('hex')}`
  const bases = [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp'].filter((base) => base !== undefined && base !== '')
  const refused = new Map<string, string>()
  for (const base of bases as string[]) {
    const path = join(base, name)
    const why = whyNotIn(base, path)
    if (why === undefined) return path
    refused.set(base, why)
  }
  const told = [...refused].map(([base, why]) => `${base} (${why})`).join(', ')
  throw new TerrariumError('CONFIGURATION', `No folder for sockets among ${told}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a folder with a short path that only you may write to.',
  })
}

function whyNotIn(base: string, path: string): string | undefined {
  if (Buffer.byteLength(join(path, 'host.sock')) > SOCKET_PATH_BYTES) return 'its path is too long'
  if (!isWritableFolder(base)) return 'it is not a folder that this user may write to'
  return findUnsafe(resolve(base), { isShared: true })?.why ?? whyNotMade(path)
}

/** Tries it out: some file systems refuse folders, whatever their modes say. */
function whyNotMade(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700 })
    rmdirSync(path)
    return undefined
  } catch (error) {
    return `no folder can be made in it: ${messageOf(error)}`
  }
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return lstatSync(join(path, '.')).isDirectory()
  } catch {
    return false
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false
  const { v, installation, run, bootId, namespaces, uid, host, runtimeDirectory } = value as Partial<Owner>
  return (
    v === 1 &&
    typeof installation === 'string' &&
    typeof run === 'string' &&
    typeof bootId === 'string' &&
    typeof namespaces === 'string' &&
    typeof uid === 'number' &&
    typeof runtimeDirectory === 'string' &&
    Number.isSafeInteger(host?.pid) &&
    Number.isSafeInteger(host?.startTicks)
  )
}
