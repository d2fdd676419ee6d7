import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Log } from '../own-log.ts'
import { isTerrariumError } from '@terrarium/supervisor'
import { clearCgroups } from '../shepherd/cgroup.ts'
import type { Outcome } from './helper.ts'
import { sameProcess, type Identity, type Marker } from '../table/identity.ts'
import { keepDamaged } from '../log/damaged.ts'
import { clearCopies, readLog, type LogContents } from '../log/log.ts'
import { readOwner, removeRun, removeRuntimeDirectory, type Owner } from '../run.ts'
import { runsDirectory } from '../state.ts'
import { processTable, readIdentity, startTicksOf } from '../table/table.ts'

/** Something the sweep did not understand and therefore did not touch. */
export interface LeftAlone {
  readonly reason:
    | 'other_namespace'
    | 'other_user'
    | 'unreadable_owner'
    | 'unreadable_host'
    | 'unknown_run'
    | 'odd_process'
    | 'unkillable'
    | 'log_damaged'
  readonly run: string
  readonly pid?: number
  readonly detail: string
}

export interface SweepReport {
  /** Runs that were dead, and whose directories are gone now. */
  readonly swept: readonly string[]
  readonly killed: readonly Identity[]
  /** Logged processes whose number belongs to somebody else today. */
  readonly dropped: readonly { readonly run: string; readonly spawn: string; readonly pid: number }[]
  readonly left: readonly LeftAlone[]
}

export interface SweepContext {
  readonly stateDir: string
  readonly installation: string
  /** The sweeper's own run. */
  readonly run: string
  readonly logger: Log
  kill(targets: readonly Identity[]): Promise<readonly Outcome[]>
}

const SETTLE_MS = 20
const MAX_PASSES = 20
const EMPTY_PASSES = 2
const STALE_DRAFT_MS = 60_000

/**
 * Ends what dead runs have left and removes their directories. A run is dead only when its recorded host provably is: this boot, these
 * namespaces, and no process of that number and start. Two sweeps at once are harmless: kills are verified, removals are renames.
 */
export async function sweepDeadRuns(context: SweepContext): Promise<SweepReport> {
  const { stateDir, logger } = context
  const left: LeftAlone[] = []
  const { here, elsewhere } = await judgeRuns(context, left)
  try {
    clearCopies()
  } catch (error) {
    logger.warn({ err: error }, 'old copies of logs cannot be removed')
  }
  // A process that was alive in another boot is not alive now.
  for (const owner of elsewhere) removeLeftovers(stateDir, owner)

  const logs = await readLogs(stateDir, here)
  const { killed, resisting, marked } = await killSurvivors(context, here, logs, left)
  const swept = elsewhere.map((owner) => owner.run)
  const dropped: SweepReport['dropped'][number][] = []
  for (const owner of here.values()) {
    const directory = join(runsDirectory(stateDir), owner.run)
    const cgroups = await clearCgroups(directory, owner)
    for (const cgroup of cgroups) {
      left.push({ reason: 'unkillable', run: owner.run, detail: `the control group ${cgroup} cannot be emptied` })
    }
    const release = auditLog(stateDir, owner, logs.get(owner.run), left, dropped)
    if (!release || resisting.has(owner.run) || cgroups.length > 0) continue
    removeLeftovers(stateDir, owner)
    swept.push(owner.run)
  }
  reportUnknownRuns(context, marked, left)

  for (const oddity of left) logger.warn(oddity, 'left alone by the sweep')
  logger.debug({ swept, killed, dropped }, 'swept dead runs')
  return { swept, killed, dropped, left }
}

