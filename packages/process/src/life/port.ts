// What one kind of process has of its own: what to spawn, when it is ready, and how its end is explained. A program
// waits for a line of output, a worker for its session. Everything else is the same life, see `machine.ts`.
import type { ExitReason, SupervisorClock, TerrariumError } from '@terrarium/supervisor/base'
import type { AnyEventObject } from 'xstate'
import type { Runtime } from '../runtime.ts'
import type { ExitStatus, OsProcess, SpawnRequest } from './os-process.ts'

/** How a life ended: the exit of its process, or why there never was one. */
export type End = { readonly process: OsProcess; readonly status: ExitStatus } | { readonly error: unknown }

/** What a port is told of the life it serves, and how it tells what its process does. */
export interface Life {
  /** The clock of the actor's system, or the system's if that one is XState's own. */
  readonly clock: SupervisorClock
  /** Aborted when the process is to end. */
  readonly ending: AbortSignal
  readonly isReady: boolean
  /** Calls back when the process is there, never in the same turn; not at all if it cannot be spawned. */
  readonly whenSpawned: (work: () => void) => void
  /** The process is ready; `facts` become part of the machine's context. Ignored once it is ready or to end. */
  readonly ready: (facts?: object) => void
  /** The process says nothing any more: it is about to exit, or it is mute. */
  readonly silent: () => void
  /** The process has to end for this reason. */
  readonly fail: (error: TerrariumError, how: 'terminate' | 'kill') => void
  /** The process has exited, and that is told later. */
  readonly held: () => void
  /** Sends an event of the port's own to the machine. */
  readonly tell: (event: AnyEventObject) => void
}

/** One port serves one life. */
export interface Port {
  readonly runtime: Pick<Runtime, 'spawn'>
  /** For the start time-out. */
  readonly clock: SupervisorClock
  /** How long the process may take to become ready once it runs, in ms. Default 30,000. */
  readonly startTimeout?: number | undefined
  /** How long the process may take to end in order before it is killed, in ms. Default 2,000. */
  readonly grace?: number | undefined
  /** What becomes of the process when XState stops the actor. */
  readonly onStop: 'terminate' | 'kill'
  /** What to spawn. An error ends the life. */
  readonly request: () => SpawnRequest | Promise<SpawnRequest>
  /** The process is there. */
  readonly spawned: (process: OsProcess) => void
  /** The process was not ready in time: ends it by {@link Life.fail}. */
  readonly late: (process: OsProcess, timeout: number) => void
  /** Resolves when the end of a process that has exited may be told. */
  readonly exited: (process: OsProcess, status: ExitStatus) => Promise<unknown>
  /** Why the life ends. `reason` is what was decided before the exit, if anything was. */
  readonly conclude: (end: End, reason: ExitReason | undefined) => ExitReason
  /** The life is over, or its actor is stopped. */
  readonly close?: () => void
}

/** Makes the port of one life. */
export type OpenPort<TInput> = (input: TInput, life: Life) => Port
