// What an observer asks of each thing that it observes: its actors as plain data, what was printed, and the transitions
// of processes that are followed.
import type { OutputLine } from '@terrarium/inspector/protocol'
import type { ActorView } from '../messages.ts'
import type { Fresh } from './life.ts'
import type { Followed } from './lives.ts'

export interface Source {
  /** Adds its actors, parents before children. Called only while a reader looks. */
  addViews(views: ActorView[]): void
  /** What an actor has printed last; undefined for an actor of another source. */
  outputOf(id: string): readonly OutputLine[] | undefined
  /** Keeps the transitions of these processes from now on, and of no others. */
  follow(followed: Followed): void
  /** The transitions of a process after the first `after`; undefined for an actor of another source. */
  transitionsOf(id: string, after: number): Fresh | undefined
  /** Takes its listeners back. */
  detach(): void
}
