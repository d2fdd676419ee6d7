// A timer that does not count the time in which the host stood still.
import type { SupervisorClock } from './clock.ts'

/** The number of parts in which a delay is waited for. */
const PARTS = 8
/** In ms. */
const SHORTEST_PART = 10

/**
 * Calls back after `delay` ms in which this host was at work. For deadlines by which a worker has to answer this host:
 * while the event loop stood still, or the host was stopped or suspended, it could not hear the answer. The delay is
 * waited for in eight parts, and a part counts as its own length however long it took. Returns the function that
 * cancels the timer.
 */
export function patientTimeout(
  clock: Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'>,
  callback: () => void,
  delay: number,
): () => void {
  const part = Math.max(delay / PARTS, SHORTEST_PART)
  let left = delay
  let timer: unknown
  const wait = (): void => {
    const next = left < 2 * part ? left : part
    left -= next
    timer = clock.setTimeout(left > 0 ? wait : callback, next)
  }
  wait()
  return () => {
    clock.clearTimeout(timer)
  }
}
