// The mark of an actor's state: each has a shape of its own besides its colour.
import type { JSX } from 'preact'
import { LOOK_WORDS, type Look } from './look.ts'

export function Mark({ look }: { look: Look }): JSX.Element {
  return (
    <svg class={`mark ${look}`} viewBox="0 0 14 14" role="img" aria-label={LOOK_WORDS[look]}>
      {look === 'active' && <circle cx="7" cy="7" r="4.5" />}
      {look === 'starting' && <circle class="drawn dashed" cx="7" cy="7" r="4.5" />}
      {look === 'waiting' && <path d="M3 1.5h8L7 7l4 5.5H3L7 7z" />}
      {look === 'parked' && <path d="M7 .5L13.5 7L7 13.5L.5 7zM4.5 7h5" class="slash" />}
      {look === 'done' && <path class="drawn" d="M2.5 7.5L6 11L11.5 3.5" />}
      {look === 'error' && <path d="M1 1h12v12H1zM4 4l6 6M10 4l-6 6" class="cross" />}
      {look === 'stopped' && <circle class="drawn" cx="7" cy="7" r="4" />}
    </svg>
  )
}
