// The directory of a run below the state directory, with the record of its owner, and its runtime directory for
// sockets.
import { randomBytes, randomInt } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { TerrariumError } from '@terrarium/supervisor/base'
import { readRegularFile } from './regular-file.ts'
import { chooseSocketFolder, makePrivateFolder } from './socket-folder.ts'
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
    runtimeDirectory: chooseSocketFolder(`terrarium-${run}-${randomBytes(4).toString('hex')}`, 'host.sock'),
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

/** Makes the runtime directory of a run if it is not there. Errors: see {@link makePrivateFolder}. */
export function makeRuntimeDirectory({ runtimeDirectory, uid }: Owner): void {
  makePrivateFolder(runtimeDirectory, uid)
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
