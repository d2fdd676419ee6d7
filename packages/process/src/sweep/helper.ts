import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { patientTimeout, systemClock } from '@terrarium/supervisor'
import type { Logger } from 'pino'
import { formatMarker, MARKER, type Identity } from '../table/identity.ts'
import { markOf } from '../table/mark.ts'
import type { OsProcess, SpawnRequest } from '../os-process.ts'
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

/** Starts a process of ours that is given something on standard input. */
export type StartHelper = (request: SpawnRequest, input: string) => Promise<OsProcess>

const TIMEOUT_MS = 2000
const PATIENCE_MS = 5000

/**
 * Ends processes we are not the parent of, through the sweep helper, which verifies each of them behind a pidfd. Never rejects.
 */
export async function killStrays(
  start: StartHelper,
  python: string,
  targets: readonly Identity[],
  logger: Logger,
): Promise<readonly Outcome[]> {
  const request = {
    timeout: TIMEOUT_MS,
    targets: targets.map((target) => ({
      pid: target.pid,
      startTicks: target.startTicks,
      marker: formatMarker(target),
      mark: markOf(target.spawn),
    })),
  }
  try {
    const script = join(shepherdFiles(), 'terrarium_shepherd', 'sweep.py')
    const helper = await start(
      { name: 'sweep', command: python, args: ['-I', '-S', script, MARKER] },
      JSON.stringify(request),
    )
    const cancel = patientTimeout(systemClock, () => void helper.kill(), TIMEOUT_MS + PATIENCE_MS)
    const answer = await text(helper.stdout)
    const status = await helper.exited
    cancel()
    if (answer === '') throw new Error(`the sweep helper ended with ${status.code ?? status.signal}: ${status.tail}`)
    return (JSON.parse(answer) as { outcomes: Outcome[] }).outcomes
  } catch (error) {
    logger.error({ err: error }, 'the sweep helper failed')
    return targets.map(() => 'failed')
  }
}
