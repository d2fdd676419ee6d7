import { randomBytes, randomInt } from 'node:crypto'
import { accessSync, constants, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { TerrariumError } from '@terrarium/supervisor'
import { runsDirectory } from './state.ts'
import { processTable } from './table/table.ts'

/** Who owns a run: enough to prove, later and from another process, that its host is gone. */
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

/** Makes the directory of a new run, complete or not at all, and its runtime directory. */
export function createRun(stateDir: string, installation: string): { owner: Owner; directory: string } {
  const table = processTable()
  const run = Array.from({ length: 7 }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
  const startTicks = table.startTicks(process.pid)
  if (startTicks === undefined) throw new TerrariumError('START_FAILED', 'This process does not find itself in /proc')
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
  const draft = join(runsDirectory(stateDir), `.new-${run}`)
  const directory = join(runsDirectory(stateDir), run)
  mkdirSync(draft, { mode: 0o700 })
  mkdirSync(join(draft, 'log'), { mode: 0o700 })
  writeFileSync(join(draft, 'owner.json'), `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(draft, directory)
  // Made last: whoever sweeps this run finds its name in the owner record.
  mkdirSync(owner.runtimeDirectory, { mode: 0o700 })
  return { owner, directory }
}

/** The owner of a run's directory. It is `damaged` when nothing can be read, and `strange` when it says what no run of ours says. */
export function readOwner(directory: string): Owner | 'damaged' | 'strange' {
  let owner: unknown
  try {
    owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8'))
  } catch {
    return 'damaged'
  }
  return isOwner(owner) && owner.run === basename(directory) ? owner : 'strange'
}

/** Removes a run's directory. The rename comes first, so that nobody ever sees half of one, and two may do it at once. */
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

/** Removes a run's runtime directory, if it is one: a real folder, of the same user, whose name holds the run's id. */
export function removeRuntimeDirectory(owner: Owner): void {
  const path = owner.runtimeDirectory
  if (!basename(path).startsWith(`terrarium-${owner.run}-`)) return
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory() || stat.uid !== owner.uid) return
  rmSync(path, { recursive: true, force: true })
}

function chooseRuntimeDirectory(run: string): string {
  const name = `terrarium-${run}-${randomBytes(4).toString('hex')}`
  const bases = [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp'].filter((base) => base !== undefined && base !== '')
  for (const base of bases as string[]) {
    const path = join(base, name)
    if (Buffer.byteLength(join(path, 'host.sock')) <= SOCKET_PATH_BYTES && isWritableFolder(base)) return path
  }
  throw new TerrariumError('CONFIGURATION', `No folder for sockets among ${bases.join(', ')}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a writable folder with a short path.',
  })
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
