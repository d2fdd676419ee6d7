// The sweep: kills the processes that dead runs of an installation have left, and removes the folders of these runs.
// Each runtime starts one when it is opened.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyLogger } from '../guarded-logger.ts'
import { isTerrariumError } from '@terrarium/supervisor/base'
import { clearCgroups } from '../shepherd/cgroup.ts'
import type { LockState, Outcome } from './sweep-helper.ts'
import { findDeadRuns, leaveInDoubt, type DeadRun, type LeftAlone } from './dead-runs.ts'
import { sameProcess, type Identity, type SpawnTag } from '../table/identity.ts'
import { keepDamagedLog } from '../log/damaged-logs.ts'
import { clearCopies, readLog, type LogContents } from '../log/read-log.ts'
import { removeRun, removeRuntimeDirectory, type Owner } from '../run.ts'
import { runsDirectory } from '../state-directory.ts'
import { processTable, readIdentity, startTicksOf } from '../table/table.ts'

/** What a sweep did. */
export interface SweepResult {
  /** The ids of the runs whose folders were removed. */
  readonly swept: readonly string[]
  /** The processes of dead runs that were killed. */
  readonly killed: readonly Identity[]
  /** Reservations whose pid belongs to a process of another program now. */
  readonly dropped: readonly { readonly run: string; readonly spawn: string; readonly pid: number }[]
  /** What was not touched, and why. */
  readonly left: readonly LeftAlone[]
}

/** What a sweep is given. */
export interface SweepDependencies {
  readonly stateDir: string
  readonly installation: string
  /** The id of the run that sweeps. */
  readonly run: string
  readonly logger: AnyLogger
  /** Kills processes and returns one outcome for each. */
  kill(targets: readonly Identity[]): Promise<readonly Outcome[]>
  /** Returns the state of the lock on each folder of a run. */
  locks(folders: readonly string[]): Promise<readonly LockState[]>
}

/** Time between two scans, in ms. */
const SETTLE_MS = 20
/** After this many scans the sweep goes on, whatever is left. */
const MAX_PASSES = 20
/** After this many scans in a row that find nothing to kill, everything is killed. */
const EMPTY_PASSES = 2

/**
 * Kills the processes of dead runs (see {@link findDeadRuns}) and removes the folders of these runs. Two sweeps may
 * run at once: each kill verifies its target, and each removal begins with a rename.
 */
export async function sweepDeadRuns(dependencies: SweepDependencies): Promise<SweepResult> {
  const { stateDir, logger } = dependencies
  const runs = await findDeadRuns(stateDir, dependencies.run, (folders) => dependencies.locks(folders))
  const { thisBoot, otherBoots } = runs
  const left = [...runs.left]
  try {
    clearCopies()
  } catch (error) {
    logger.warn({ err: error }, 'old copies of logs cannot be removed')
  }
  const swept: string[] = []
  const remove = (owner: Owner): void => {
    try {
      removeRuntimeDirectory(owner)
      removeRun(stateDir, owner.run)
      swept.push(owner.run)
    } catch (error) {
      left.push({ reason: 'odd_entry', run: owner.run, detail: `it cannot be removed: ${(error as Error).message}` })
    }
  }
  // No process of another boot is alive.
  for (const owner of otherBoots) remove(owner)

  const logs = await readLogs(stateDir, thisBoot)
  const { killed, resisting, tagged } = await killSurvivors(dependencies, thisBoot, logs, left)
  const dropped: SweepResult['dropped'][number][] = []
  for (const run of thisBoot.values()) {
    const { owner, doubt } = run
    const directory = join(runsDirectory(stateDir), owner.run)
    const cgroups = await clearCgroups(directory, owner).catch((error: unknown) => {
      left.push({ reason: 'odd_entry', run: owner.run, detail: (error as Error).message })
      return []
    })
    for (const cgroup of cgroups) {
      left.push({ reason: 'unkillable', run: owner.run, detail: `the control group ${cgroup} cannot be emptied` })
    }
    const release = auditLog(stateDir, run, logs.get(owner.run), left, dropped)
    if (!release || resisting.has(owner.run) || cgroups.length > 0) continue
    if (doubt === undefined) remove(owner)
    else left.push(leaveInDoubt(stateDir, owner, doubt))
  }
  addUnknownRuns(dependencies, tagged, left)

  for (const each of left) {
    const level = each.isKnown === true ? 'debug' : 'warn'
    logger[level](each, 'left alone by the sweep')
  }
  logger.debug({ swept, killed, dropped }, 'swept dead runs')
  return { swept, killed, dropped, left }
}

