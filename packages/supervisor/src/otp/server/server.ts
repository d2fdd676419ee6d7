// One running server: its queue of messages, and the callback that deals with each.
import type { AnyActorRef, EventObject } from 'xstate'
import { LONGEST_DELAY } from '../../base/clock.ts'
import { Fifo } from '../../core/fifo.ts'
import { TerrariumError } from '../../base/errors.ts'
import { isTrapping, trapExit, type ExitEvent } from '../../actor/exit.ts'
import { errorOfExit, type ExitReason } from '../../base/exit-reason.ts'
import { reportFault } from '../../base/platform.ts'
import type { InitResult, Next, ServerBehaviour } from './behaviour.ts'
import { isCast } from './cast.ts'
import { isCall, reply, type From } from './from.ts'
import { reasonOfHalt } from './halt.ts'
import { clockOf, parentOf } from '../../actor/xstate.ts'
import { perform, type Resume } from './perform.ts'
import { tellUser } from '../../base/user-code.ts'

/** Asks a server to end, see `stopServer`. */
export interface StopEvent {
  readonly type: 'server.stop'
  readonly reason: ExitReason
}

/** One running server. It handles one message after the other, however long each takes. */
export class Server<TState> {
  phase: 'starting' | 'running' | 'terminating' = 'starting'
  /** Why the server has ended; `undefined` until then. */
  outcome: ExitReason | undefined
  state: TState | undefined
  readonly #behaviour: ServerBehaviour<TState>
  readonly #self: AnyActorRef
  readonly #log: (...values: unknown[]) => void
  readonly #messages = new Fifo<EventObject>()
  /** True while a callback runs: messages wait. */
  #busy = true
  /** How long to wait for the next message once there is none, in ms. */
  #timeout: number | undefined
  #timer: unknown

  constructor(behaviour: ServerBehaviour<TState>, self: AnyActorRef, log: (...values: unknown[]) => void) {
    this.#behaviour = behaviour
    this.#self = self
    this.#log = log
  }

  /** Starts the server. With a persisted state `init` does not run. */
  boot(origin: { readonly input: unknown } | { readonly state: TState }): void {
    const { init, trapExit: traps = false } = this.#behaviour
    if (traps) trapExit(this.#self)
    const begin = (result: InitResult<TState>): void => {
      this.#begin(result)
    }
    const refuse = (error: unknown): void => {
      this.#end({ type: 'error', error })
    }
    if ('state' in origin) begin(origin)
    else perform(this.#self, () => init({ self: this.#self, input: origin.input }), begin, refuse)
    this.#pump()
  }

  receive(event: EventObject): void {
    if (this.outcome !== undefined) return
    if (event.type === 'server.resume') (event as Resume).resume()
    else if (event.type === 'supervisor.shutdown' && !isTrapping(this.#self)) this.#end({ type: 'shutdown' })
    else this.#messages.push(event)
    this.#pump()
  }

  /** Handles that XState stops the server hard. Only the synchronous part of `terminate` has an effect. */
  halt(): void {
    const self = this.#self
    const reason = isTrapping(self) && this.phase === 'running' ? reasonOfHalt(self) : undefined
    this.#forgetTimer()
    if (reason === undefined) return
    const terminate = (why: ExitReason): unknown => this.#behaviour.terminate?.(why, this.state as TState, self)
    tellUser(terminate, reason, (error) => {
      reportFault(`terminate of server ${self.id} failed`, error)
    })
  }

  #pump(): void {
    while (!this.#busy) {
      const event = this.#messages.shift()
      if (event === undefined) {
        this.#wait()
        return
      }
      this.#forgetTimer()
      this.#busy = true
      this.#deal(event)
    }
  }

  #deal(event: EventObject): void {
    const { handleCall, handleCast, handleInfo } = this.#behaviour
    const self = this.#self
    const state = this.state as TState
    if (event.type === 'supervisor.shutdown') this.#terminate({ type: 'shutdown' })
    else if (event.type === 'server.stop') this.#terminate((event as StopEvent).reason)
    else if (isExit(event) && event.from === parentOf(self)) this.#terminate(event.reason)
    else if (isCall(event)) {
      const { from } = event
      this.#handle('handleCall', handleCall && (() => handleCall(event, from, state, self)), from)
    } else if (isCast(event)) this.#handle('handleCast', handleCast && (() => handleCast(event, state, self)))
    else if (handleInfo !== undefined) this.#handle('handleInfo', () => handleInfo(event, state, self))
    else {
      this.#log(`server ${self.id} has no handleInfo and ignores`, event)
      this.#busy = false
    }
  }

  #handle(name: keyof ServerBehaviour<TState>, handler: (() => unknown) | undefined, from?: From): void {
    const proceed = (next: unknown): void => {
      this.#proceed(next ?? {}, from)
    }
    const failed = (error: unknown): void => {
      this.#terminate({ type: 'error', error })
    }
    if (handler === undefined) failed(missing(this.#self.id, name))
    else perform(this.#self, handler, proceed, failed)
  }

  #begin(result: InitResult<TState>): void {
    if ('stop' in result) {
      this.#end({ type: 'error', error: errorOfExit(this.#self.id, result.stop) })
      return
    }
    this.phase = 'running'
    this.state = result.state
    // The caller that has started the server continues before `handleContinue` runs (M11).
    if ('continue' in result) this.#handle('init', () => Promise.resolve(result))
    else this.#proceed(result)
  }

  #proceed(next: Next<TState>, from?: From): void {
    if ('state' in next) this.state = next.state
    const answer = (): void => {
      if (from !== undefined && 'reply' in next) reply(from, next.reply)
    }
    if (next.stop !== undefined) {
      this.#terminate(next.stop, answer)
      return
    }
    answer()
    this.#timeout = next.timeout
    const { handleContinue } = this.#behaviour
    if (!('continue' in next)) this.#busy = false
    else {
      const handler = handleContinue && (() => handleContinue(next.continue, this.state as TState, this.#self))
      this.#handle('handleContinue', handler)
    }
  }

  #terminate(reason: ExitReason, answer?: () => void): void {
    this.phase = 'terminating'
    perform(
      this.#self,
      () => this.#behaviour.terminate?.(reason, this.state as TState, this.#self),
      () => {
        answer?.()
        this.#end(reason)
      },
      (error) => {
        answer?.() // even if `terminate` has failed, as in OTP
        this.#end({ type: 'error', error })
      },
    )
  }

  #end(reason: ExitReason): void {
    this.#busy = true
    this.#forgetTimer()
    this.outcome = reason
  }

  #wait(): void {
    if (this.#timeout === undefined || this.#timeout === Infinity) return
    const delay = Math.min(this.#timeout, LONGEST_DELAY)
    this.#timer = clockOf(this.#self).setTimeout(() => {
      this.#self.send({ type: 'timeout' })
    }, delay)
    this.#timeout = undefined
  }

  #forgetTimer(): void {
    this.#timeout = undefined
    if (this.#timer !== undefined) clockOf(this.#self).clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function isExit(event: EventObject): event is ExitEvent {
  return event.type === 'exit' && 'from' in event && 'reason' in event
}

function missing(id: string, handler: string): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `server ${id} has no ${handler}`, { details: { server: id, handler } })
}
