// The options of a session: their types, their defaults, and their checks.
import { LONGEST_MS } from '@terrarium/process'
import { Checker } from '@terrarium/supervisor/base'
import { AFFINITIES, type Affinity } from './core/tool-session.ts'

export interface SessionOptions {
  /**
   * Where its calls run. `hint`: on its worker if that has a place, else on another one, where the session has another
   * state. `strict_queue`: on its worker alone, they wait for it. `strict_fail_fast`: on its worker alone, they reject
   * with WORKER_BUSY if it has no place. Default `hint`.
   */
  readonly affinity?: Affinity
  /** The session ends when it has had no call for so long, in ms. Default: it stays until it is closed. */
  readonly ttl?: number
}

export const SESSION_OPTIONS: Readonly<Record<keyof SessionOptions, true>> = { affinity: true, ttl: true }

/** Stands for the options of a session that has none. */
export const NO_SESSION_OPTIONS: SessionOptions = Object.freeze({})

const isTimeout = (ttl: unknown): boolean => typeof ttl === 'number' && ttl > 0 && ttl <= LONGEST_MS

const LONGEST_ID = 256

const isSessionId = (id: unknown): boolean => typeof id === 'string' && id !== '' && id.length <= LONGEST_ID

/** Throws INVALID_ARGUMENT naming every mistake at once. */
export function validateSession(id: unknown, options: unknown): void {
  const check = new Checker()
  check.required({ id }, 'id', isSessionId, `a string of 1 to ${LONGEST_ID} characters`)
  if (check.object('options', options, SESSION_OPTIONS)) {
    const inner = new Checker('options.')
    inner.known(options, SESSION_OPTIONS)
    inner.oneOf(options, 'affinity', AFFINITIES)
    inner.field(options, 'ttl', isTimeout, `ms, more than 0 and at most ${LONGEST_MS}`)
    check.mistakes.push(...inner.mistakes)
  }
  check.finish('session')
}
