// A tool session as the core knows it: calls that belong together, and the workers that hold its state.
import type { TerrariumError } from '@terrarium/supervisor/base'
import { Lanes } from './lanes.ts'
import type { Slot } from './slot.ts'

/**
 * Where the calls of a session run:
 * - `hint`: on its worker if that has a place, else on another one, where the session has another state
 * - `strict_queue`: on its worker alone; they wait for it
 * - `strict_fail_fast`: on its worker alone; they are refused with WORKER_BUSY if it has no place
 */
export const AFFINITIES = ['hint', 'strict_queue', 'strict_fail_fast'] as const

export type Affinity = (typeof AFFINITIES)[number]

/** Why a session has ended, or has lost its state. */
export type SessionEnd = 'worker_died' | 'worker_ended' | 'expired' | 'closed'

/** What one handle of the user's asks for. Several handles may share a session. */
export class SessionUse {
  readonly id: string
  readonly affinity: Affinity | undefined
  /** In ms. */
  readonly ttl: number | undefined
  /** The session that its calls belong to, or belonged to. */
  session: ToolSessionState | undefined
  isClosed = false

  constructor(id: string, affinity: Affinity | undefined, ttl: number | undefined) {
    this.id = id
    this.affinity = affinity
    this.ttl = ttl
  }
}

/** `lost`: its worker is gone, and nothing has been said to that. `ended`: there may be another one of its id. */
export type SessionStatus = 'open' | 'lost' | 'ended'

/** One session, from its first call on. It is updated in place. */
export class ToolSessionState {
  readonly id: string
  readonly affinity: Affinity
  /** How long it may be idle, in ms; undefined: as long as it likes. */
  readonly ttl: number | undefined
  status: SessionStatus = 'open'
  /** Why it is not open. */
  end: SessionEnd | undefined
  /** What its worker died of. */
  cause: TerrariumError | undefined
  /** The id of the worker that it was lost with. */
  worker: string | undefined
  /** Its calls that wait. */
  readonly waiting = new Lanes()
  /** The workers that hold a state of it, each with the number of the session there; a strict session has one. */
  readonly places = new Map<Slot, number>()
  /** How many of its calls are with a worker. */
  inFlight = 0
  /** When it was used last, in ms. */
  since: number
  /** The timer of `ttl`; 0: none. */
  timer = 0
  /** Handles that wait for its end: it ends when its last call has ended. */
  readonly closers: SessionUse[] = []

  constructor({ id, affinity = 'hint', ttl }: SessionUse, now: number) {
    this.id = id
    this.affinity = affinity
    this.ttl = ttl
    this.since = now
  }

  get isStrict(): boolean {
    return this.affinity !== 'hint'
  }

  /** The slot of the worker that a strict session belongs to. */
  get home(): Slot | undefined {
    if (this.isStrict) for (const slot of this.places.keys()) return slot
    return undefined
  }
}
