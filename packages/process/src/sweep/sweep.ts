import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyLogger } from '../guarded-logger.ts'
import { isTerrariumError } from '@terrarium/supervisor/base'
import { clearCgroups } from '../shepherd/cgroup.ts'
import type { Lock, Outcome } from './sweep-helper.ts'
import { findDeadRuns, once, type DeadRun, type LeftAlone } from './dead-runs.ts'
import { sameProcess, type Identity, type SpawnTag } from '../table/identity.ts'
import { keepDamagedLog } from '../log/damaged-logs.ts'
import { clearCopies, readLog, type LogContents } from '../log/read-log.ts'
import { removeRun, removeRuntimeDirectory, type Owner } from '../run.ts'
import { runsDirectory } from '../state-directory.ts'
import { processTable, readIdentity, startTicksOf } from '../table/table.ts'

export interface SweepResult {
  /** Runs that were dead, and whose directories are gone now. */
  readonly swept: readonly string[]
  readonly killed: readonly Identity[]
  /** Logged processes whose number belongs to somebody else today. */
  readonly dropped: readonly { readonly run: string; readonly spawn: string; readonly pid: number }[]
  readonly left: readonly LeftAlone[]
}

export interface SweepDependencies {
  readonly stateDir: string
  readonly installation: string
  /** The sweeper's own run. */
  readonly run: string
  readonly logger: AnyLogger
  kill(targets: readonly Identity[]): Promise<readonly Outcome[]>
  /** Looks at the locks on folders of runs whose processes cannot be seen from here. */
  locks(folders: readonly string[]): Promise<readonly Lock[]>
}

const SETTLE_MS = 20
const MAX_PASSES = 20
const EMPTY_PASSES = 2

/**
 * Ends what dead runs have left (see {@link findDeadRuns}) and removes their directories. Two sweeps at once are
 * harmless: kills are verified, removals are renames.
 */
export async function sweepDeadRuns(dependencies: SweepDependencies): Promise<SweepResult> {
  const { stateDir, logger } = dependencies
  const verdict = await findDeadRuns(stateDir, dependencies.run, (folders) => dependencies.locks(folders))
  const { here, elsewhere } = verdict
  const left = [...verdict.left]
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
  // A process that was alive in another boot is not alive now.
  for (const owner of elsewhere) remove(owner)

  const logs = await readLogs(stateDir, here)
  const { killed, resisting, tagged } = await killSurvivors(dependencies, here, logs, left)
  const dropped: SweepResult['dropped'][number][] = []
  for (const run of here.values()) {
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
    else left.push(once(stateDir, owner, doubt))
  }
  reportUnknownRuns(dependencies, tagged, left)

  for (const oddity of left) {
    const level = oddity.isKnown === true ? 'debug' : 'warn'
    logger[level](oddity, 'left alone by the sweep')
  }
  logger.debug({ swept, killed, dropped }, 'swept dead runs')
  return { swept, killed, dropped, left }
}

/** Without those that somebody else has open: another sweep is reading them. */
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
 * Kills what carries a spawn tag of a dead run, or the mark of a spawn that its log knows, until two scans in a row
 * find nothing more to kill. Answers besides what the last scan has found of this installation.
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
      // Gone or replaced: the next scan tells.
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
 * Looks at the processes that the log names, beyond what the scans showed. False when the run must be kept: one of them
 * cannot be told apart from ours, or the log could not be read.
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
  // The numbers are those of another namespace.
  if (isForeign) return true
  let release = true
  const table = processTable()
  for (const { spawn, pid, startTicks } of contents.reservations) {
    if (pid === undefined) continue
    const environment = table.environment(pid)
    if (environment === 'gone') continue
    if (typeof environment === 'object') {
      const { tag } = environment
      // One of ours would have been seen by a scan, and is accounted for there.
      if (tag?.run !== owner.run || tag.spawn !== spawn) dropped.push({ run: owner.run, spawn, pid })
      continue
    }
    if (startTicksOf(pid) !== startTicks) continue
    release = false
    left.push({ reason: 'odd_process', run: owner.run, pid, detail: `its environment is ${environment}` })
  }
  return release
}

function reportUnknownRuns(
  { stateDir, installation, run }: SweepDependencies,
  tagged: readonly Identity[],
  left: LeftAlone[],
): void {
  // The scan came before the list is read: a run has its directory before its first process.
  const known = new Set(readdirSync(runsDirectory(stateDir))).add(run)
  for (const process of tagged) {
    if (process.installation !== installation || known.has(process.run)) continue
    // A run that ended in between has removed its directory after its last process was gone.
    const now = readIdentity(process.pid)
    if (now === undefined || !sameProcess(now, process)) continue
    left.push({ reason: 'unknown_run', run: process.run, pid: process.pid, detail: 'no directory of that run exists' })
  }
}