/** The logs of these runs, by run id, without logs that another sweep is reading. */
async function readLogs(stateDir: string, dead: ReadonlyMap<string, DeadRun>): Promise<Map<string, LogContents>> {
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
 * Kills processes with the spawn tag of a dead run, and processes with the rlimit tag of a spawn in its log, until two
 * scans in a row find none. `resisting`: the runs with a process that could not be killed. `tagged`: the processes of
 * this installation that the last scan found.
 */
async function killSurvivors(
  dependencies: SweepDependencies,
  dead: ReadonlyMap<string, DeadRun>,
  logs: ReadonlyMap<string, LogContents>,
  left: LeftAlone[],
): Promise<{ killed: Identity[]; resisting: Set<string>; tagged: readonly Identity[] }> {
  const killed: Identity[] = []
  const resisting = new Set<string>()
  const skipped: Identity[] = []
  const table = processTable()
  const isDead = ({ run, installation }: SpawnTag): boolean => dead.get(run)?.owner.installation === installation
  const scan = () => table.scan((tag) => tag.installation === dependencies.installation || isDead(tag))
  let tagged = scan()
  if (dead.size === 0) return { killed, resisting, tagged }
  const spawns = [...logs.values()].flatMap(({ reservations }) => reservations)
  let empty = 0
  for (let pass = 0; pass < MAX_PASSES && empty < EMPTY_PASSES; pass++) {
    if (pass > 0) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      tagged = scan()
    }
    const survivors = tagged.filter(isDead)
    const seen = new Set(survivors.map(({ pid }) => pid))
    const targets = [...survivors, ...table.scanRlimitTags(spawns).filter(({ pid }) => !seen.has(pid))].filter(
      (target) => !skipped.some((other) => sameProcess(other, target)),
    )
    if (targets.length === 0) {
      empty++
      continue
    }
    empty = 0
    const outcomes = await dependencies.kill(targets)
    for (const [index, target] of targets.entries()) {
      const outcome = outcomes[index] ?? 'failed'
      if (outcome === 'killed') killed.push(target)
      // For the other two of these outcomes the next scan shows whether a process is left.
      if (outcome === 'killed' || outcome === 'gone' || outcome === 'mismatch') continue
      skipped.push(target)
      resisting.add(target.run)
      const reason = outcome === 'unkillable' ? 'unkillable' : 'odd_process'
      left.push({ reason, run: target.run, pid: target.pid, detail: `the sweep helper says: ${outcome}` })
    }
  }
  return { killed, resisting, tagged }
}

/**
 * Compares the reservations in the log of a dead run with the processes that have their pids now. Returns whether the
 * run folder may be removed: not while the log cannot be read, or a pid may still be a process of the run.
 */
function auditLog(
  stateDir: string,
  { owner, isForeign }: DeadRun,
  contents: LogContents | undefined,
  left: LeftAlone[],
  dropped: { run: string; spawn: string; pid: number }[],
): boolean {
  if (contents === undefined) return false
  const directory = join(runsDirectory(stateDir), owner.run)
  if (contents.damage.length > 0) {
    if (!existsSync(directory)) return false
    const kept = keepDamagedLog(join(directory, 'log'), stateDir, owner.run)
    left.push({ reason: 'log_damaged', run: owner.run, detail: `${contents.damage.join('; ')}; ${kept}` })
  }
  // The pids belong to another PID namespace.
  if (isForeign) return true
  let release = true
  const table = processTable()
  for (const { spawn, pid, startTicks } of contents.reservations) {
    if (pid === undefined) continue
    const environment = table.environment(pid)
    if (environment === 'exited') continue
    if (typeof environment === 'object') {
      const { tag } = environment
      // A process of this spawn is counted by the scans.
      if (tag?.run !== owner.run || tag.spawn !== spawn) dropped.push({ run: owner.run, spawn, pid })
      continue
    }
    if (startTicksOf(pid) !== startTicks) continue
    release = false
    left.push({ reason: 'odd_process', run: owner.run, pid, detail: `its environment is ${environment}` })
  }
  return release
}

/** Adds the processes of this installation whose run has no folder. */
function addUnknownRuns(
  { stateDir, installation, run }: SweepDependencies,
  tagged: readonly Identity[],
  left: LeftAlone[],
): void {
  // Read after the scan: a run has its folder before its first process, so a scanned run is in the list.
  const known = new Set(readdirSync(runsDirectory(stateDir))).add(run)
  for (const process of tagged) {
    if (process.installation !== installation || known.has(process.run)) continue
    // A run that was closed in between removed its folder after its last process exited.
    const now = readIdentity(process.pid)
    if (now === undefined || !sameProcess(now, process)) continue
    left.push({ reason: 'unknown_run', run: process.run, pid: process.pid, detail: 'no directory of that run exists' })
  }
}