/** Sorts out the dead runs of this boot and of earlier ones. */
async function judgeRuns(
  { stateDir, run: ownRun }: SweepContext,
  left: LeftAlone[],
): Promise<{ here: Map<string, Owner>; elsewhere: Owner[] }> {
  const table = processTable()
  const here = new Map<string, Owner>()
  const elsewhere: Owner[] = []
  for (const name of readdirSync(runsDirectory(stateDir))) {
    const directory = join(runsDirectory(stateDir), name)
    if (name.startsWith('.')) {
      removeStale(name, directory)
      continue
    }
    if (name === ownRun) continue
    const read = readOwner(directory)
    const owner = read === 'damaged' ? await ownerFromLog(directory) : read
    const leave = (reason: LeftAlone['reason'], detail: string) => left.push({ reason, run: name, detail })
    if (owner === undefined || owner === 'strange') {
      // Gone meanwhile: another sweep, or its own runtime, has removed it.
      if (existsSync(directory)) leave('unreadable_owner', `${join(directory, 'owner.json')} is missing or damaged`)
    } else if (owner.uid !== process.getuid?.()) {
      leave('other_user', `it belongs to user ${owner.uid}`)
    } else if (owner.bootId !== table.bootId()) {
      elsewhere.push(owner)
    } else if (owner.namespaces !== table.namespaces()) {
      leave('other_namespace', `its processes live in ${owner.namespaces} and cannot be seen from here`)
    } else {
      try {
        if (table.startTicks(owner.host.pid) !== owner.host.startTicks) here.set(name, owner)
      } catch (error) {
        leave('unreadable_host', `its host ${owner.host.pid} cannot be read: ${String(error)}`)
      }
    }
  }
  return { here, elsewhere }
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

/** Without those that somebody else has open: another sweep is reading them. */
async function readLogs(stateDir: string, dead: ReadonlyMap<string, Owner>): Promise<Map<string, LogContents>> {
  const logs = new Map<string, LogContents>()
  await Promise.all(
    [...dead.keys()].map(async (run) => {
      try {
        logs.set(run, await readLog(join(runsDirectory(stateDir), run, 'log')))
      } catch (error) {
        if (!isTerrariumError(error, 'STATE_LOCKED')) throw error
      }
    }),
  )
  return logs
}

/**
 * Kills what carries a marker of a dead run, or the mark of a spawn that its log knows, until two scans in a row find nothing more
 * to kill. Answers besides what the last scan has found of this installation.
 */
async function killSurvivors(
  context: SweepContext,
  dead: ReadonlyMap<string, Owner>,
  logs: ReadonlyMap<string, LogContents>,
  left: LeftAlone[],
): Promise<{ killed: Identity[]; resisting: Set<string>; marked: readonly Identity[] }> {
  const killed: Identity[] = []
  const resisting = new Set<string>()
  const skipped: Identity[] = []
  const table = processTable()
  const isDead = ({ run, installation }: Marker): boolean => dead.get(run)?.installation === installation
  const scan = () => table.scan((marker) => marker.installation === context.installation || isDead(marker))
  let marked = scan()
  if (dead.size === 0) return { killed, resisting, marked }
  const spawns = [...logs.values()].flatMap(({ reservations }) => reservations)
  let empty = 0
  for (let pass = 0; pass < MAX_PASSES && empty < EMPTY_PASSES; pass++) {
    if (pass > 0) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      marked = scan()
    }
    const survivors = marked.filter(isDead)
    const seen = new Set(survivors.map(({ pid }) => pid))
    const targets = [...survivors, ...table.scanMarks(spawns).filter(({ pid }) => !seen.has(pid))].filter(
      (target) => !skipped.some((other) => sameProcess(other, target)),
    )
    if (targets.length === 0) {
      empty++
      continue
    }
    empty = 0
    const outcomes = await context.kill(targets)
    for (const [index, target] of targets.entries()) {
      const outcome = outcomes[index] ?? 'failed'
      if (outcome === 'killed') killed.push(target)
      // Gone or replaced: the next scan tells.
      if (outcome === 'killed' || outcome === 'gone' || outcome === 'mismatch') continue
      skipped.push(target)
      resisting.add(target.run)
      const reason = outcome === 'unkillable' ? 'unkillable' : 'odd_process'
      left.push({ reason, run: target.run, pid: target.pid, detail: `the sweep helper says: ${outcome}` })
    }
  }
  return { killed, resisting, marked }
}

/**
 * Looks at the processes that the log names, beyond what the scans showed. False when the run must be kept: one of them cannot be
 * told apart from ours, or the log could not be read.
 */
function auditLog(
  stateDir: string,
  owner: Owner,
  contents: LogContents | undefined,
  left: LeftAlone[],
  dropped: { run: string; spawn: string; pid: number }[],
): boolean {
  if (contents === undefined) return false
  const directory = join(runsDirectory(stateDir), owner.run)
  if (contents.damage.length > 0) {
    if (!existsSync(directory)) return false
    const kept = keepDamaged(join(directory, 'log'), stateDir, owner.run)
    left.push({ reason: 'log_damaged', run: owner.run, detail: `${contents.damage.join('; ')}; ${kept}` })
  }
  let release = true
  const table = processTable()
  for (const { spawn, pid, startTicks } of contents.reservations) {
    if (pid === undefined) continue
    const environment = table.environment(pid)
    if (environment === 'gone') continue
    if (typeof environment === 'object') {
      const { marker } = environment
      // One of ours would have been seen by a scan, and is accounted for there.
      if (marker?.run !== owner.run || marker.spawn !== spawn) dropped.push({ run: owner.run, spawn, pid })
      continue
    }
    if (startTicksOf(pid) !== startTicks) continue
    release = false
    left.push({ reason: 'odd_process', run: owner.run, pid, detail: `its environment is ${environment}` })
  }
  return release
}

function reportUnknownRuns(
  { stateDir, installation, run }: SweepContext,
  marked: readonly Identity[],
  left: LeftAlone[],
): void {
  // The scan came before the list is read: a run has its directory before its first process.
  const known = new Set(readdirSync(runsDirectory(stateDir))).add(run)
  for (const process of marked) {
    if (process.installation !== installation || known.has(process.run)) continue
    // A run that ended in between has removed its directory after its last process was gone.
    const now = readIdentity(process.pid)
    if (now === undefined || !sameProcess(now, process)) continue
    left.push({ reason: 'unknown_run', run: process.run, pid: process.pid, detail: 'no directory of that run exists' })
  }
}

function removeLeftovers(stateDir: string, owner: Owner): void {
  removeRuntimeDirectory(owner)
  removeRun(stateDir, owner.run)
}

function removeStale(name: string, directory: string): void {
  const stat = statSync(directory, { throwIfNoEntry: false })
  if (stat === undefined) return
  const doomed =
    name.startsWith('.removed-') || (name.startsWith('.new-') && Date.now() - stat.mtimeMs > STALE_DRAFT_MS)
  if (doomed) rmSync(directory, { recursive: true, force: true })
}
