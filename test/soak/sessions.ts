// The sessions of the soak: strict ones and hints, which lose their workers, begin anew, and are closed.
import type { Affinity, Pool, ToolSession } from '@terrarium/pool'
import { isTerrariumError } from '@terrarium/supervisor'
import type { Random } from '../support/random.ts'
import { turn } from '../support/waiting.ts'
import { note, settle, type Tally } from './tally.ts'

/** What became of the sessions of one pool. */
export interface SessionCounts {
  opened: number
  lost: number
  restarted: number
  closed: number
}

export interface SessionUserOptions {
  readonly pool: Pool
  readonly random: Random
  readonly tally: Tally
  /** Codes that a call may be rejected with because workers of this pool die; none: they do not. */
  readonly deaths: readonly string[]
  readonly isOver: () => boolean
}

const AFFINITIES: readonly Affinity[] = ['hint', 'strict_queue', 'strict_fail_fast']

/** Uses one session after the other until it is over, and closes each. */
export async function useSessions(options: SessionUserOptions): Promise<void> {
  const { pool, random, tally, isOver } = options
  while (!isOver()) {
    const affinity = random.pick(AFFINITIES)
    const session = pool.session(undefined, { affinity })
    tally.sessions.opened += 1
    await visit(session, affinity, options)
    await session.close()
    tally.sessions.closed += 1
    await turn()
  }
}

/** Calls a tool that counts its calls in the session. The count shows whether a state was left behind silently. */
async function visit(
  session: ToolSession,
  affinity: Affinity,
  { random, tally, deaths }: SessionUserOptions,
): Promise<void> {
  const isStrict = affinity !== 'hint'
  let expected = 0
  let isLost = false
  for (let left = random.between(1, 12); left > 0; left -= 1) {
    try {
      const count = await settle(tally, session.call<number>('visit'))
      expected += 1
      if (isStrict ? isLost || count !== expected : count < 1 || count > expected)
        note(tally, `call ${expected} of a session (${affinity}) found ${count} calls${isLost ? ' after a death' : ''}`)
    } catch (error) {
      const code = isTerrariumError(error) ? error.code : 'no code'
      if (code === 'SESSION_LOST' && isStrict && deaths.length > 0) {
        tally.sessions.lost += 1
        session.restart()
        tally.sessions.restarted += 1
        expected = 0
        isLost = false
      } else if (deaths.includes(code)) isLost = code === 'WORKER_CRASHED'
      else if (code !== 'WORKER_BUSY' || affinity !== 'strict_fail_fast')
        note(tally, `a call of a session (${affinity}) was rejected: ${String(error)}`)
      await turn()
    }
  }
}
