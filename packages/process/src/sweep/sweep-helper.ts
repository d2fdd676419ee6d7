// Kills processes of this installation that are not children of the shepherd. Node can only signal a pid, which may
// have been reused; the sweep helper is a short Python process that signals through a pidfd.
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { patientTimeout, systemClock } from '@terrarium/supervisor/base'
import type { AnyLogger } from '../guarded-logger.ts'
import { formatSpawnTag, SPAWN_ARGUMENTS, type Identity } from '../table/identity.ts'
import { rlimitTagOf } from '../table/rlimit-tag.ts'
import type { OsProcess, SpawnRequest } from '../life/os-process.ts'
import { shepherdFiles } from '../python-files.ts'

/** What the sweep helper did with one target; see `sweep.py`. */
export type Outcome =
  | 'killed'
  /** It had exited before. */
  | 'gone'
  /** The pid belongs to another process now. */
  | 'mismatch'
  /** It cannot be read, and stays alive. */
  | 'odd'
  /** This user may not signal it. */
  | 'denied'
  /** SIGKILL was sent and has not ended it in time. */
  | 'unkillable'
  /** This system has no pidfd, and nothing is killed by pid alone. */
  | 'unsupported'
  /** The helper itself did not answer. */
  | 'failed'

/**
 * Whether a process holds the lock on the folder of a run. `unknown`: the folder was never locked, or cannot be read;
 * see `sweep.py`.
 */
export type LockState = 'held' | 'free' | 'unknown'

/** What starting the sweep helper takes. */
export interface HelperDependencies {
  /** Absolute path of the interpreter. */
  readonly python: string
  readonly logger: AnyLogger
  /** Starts a process of this run and writes `input` to its standard input. */
  readonly start: (request: SpawnRequest, input: string) => Promise<OsProcess>
}

/** How long the helper waits for the processes that it has killed, in ms. */
const TIMEOUT_MS = 2000
/** How long the helper may take beyond that before it is killed, in ms. */
const PATIENCE_MS = 5000

/**
 * Kills processes that are no children of this host. The sweep helper pins each with a pidfd and compares its identity
 * before it signals. Returns one outcome for each target. Never rejects.
 */
export async function killStrays(
  helper: HelperDependencies,
  targets: readonly Identity[],
): Promise<readonly Outcome[]> {
  const answer = await ask(helper, { targets: targets.map(describe), folders: [] })
  return answer?.outcomes ?? targets.map(() => 'failed')
}

/** Returns the state of the lock on each folder of a run. Never rejects. */
export async function locksOf(helper: HelperDependencies, folders: readonly string[]): Promise<readonly LockState[]> {
  const answer = await ask(helper, { targets: [], folders })
  return answer?.locks ?? folders.map(() => 'unknown')
}

/** A target as `sweep.py` takes it. */
function describe(target: Identity): object {
  const { pid, startTicks, spawn } = target
  return { pid, startTicks, spawnTag: formatSpawnTag(target), rlimitTag: rlimitTagOf(spawn) }
}

interface Answer {
  readonly outcomes: readonly Outcome[]
  readonly locks: readonly LockState[]
}

/** Undefined when the helper does not answer, which is logged. */
async function ask({ python, logger, start }: HelperDependencies, question: object): Promise<Answer | undefined> {
  try {
    const script = join(shepherdFiles(), 'terrarium_shepherd', 'sweep.py')
    const helper = await start(
      { name: 'sweep', command: python, args: ['-I', '-S', script, SPAWN_ARGUMENTS] },
      JSON.stringify({ ...question, timeout: TIMEOUT_MS }),
    )
    const cancel = patientTimeout(systemClock, () => void helper.kill(), TIMEOUT_MS + PATIENCE_MS)
    const answer = await text(helper.stdout)
    const status = await helper.exited
    cancel()
    if (answer === '') throw new Error(`the sweep helper ended with ${status.code ?? status.signal}: ${status.tail}`)
    return JSON.parse(answer) as Answer
  } catch (error) {
    logger.error({ err: error }, 'the sweep helper failed')
    return undefined
  }
}
