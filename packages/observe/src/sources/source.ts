// What an observer asks of each thing that it observes: its actors as plain data, and what was printed.
import type { OutputLine } from '@terrarium/inspector/protocol'
import type { ActorView } from '../messages.ts'

export interface Source {
  /** Adds its actors, parents before children. Called only while a reader looks. */
  addViews(views: ActorView[]): void
  /** What an actor has printed last; undefined for an actor of another source. */
  outputOf(id: string): readonly OutputLine[] | undefined
  /** Takes its listeners back. */
  detach(): void
}
