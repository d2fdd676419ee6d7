import { patientTimeout, ReferencedClock, systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import type { Activity } from '../table/process-table.ts'
import { processTable } from '../table/table.ts'

const background = new ReferencedClock(systemClock)
background.unref()

/**
 * Resolves after so many ms in which this host was at work. What is waited for keeps the process alive, not the wait.
 */
export function patience(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    patientTimeout(
      background,
      () => {
        resolve(undefined)
      },
      ms,
    )
  })
}

/** A start may take so many times its limit when its process has to wait for a processor. */
const MOST_TIMES = 4
/** Less waiting than this, in ms, is not made up for. */
const LEAST_WAIT = 10

/**
 * Calls `late` when a process has had `limit` ms for its start. What is not the process's own is not counted: time in
 * which this host stood still, and time in which the process waited for a processor (Linux), up to three times the
 * limit. Returns the function that cancels it.
 */
export function startTimer(
  clock: SupervisorClock,
  pid: number,
  limit: number,
  late: () => void,
  activity: (pid: number) => Activity | undefined = (each) => processTable().activity(each),
): () => void {
  let madeUp = 0
  let cancel: () => void = () => undefined
  const judge = (): void => {
    const waited = clock.isReal === true ? (activity(pid)?.waited ?? 0) : 0
    const more = Math.min(waited, (MOST_TIMES - 1) * limit) - madeUp
    if (more < LEAST_WAIT) {
      late()
      return
    }
    madeUp += more
    cancel = patientTimeout(clock, judge, more)
  }
  cancel = patientTimeout(clock, judge, limit)
  return () => {
    cancel()
  }
}
