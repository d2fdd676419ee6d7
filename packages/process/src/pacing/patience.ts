// Timers for processes that are waited for: time in which neither the host nor the process could run is not held
// against the process.
import { patientTimeout, ReferencedClock, systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import type { Activity } from '../table/process-table.ts'
import { processTable } from '../table/table.ts'

const background = new ReferencedClock(systemClock)
background.unref()

/**
 * Resolves after `ms` ms in which the host was running: time in which the host was stopped or asleep is not counted.
 * The wait does not keep the host alive.
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

/** A start may take at most this many times its limit while its process waits for a processor. */
const MOST_TIMES = 4
/** A start gets no more time for waiting that was shorter than this, in ms. */
const LEAST_WAIT = 10

/**
 * Calls `late` when a process has had `limit` ms for its start. Two times are not counted: time in which the host was
 * stopped, and time in which the process waited for a processor (Linux only), up to three times the limit. Returns a
 * function that cancels the timer.
 */
export function startTimer(
  clock: SupervisorClock,
  pid: number,
  limit: number,
  late: () => void,
  activity: (pid: number) => Activity | undefined = (each) => processTable().activity(each),
): () => void {
  /** The waiting for which the start was given more time, in ms. */
  let granted = 0
  let cancel: () => void = () => undefined
  const judge = (): void => {
    const waited = clock.isReal === true ? (activity(pid)?.waited ?? 0) : 0
    const more = Math.min(waited, (MOST_TIMES - 1) * limit) - granted
    if (more < LEAST_WAIT) {
      late()
      return
    }
    granted += more
    cancel = patientTimeout(clock, judge, more)
  }
  cancel = patientTimeout(clock, judge, limit)
  return () => {
    cancel()
  }
}
