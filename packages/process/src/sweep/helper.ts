import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { patientTimeout, systemClock } from '@terrarium/supervisor'
import type { Log } from '../own-log.ts'
import { formatMarker, MARKER, type Identity } from '../table/identity.ts'
import { markOf } from '../table/mark.ts'
import type { OsProcess, SpawnRequest } from '../life/os-process.ts'
import { shepherdFiles } from '../python-files.ts'

/** What became of one target of the sweep helper; see `sweep.py`. */
export type Outcome =
  | 'killed'
  | 'gone'
  | 'mismatch'
  | 'odd'
  | 'denied'
  | 'unkillable'
  /** No pidfd on this system: without one, nothing is killed by number. */
  | 'unsupported'
  /** The helper itself did not answer. */
  | 'failed'

/**
 * Whether somebody holds the lock on the folder of a run. `unknown`: it was never locked, or cannot be looked at; see
 * `sweep.py`.
 */
export type Lock = 'held' | 'free' | 'unknown'

/** What the sweep helper is started with. */
export interface Helper {
  readonly python: string
  readonly logger: Log
  /** Starts a process of ours that is given something on standard input. */
  readonly start: (request: SpawnRequest, input: string) => Promise<OsProcess>
}

const TIMEOUT_MS = 2000
const PATIENCE_MS = 5000

/**
 * Ends processes we are not the parent of, through the sweep helper, which verifies each of them behind a pidfd. Never
 * rejects.
 */
export async function killStrays(helper: Helper, targets: readonly Identity[]): Promise<readonly Outcome[]> {
  const answer = await ask(helper, { targets: targets.map(describe), folders: [] })
  return answer?.outcomes ?? targets.map(() => 'failed')
}

/** Looks at the locks on folders of runs. Never rejects. */
export async function locksOf(helper: Helper, folders: readonly string[]): Promise<readonly Lock[]> {
  const answer = await ask(helper, { targets: [], folders })
  return answer?.locks ?? folders.map(() => 'unknown')
}

function describe(target: Identity): object {
  const { pid, startTicks, spawn } = target
  return { pid, startTicks, marker: formatMarker(target), mark: markOf(spawn) }
}

interface Answer {
  readonly outcomes: readonly Outcome[]
  readonly locks: readonly Lock[]
}

/** Undefined, which is logged, when the helper does not answer. */
async function ask({ python, logger, start }: Helper, question: object): Promise<Answer | undefined> {
  try {
    const script = join(shepherdFiles(), 'terrarium_shepherd', 'sweep.py')
    const helper = await start(
      { name: 'sweep', command: python, args: ['-I', '-S', script, MARKER] },
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
