// Notices a worker that no longer answers, by pings over its session.
import type { SupervisorClock } from '@terrarium/supervisor/base'
import type { Session } from './session.ts'

export interface Heartbeat {
  /** Time between two pings, in ms. Default 5,000. */
  readonly interval?: number | undefined
  /** How many intervals in a row without an answer make an idle worker count as silent. Default 3. */
  readonly misses?: number | undefined
}

export const DEFAULT_HEARTBEAT = { interval: 5_000, misses: 3 } as const

/**
 * Pings a worker that is ready. `silent` is called once, when the worker is idle, has not answered for `misses`
 * intervals, and has sent nothing else meanwhile: an answer may wait behind a long value. A worker with a call in
 * flight is busy, not dead: it may hold Python's lock, and its call has a deadline of its own. Returns the function
 * that stops the pings.
 */
export function watchHeartbeat(
  session: Session,
  { interval = DEFAULT_HEARTBEAT.interval, misses = DEFAULT_HEARTBEAT.misses }: Heartbeat,
  clock: SupervisorClock,
  silent: () => void,
): () => void {
  let nonce = 0
  let answered = 0
  let missed = 0
  let { received } = session
  let timer: unknown
  session.on('pong', (heard) => {
    answered = heard
    missed = 0
  })
  const beat = (): void => {
    if (answered === nonce) session.ping(++nonce)
    else missed = session.inFlight > 0 || session.received !== received ? 0 : missed + 1
    received = session.received
    if (missed >= misses) silent()
    else timer = clock.setTimeout(beat, interval)
  }
  timer = clock.setTimeout(beat, interval)
  return () => {
    clock.clearTimeout(timer)
  }
}
