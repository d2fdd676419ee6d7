import { existsSync, lstatSync, readdirSync, rmSync, writeFileSync, type Stats } from 'node:fs'
import { basename, join } from 'node:path'
import type { Lock } from './sweep-helper.ts'
import { readLog } from '../log/read-log.ts'
import { kindOf, readRegularFile } from '../regular-file.ts'
import { readOwner, type Owner } from '../run.ts'
import { runsDirectory } from '../state-directory.ts'
import { processTable } from '../table/table.ts'

/** Something the sweep did not understand and therefore did not touch. */
export interface LeftAlone {
  readonly reason:
    | 'other_namespace'
    | 'other_user'
    | 'odd_entry'
    | 'unreadable_owner'
    | 'unreadable_host'
    | 'unknown_run'
    | 'odd_process'
    | 'unkillable'
    | 'log_damaged'
  readonly run: string
  readonly pid?: number
  readonly detail: string
  /** An earlier sweep has logged it, and there is nothing new. */
  readonly isKnown?: true
}

export interface DeadRun {
  readonly owner: Owner
  /** Its processes had numbers that mean nothing here. */
  readonly isForeign: boolean
  /** Why something of it may be alive where this process cannot see it. */
  readonly doubt?: string
}

export interface Verdict {
  /** Dead runs of this boot, by run id. */
  readonly here: ReadonlyMap<string, DeadRun>
  /** Runs of another boot. */
  readonly elsewhere: readonly Owner[]
  readonly left: readonly LeftAlone[]
}

const RUN = /^[a-z0-9]{7}$/
/** So long a host may take to start, in ms. */
const START_MS = 60_000
/** The number of the PID namespace that sees all processes of the machine. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'
/** What has been logged of a run is not logged again; an empty file in the directory of the run. */
const TOLD = 'told'

/**
 * Sorts out the runs that are dead. A run is dead only when its host provably is: of another boot; or of these
 * namespaces, with no process of that number and start; or, when its processes cannot be seen, with nobody to hold the
 * lock on its folder.
 */
export async function findDeadRuns(
  stateDir: string,
  ownRun: string,
  locksOf: (folders: readonly string[]) => Promise<readonly Lock[]>,
): Promise<Verdict> {
  const table = processTable()
  const here = new Map<string, DeadRun>()
  const elsewhere: Owner[] = []
  const foreign: Owner[] = []
  const left: LeftAlone[] = []
  for (const name of readdirSync(runsDirectory(stateDir))) {
    const directory = join(runsDirectory(stateDir), name)
    const leave = (reason: LeftAlone['reason'], detail: string) => left.push({ reason, run: name, detail })
    if (name === ownRun) continue
    const oddity = name.startsWith('.') ? removeStale(name, directory) : findOddity(name, directory)
    if (oddity !== undefined) leave('odd_entry', oddity)
    if (oddity !== undefined || name.startsWith('.')) continue
    const read = readOwner(directory)
    const owner = read.is === 'owner' ? read.owner : read.is === 'damaged' ? await ownerFromLog(directory) : undefined
    if (owner === undefined) {
      // Gone meanwhile: another sweep, or its own runtime, has removed it.
      if (read.is !== 'owner' && existsSync(directory)) leave('unreadable_owner', read.why)
    } else if (owner.uid !== process.getuid?.()) {
      leave('other_user', `it belongs to user ${owner.uid}`)
    } else if (owner.bootId !== table.bootId()) {
      elsewhere.push(owner)
    } else if (owner.namespaces !== table.namespaces()) {
      foreign.push(owner)
    } else {
      try {
        if (table.startTicks(owner.host.pid) !== owner.host.startTicks) here.set(name, { owner, isForeign: false })
      } catch (error) {
        leave('unreadable_host', `its host ${owner.host.pid} cannot be read: ${String(error)}`)
      }
    }
  }
  const folders = foreign.map(({ run }) => join(runsDirectory(stateDir), run))
  const locks = foreign.length === 0 ? [] : await locksOf(folders)
  for (const [index, owner] of foreign.entries()) {
    const lock = locks[index] ?? 'unknown'
    const record = lstatSync(join(runsDirectory(stateDir), owner.run, 'owner.json'), { throwIfNoEntry: false })
    if (lock === 'free') here.set(owner.run, withDoubt(stateDir, owner))
    // Otherwise it lives, or is just starting.
    else if (lock === 'unknown' && record !== undefined && !isYoung(record))
      left.push(once(stateDir, owner, 'whether its host lives cannot be told: its folder was never locked'))
  }
  return { here, elsewhere, left }
}

/** Answers what to report of a run whose processes cannot be seen, and remembers that it is told. */
export function once(stateDir: string, { run, namespaces }: Owner, why: string): LeftAlone {
  const detail = `its processes lived in ${namespaces} and cannot be seen from here; ${why}`
  const told = { reason: 'other_namespace', run, detail } as const
  const file = join(runsDirectory(stateDir), run, TOLD)
  if (existsSync(file)) return { ...told, isKnown: true }
  try {
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 })
  } catch {
    // It is told again.
  }
  return told
}

/**
 * Host, guard process and shepherd are dead, and with them everything that has stayed in the process group of a worker.
 * What has left it may live where this process does not see it, unless its whole PID namespace has ended, or this
 * process sees all there is.
 */
function withDoubt(stateDir: string, owner: Owner): DeadRun {
  const isProven =
    owner.host.pid === 1 ||
    processTable().namespaces().startsWith(`${FIRST_PID_NAMESPACE} `) ||
    hadNamespacesOfItsOwn(join(runsDirectory(stateDir), owner.run))
  const doubt = { doubt: 'a process that has left the group of its worker may be alive there' }
  return { owner, isForeign: true, ...(isProven ? {} : doubt) }
}

/** Whether each shepherd of a run was the first process of a PID namespace; see `terrarium_shepherd/folders.py`. */
function hadNamespacesOfItsOwn(directory: string): boolean {
  try {
    const levels = readRegularFile(join(directory, 'held')).split('\n').filter(Boolean)
    return levels.length > 0 && levels.every((level) => level === 'pidns')
  } catch {
    return false
  }
}

const isYoung = ({ mtimeMs }: Stats): boolean => Date.now() - mtimeMs < START_MS

/** What is no directory of a run. */
function findOddity(name: string, path: string): string | undefined {
  if (!RUN.test(name)) return `${path} does not have the name of a run`
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isDirectory()) return undefined
  return `${path} is ${kindOf(stat)}, not the folder of a run`
}

/** What the records of a run say of its owner, but for its folder of sockets. */
async function ownerFromLog(directory: string): Promise<Owner | undefined> {
  try {
    const { reservations } = await readLog(join(directory, 'log'))
    const record = reservations.find(({ run }) => run === basename(directory))
    if (record === undefined) return undefined
    const { v, installation, run, bootId, namespaces, uid, host } = record
    return { v, installation, run, bootId, namespaces, uid, host, runtimeDirectory: '' }
  } catch {
    return undefined // somebody has it open, or it is gone
  }
}

/** Removes what was to become the directory of a run, or was one. Answers why it cannot be removed. */
function removeStale(name: string, path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  const isDraft = name.startsWith('.new-')
  if (isDraft && isYoung(stat)) return undefined
  if (!isDraft && !name.startsWith('.removed-')) return `${path} does not have the name of a run`
  try {
    rmSync(path, { recursive: true, force: true })
    return undefined
  } catch (error) {
    return `${path} cannot be removed: ${(error as Error).message}`
  }
}
