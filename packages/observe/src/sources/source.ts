// What an observer asks of each thing that it observes: its actors as plain data, what was printed, and the transitions
// of processes that are followed.
import type { OutputLine, Verb } from '@terrarium/inspector/protocol'
import type { Ground } from '@terrarium/pool'
import type { AnyActorRef } from 'xstate'
import type { ActorView } from '../messages.ts'
import type { Fresh } from './life.ts'
import type { Followed } from './lives.ts'

export interface Supervision {
  /** The actor of the supervisor. */
  readonly supervisor: AnyActorRef
  readonly child: string
}

/** What carries out each verb that is offered. `by`: who asks, as an address. */
export type Deeds = { readonly [V in Verb]?: (by: string) => unknown }

/** What a pool stands on. */
export interface PoolGround extends Ground {
  readonly pool: string
}

export interface Source {
  /** Adds its actors, parents before children. Called only while a reader looks. */
  addViews(views: ActorView[]): void
  /** What an actor has printed last; undefined for an actor of another source. */
  outputOf(id: string): readonly OutputLine[] | undefined
  /** Keeps the transitions of these processes from now on, and of no others. */
  follow(followed: Followed): void
  /** The transitions of a process after the first `after`; undefined for an actor of another source. */
  transitionsOf(id: string, after: number): Fresh | undefined
  /** The supervisor that an actor is a child of, and its id there; undefined for an actor of another source. */
  supervisionOf(id: string): Supervision | undefined
  /** What can be asked of an actor now, by its name; undefined for an actor of another source. */
  deedsOf(id: string): Deeds | undefined
  /** Adds what its pools stand on. */
  addGrounds(grounds: PoolGround[]): void
  /** Takes its listeners back. */
  detach(): void
}
