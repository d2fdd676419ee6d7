// A page as the tap knows it: where it is reached, and what it watches.
import type { Entry } from './roster.ts'

/** Where a page is reached. */
export interface Sink {
  send(text: string): void
  /** Bytes that were not sent yet. */
  buffered(): number
}

export interface Client {
  readonly sink: Sink
  watched: readonly Entry[]
  /** Whether the client is told the details of every actor. */
  readonly watchesAll: boolean
  /** Whether deltas were withheld, so that the client needs a whole picture. */
  isStale: boolean
}

export function buffered({ sink }: Client): number {
  try {
    return sink.buffered()
  } catch {
    return 0
  }
}
