// One life of a thread, from its start to its exit: which orders it gets, and which reason it ends for. What the actor
// shows of it is in `logic.ts`.
import type { ExitReason, SupervisorClock, TerrariumError } from '@terrarium/supervisor/base'
import type { EventObject } from 'xstate'
import { cannotClone } from './cloning.ts'
import { crashed, notExposed, notInTime, notLoaded, outOfMemory, unreadable } from './failures.ts'
import { fromPortable } from './portable.ts'
import type { News } from './protocol.ts'
import type { Thread, ThreadSource } from './thread.ts'

/** What a session tells its actor. */
export type SessionNews =
  | Extract<News, { readonly type: 'snapshot' | 'sent' | 'emitted' }>
  /** The thread is gone. */
  | { readonly type: 'over'; readonly reason: ExitReason }

/** What a session is given. */
export interface SessionDependencies {
  readonly id: string
  /** For people. */
  readonly name: string
  readonly source: ThreadSource
  readonly input: unknown
  /** What the actor continues from, as XState has persisted it; `undefined`: from its beginning. */
  readonly snapshot: unknown
  readonly clock: Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'>
  /** In ms. */
  readonly startTimeout: number
  readonly isUnreferenced: boolean
  readonly tell: (news: SessionNews) => void
  /** An event was not sent. */
  readonly refused: (event: EventObject, error: TerrariumError) => void
}

export class Session {
  readonly #given: SessionDependencies
  readonly #thread: Thread
  readonly #timer: unknown
  /** Events that wait until the module has exposed its actor. */
  #waiting: EventObject[] | undefined = []
  #phase: 'starting' | 'running' | 'stopping' | 'over' = 'starting'
  /** Why the thread is ended. The first reason counts. */
  #reason: ExitReason | undefined
  /** The last error that no code in the thread has caught. It ends the thread, unless the thread handles it. */
  #uncaught: ExitReason | undefined
  /** The same error as the host's side of the thread says it, where it ends the thread. */
  #thrown: { readonly error: unknown } | undefined

  /** Throws if the thread cannot be made. */
  constructor(given: SessionDependencies) {
    const { source, name, clock, startTimeout } = given
    this.#given = given
    const heard = (news: News): void => {
      if (this.#reason === undefined) this.#hear(news)
    }
    const failed = (error: unknown, kind: 'uncaught' | 'memory' | 'unreadable'): void => {
      if (kind === 'memory') this.#end({ type: 'error', error: outOfMemory(name, error) })
      else if (kind === 'unreadable') this.#end({ type: 'error', error: unreadable(name, error) })
      // What the thread has told of it may still be on its way, and arrives before the exit.
      else if (source.endsWhenUncaught) this.#thrown = { error }
      else this.#end(this.#failure(error))
    }
    const exited = (exitCode: number | undefined): void => {
      this.#exited(exitCode)
    }
    try {
      this.#thread = source.open({ heard, failed, exited }, name)
    } catch (cause) {
      throw notLoaded(name, source.module, cause)
    }
    this.#timer = clock.setTimeout(() => {
      this.#end({ type: 'error', error: notInTime(name, startTimeout) })
    }, startTimeout)
  }

  send(event: EventObject): void {
    if (this.#reason !== undefined) return
    if (this.#waiting === undefined) this.#post(event)
    else this.#waiting.push(event)
  }

  /** Asks the actor to end. Returns false if it has been asked before. */
  shutDown(): boolean {
    if (this.#reason !== undefined || this.#phase === 'stopping') return false
    if (this.#waiting === undefined) {
      this.#thread.setReferenced(true) // the end is waited for
      this.#phase = 'stopping'
      this.#thread.post({ type: 'shutdown' })
    } else this.#end({ type: 'shutdown' })
    return true
  }

  /** Ends the thread at once. The actor is over, and is told nothing more. */
  close(): void {
    this.#phase = 'over'
    this.#end({ type: 'killed' })
  }

  #hear(news: News): void {
    switch (news.type) {
      case 'exposed':
        this.#begin()
        return
      case 'snapshot':
        if (this.#phase === 'starting') this.#becomeReady()
        this.#given.tell(news)
        return
      case 'sent':
      case 'emitted':
        this.#given.tell(news)
        return
      case 'ended':
        this.#end(fromPortable(news.reason))
        return
      case 'uncaught':
        this.#uncaught = fromPortable(news.reason)
        if (!this.#given.source.endsWhenUncaught) this.#end(this.#uncaught)
    }
  }

  #begin(): void {
    const { id, input, snapshot } = this.#given
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#thread.post({ type: 'start', id, input, snapshot })
    for (const event of waiting) this.#post(event)
  }

  #becomeReady(): void {
    this.#phase = 'running'
    this.#given.clock.clearTimeout(this.#timer)
    if (this.#given.isUnreferenced) this.#thread.setReferenced(false)
  }

  #post(event: EventObject): void {
    try {
      this.#thread.post({ type: 'event', event })
    } catch (cause) {
      this.#given.refused(event, cannotClone(this.#given.name, `event ${event.type}`, event, cause))
    }
  }

  #failure(error: unknown): ExitReason {
    const { name, source } = this.#given
    if (this.#waiting !== undefined) return { type: 'error', error: notLoaded(name, source.module, error) }
    return this.#uncaught ?? { type: 'error', error: error ?? crashed(name, undefined) }
  }

  #end(reason: ExitReason): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#given.clock.clearTimeout(this.#timer)
    this.#thread.terminate()
  }

  #exited(exitCode: number | undefined): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#given.clock.clearTimeout(this.#timer)
    const { name, source } = this.#given
    if (this.#thrown !== undefined) this.#reason ??= this.#failure(this.#thrown.error)
    this.#reason ??= {
      type: 'error',
      error: this.#waiting === undefined ? crashed(name, exitCode) : notExposed(name, source.module),
    }
    this.#given.tell({ type: 'over', reason: this.#reason })
  }
}
