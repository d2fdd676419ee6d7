// What a world of a property test knows of sessions: where each was opened, and the rules that always hold for them.
import type { Call } from '../../src/core/call.ts'
import type { Effect } from '../../src/core/effect.ts'
import { PRIORITIES } from '../../src/core/lanes.ts'
import type { Slot } from '../../src/core/slot.ts'
import type { PoolState } from '../../src/core/state.ts'
import { AFFINITIES, SessionUse, type ToolSessionState } from '../../src/core/tool-session.ts'
import { listed, must } from './slot-rules.ts'

/** So many handles, two of each session. */
const HANDLES = 12

export class SessionLedger {
  /** Sessions opened at workers, sessions lost, expired and closed, calls refused by busy workers, in this process. */
  static readonly counts = { opened: 0, lost: 0, expired: 0, closed: 0, sent: 0 }
  readonly #handles = Array.from({ length: HANDLES }, (_, n) => useOf(n))
  /** By slot: the ids of the sessions that are open at its worker, by number. */
  readonly #open = new Map<Slot, Map<number, string>>()
  /** The number that a strict session has for all its life. */
  readonly #numbers = new Map<ToolSessionState, number>()
  readonly #known = new Set<ToolSessionState>()
  readonly #used = new Set<number>()
  readonly #asked = new Set<SessionUse>()

  handle(n: number): SessionUse {
    return this.#handles[n % HANDLES] as SessionUse
  }

  /** Another handle takes its place. */
  close(n: number): SessionUse {
    const use = this.handle(n)
    this.#handles[n % HANDLES] = useOf(n % HANDLES)
    this.#asked.add(use)
    return use
  }

  opened({ slot, number, id }: Extract<Effect, { readonly type: 'session.open' }>): void {
    must(number > 0 && !this.#used.has(number), 'the number of a session was used before')
    must(slot.occupant === 'ready', 'a session for a worker that is doomed or dead')
    this.#used.add(number)
    this.#at(slot).set(number, id)
    SessionLedger.counts.opened += 1
  }

  /** `held`: the calls that the worker has. */
  closed({ slot, number }: Extract<Effect, { readonly type: 'session.close' }>, held: readonly Call[]): void {
    must(this.#at(slot).delete(number), 'a session is closed where it is not open')
    must(!held.some(({ sessionNumber }) => sessionNumber === number), 'a session with calls is closed')
  }

  answered(use: SessionUse): void {
    must(this.#asked.delete(use), 'an answer to a close that was not asked for')
    SessionLedger.counts.closed += 1
  }

  /** The worker of the slot exits. */
  gone(slot: Slot): void {
    this.#open.delete(slot)
  }

  sent(call: Call, slot: Slot): void {
    const { session, sessionNumber: number } = call
    if (session === undefined) return
    SessionLedger.counts.sent += 1
    must(this.#at(slot).get(number) === session.id, 'a call of a session that its worker does not know')
    must(session.status === 'open', 'a call of a session that is lost, or has ended')
    if (!session.isStrict) return
    const known = this.#numbers.get(session) ?? number
    must(known === number, 'a strict session has moved')
    this.#numbers.set(session, number)
  }

  /** The calls that wait in the queues of sessions. */
  waiting(state: PoolState): Call[] {
    const queues = [state.queues, ...state.slots.map(({ bound }) => bound)].flatMap((each) => [...each])
    const ofSessions = queues.filter((queue) => queue !== state.waiting)
    must(new Set(ofSessions).size === ofSessions.length, 'a queue is in two places')
    const calls = ofSessions.flatMap((queue) => PRIORITIES.flatMap((lane) => listed(queue[lane].first)))
    must(calls.length === state.inSessions, 'calls that wait in sessions are miscounted')
    return calls
  }

  /** Whether the call, which waits, may be handed to the worker of the slot. */
  mayRun({ session }: Call, slot: Slot): boolean {
    const home = session?.home
    return home === undefined || home === slot
  }

  check(state: PoolState): void {
    const { sessions, closing, slots, settings } = state
    const present = new Set([...sessions.values(), ...closing])
    must(sessions.size <= settings.sessionLimit, 'too many sessions')
    for (const session of present) this.#known.add(session)
    for (const slot of slots) {
      const count = [...present].filter(({ places }) => places.has(slot)).length
      must(slot.sessions === count, 'the sessions of a worker are miscounted')
      must(count === this.#at(slot).size || slot.occupant === 'none', 'a session is left at a worker')
      must(slot.bound.size === 0 || slot.occupant !== 'none', 'calls wait for a worker that is gone')
    }
    for (const session of this.#known) {
      const { status, waiting, places, isStrict, inFlight, end } = session
      must(!isStrict || places.size <= 1, 'a strict session is at two workers')
      must(inFlight >= 0, 'calls of a session are miscounted')
      if (status === 'open') continue
      must(waiting.size === 0 && places.size === 0, 'a session that is lost or ended has something left')
      if (status === 'lost') SessionLedger.counts.lost += 1
      if (status === 'ended') {
        if (end === 'expired') SessionLedger.counts.expired += 1
        must(!present.has(session), 'a session that has ended is kept')
        this.#known.delete(session)
      }
    }
    if (state.status === 'stopped') must(present.size === 0 && this.#asked.size === 0, 'a pool has ended with sessions')
  }

  #at(slot: Slot): Map<number, string> {
    const open = this.#open.get(slot) ?? new Map<number, string>()
    this.#open.set(slot, open)
    return open
  }
}

/** Two handles of each session; every third session has a short life, and each affinity is there. */
function useOf(n: number): SessionUse {
  const id = n % (HANDLES / 2)
  return new SessionUse(`s${id}`, AFFINITIES[id % AFFINITIES.length], id < 3 ? 50 : undefined)
}
