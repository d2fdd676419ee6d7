// How an actor looks in the tree: a word for its state, which decides colour and shape.
import type { Actor } from './model.ts'

export type Look = 'active' | 'starting' | 'waiting' | 'parked' | 'error' | 'done' | 'stopped'

/** The look for each state that an observer names. Any other state looks `active`. */
const OF_WORDS: Readonly<Record<string, Look>> = {
  starting: 'starting',
  restarting: 'starting',
  backing_off: 'waiting',
  parked: 'parked',
  ending: 'stopped',
  stopping: 'stopped',
  stopped: 'stopped',
  down: 'stopped',
  idle: 'stopped',
}

/** The word that the page shows for each look. */
export const LOOK_WORDS: Readonly<Record<Look, string>> = {
  active: 'running',
  starting: 'starting',
  waiting: 'waiting for its next start',
  parked: 'parked',
  error: 'failed',
  done: 'done',
  stopped: 'stopped',
}

const OBSERVED: ReadonlySet<string> = new Set(['pool', 'worker', 'supervisor'])

/** Whether an actor is one of an observer, whose state is a word. */
export const isObserved = ({ kind, source }: Actor): boolean =>
  OBSERVED.has(kind) || source.hello?.source === 'terrarium'

export function lookOf(actor: Actor): Look {
  const { status, value } = actor
  if (isObserved(actor) && typeof value === 'string') {
    const look = OF_WORDS[value]
    if (look !== undefined) return look
  }
  return status
}

/** Whether an actor needs a look: it has failed, or it is down until its next start. */
export const isTrouble = (actor: Actor): boolean => ['error', 'parked', 'waiting'].includes(lookOf(actor))
