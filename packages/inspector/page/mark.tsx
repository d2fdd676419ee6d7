// The mark of an actor's status: each has a shape of its own besides its colour.
import type { JSX } from 'preact'
import type { ActorStatus } from '../src/shared/protocol.ts'

/** What a status is called. */
export const WORDS: Readonly<Record<ActorStatus, string>> = {
  active: 'running',
  done: 'done',
  error: 'failed',
  stopped: 'stopped',
}

export function Mark({ status }: { status: ActorStatus }): JSX.Element {
  return (
    <svg class={`mark ${status}`} viewBox="0 0 14 14" role="img" aria-label={WORDS[status]}>
      {status === 'active' && <circle cx="7" cy="7" r="4.5" />}
      {status === 'done' && <path class="drawn" d="M2.5 7.5L6 11L11.5 3.5" />}
      {status === 'error' && <path d="M1 1h12v12H1zM4 4l6 6M10 4l-6 6" class="cross" />}
      {status === 'stopped' && <circle class="drawn" cx="7" cy="7" r="4" />}
    </svg>
  )
}
