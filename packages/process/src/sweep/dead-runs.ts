// Finds the runs of an installation that are dead: their host has exited without closing them. Nothing is killed here;
// in doubt a run counts as alive.
import { existsSync, lstatSync, readdirSync, rmSync, writeFileSync, type Stats } from 'node:fs'
import { basename, join } from 'node:path'
import type { LockState } from './sweep-helper.ts'
import { readLog } from '../log/read-log.ts'
import { kindOf, readRegularFile } from '../regular-file.ts'
import { readOwner, type Owner } from '../run.ts'
import { runsDirectory } from '../state-directory.ts'
import { processTable } from '../table/table.ts'

/** Something that a sweep did not touch, because it may not belong to a dead run or cannot be killed. */
export interface LeftAlone {
  readonly reason:
    /** The run's processes are in another PID namespace and may be alive. */
    | 'other_namespace'
    | 'other_user'
    /** A file or folder that is no run folder, or cannot be removed. */
    | 'odd_entry'
    | 'unreadable_owner'
    | 'unreadable_host'
    /** A process of a run that has no folder. */
    | 'unknown_run'
    /** A process that cannot be compared with its reservation. */
    | 'odd_process'
    | 'unkillable'
    | 'log_damaged'
  /** The run id, or the name of an odd entry. */
  readonly run: string
  readonly pid?: number
  /** For people. */
  readonly detail: string
  /** Set when an earlier sweep has logged the same. */
  readonly isKnown?: true
}

/** A run whose host has exited without closing it. */
export interface DeadRun {
  readonly owner: Owner
  /** Whether its pids belong to another PID namespace and mean nothing in this one. */
  readonly isForeign: boolean
  /** Why a process of it may be alive that this host cannot see; undefined when none can be. */
  readonly doubt?: string
}

/** The dead runs of an installation. */
export interface DeadRuns {
  /** Dead runs of this boot, by run id. */
  readonly thisBoot: ReadonlyMap<string, DeadRun>
  /** The owners of runs of earlier boots. */
  readonly otherBoots: readonly Owner[]
  /** Entries that are no runs, and runs that may be alive. */
  readonly left: readonly LeftAlone[]
}

/** A run id. */
const RUN = /^[a-z0-9]{7}$/
/** How long a host may take to make its run folder, in ms. */
const START_MS = 60_000
/** The PID namespace that sees all processes of the machine. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'
/** An empty file in a run folder: a sweep has logged why the run is left alone. */
const LOGGED = 'told'

/**
 * Finds the runs of an installation whose host has exited. The proof is one of three: the run is of another boot; or it
 * is of these namespaces and no process has the host's pid and start; or it is of other namespaces and no process holds
 * the lock on its folder. Removes stale drafts of run folders. `ownRun`: the run id to leave out.
 */
export async function findDeadRuns(
  stateDir: string,
  ownRun: string,
  locksOf: (folders: readonly string[]) => Promise<readonly LockState[]>,
): Promise<DeadRuns> {
  const table = processTable()
  const thisBoot = new Map<string, DeadRun>()
  const otherBoots: Owner[] = []
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
      // Otherwise another sweep, or the run's own runtime, has removed the folder meanwhile.
      if (read.is !== 'owner' && existsSync(directory)) leave('unreadable_owner', read.why)
    } else if (owner.uid !== process.getuid?.()) {
      leave('other_user', `it belongs to user ${owner.uid}`)
    } else if (owner.bootId !== table.bootId()) {
      otherBoots.push(owner)
    } else if (owner.namespaces !== table.namespaces()) {
      foreign.push(owner)
    } else {
      try {
        if (table.startTicks(owner.host.pid) !== owner.host.startTicks) thisBoot.set(name, { owner, isForeign: false })
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
    if (lock === 'free') thisBoot.set(owner.run, withDoubt(stateDir, owner))
    // With a lock that is held the run is alive, and a young run may not be locked yet.
    else if (lock === 'unknown' && record !== undefined && !isYoung(record))
      left.push(leaveInDoubt(stateDir, owner, 'its host may be alive: its folder was never locked'))
  }
  return { thisBoot, otherBoots, left }
}

/** Why a run is left alone whose processes cannot be seen. Sets `isKnown` from the second time on. */
export function leaveInDoubt(stateDir: string, { run, namespaces }: Owner, why: string): LeftAlone {
  const detail = `its processes lived in ${namespaces} and cannot be seen from here; ${why}`
  const left = { reason: 'other_namespace', run, detail } as const
  const file = join(runsDirectory(stateDir), run, LOGGED)
  if (existsSync(file)) return { ...left, isKnown: true }
  try {
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 })
  } catch {
    // The next sweep logs it again.
  }
  return left
}

/**
 * A dead run of other namespaces. Its host, guard process and shepherd have exited, and the kernel has killed the
 * process groups of its workers. A process that left its group may be alive where this host cannot see it. There is no
 * such doubt when the run's PID namespaces have ended, or this host sees all processes of the machine.
 */
function withDoubt(stateDir: string, owner: Owner): DeadRun {
  const isProven =
    owner.host.pid === 1 ||
    processTable().namespaces().startsWith(`${FIRST_PID_NAMESPACE} `) ||
    hadNamespacesOfItsOwn(join(runsDirectory(stateDir), owner.run))
  const doubt = { doubt: 'a process that has left the group of its worker may be alive there' }
  return { owner, isForeign: true, ...(isProven ? {} : doubt) }
}

/** Whether each shepherd of a run had a PID namespace of its own; see `terrarium_shepherd/folders.py`. */
function hadNamespacesOfItsOwn(directory: string): boolean {
  try {
    const levels = readRegularFile(join(directory, 'held')).split('\n').filter(Boolean)
    return levels.length > 0 && levels.every((level) => level === 'pidns')
  } catch {
    return false
  }
}

const isYoung = ({ mtimeMs }: Stats): boolean => Date.now() - mtimeMs < START_MS

/** What is wrong with an entry of `runs/` that is no run folder; undefined for a run folder. */
function findOddity(name: string, path: string): string | undefined {
  if (!RUN.test(name)) return `${path} does not have the name of a run`
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isDirectory()) return undefined
  return `${path} is ${kindOf(stat)}, not the folder of a run`
}

/** The owner of a run as its reservations name it, without the runtime directory; undefined when there is none. */
async function ownerFromLog(directory: string): Promise<Owner | undefined> {
  try {
    const { reservations } = await readLog(join(directory, 'log'))
    const record = reservations.find(({ run }) => run === basename(directory))
    if (record === undefined) return undefined
    const { v, installation, run, bootId, namespaces, uid, host } = record
    return { v, installation, run, bootId, namespaces, uid, host, runtimeDirectory: '' }
  } catch {
    return undefined // another process has the log open, or it was removed
  }
}

/**
 * Removes a draft of a run folder, or a run folder whose removal was interrupted. Returns why it is left; undefined
 * when it is not.
 */
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
