// Parks a child on request: it is stopped in order, and stays parked until an operation starts it again. Neither time,
// nor a plan, nor a new specification does.
import { TerrariumError } from '../base/errors.ts'
import { Failure } from '../policy/fingerprint.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { refuse, answer, about, emit, stoppedError, type Turn } from './turn.ts'
import type { Reply } from './operation.ts'
import { resume } from './restart.ts'
import { parkedByHand } from './sentences.ts'
import type { Child } from './state.ts'
import { run, type Purpose } from './task.ts'

/** The longest reason that is kept, in characters. */
const LONGEST_REASON = 200

/** A child that is never started again, or that mode `otp` would count as active, is not parked. */
export const isParkable = ({ state }: Turn, { restart }: Child): boolean =>
  restart !== 'temporary' && state.settings.mode !== 'otp'

/** Parks a child. Siblings are not touched; siblings that were held down for it are started. */
export function parkByHand(turn: Turn, child: Child, reason: unknown, reply: Reply): void {
  const because = typeof reason === 'string' && reason !== '' ? reason.slice(0, LONGEST_REASON) : undefined
  const held = (child.trouble.group ?? []).filter((id) => id !== child.id)
  child.cause = undefined
  child.isHeld = turn.state.settings.kind !== 'static' // a dynamic child that is stopped would be deleted
  run(turn, PARKING, { child, because, held, reply }, [child], [])
}

interface Parking {
  readonly child: Child
  readonly because: string | undefined
  /** The children that are down until this child is started again. */
  readonly held: readonly string[]
  readonly reply: Reply
}

const PARKING: Purpose<Parking> = {
  done(turn, { child, because, held, reply }) {
    const { troubled } = child
    child.state = 'parked'
    child.isHeld = false
    troubled.parkedFor = 'request'
    troubled.parkedBecause = because
    troubled.history = undefined
    troubled.resume = undefined
    emit(turn, { type: 'child.parked', ...about(turn, child), failure: requestOf(turn, child), cause: 'request' })
    answer(turn, reply)
    resume(turn, held)
  },

  aborted(turn, { reply }) {
    refuse(turn, reply, stoppedError(turn.state.settings.id))
  },
}

/** What the event tells instead of a failure. */
function requestOf({ state, now }: Turn, { id, trouble, readyAt }: Child): FailureInfo {
  const { parkedBecause } = trouble
  const error = new TerrariumError('PARKED', parkedByHand(id, parkedBecause), {
    hint: `Call unpark() when ${id} is to run again.`,
    details: { supervisor: state.settings.id, child: id, reason: 'request', because: parkedBecause },
  })
  const phase = readyAt === undefined ? 'start' : 'run'
  return new Failure({ error, class: 'cancelled', phase, attempts: 0, at: now })
}
