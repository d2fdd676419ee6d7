import type { ActorScope, ActorSystem, ActorSystemInfo, AnyActorRef } from 'xstate'
import { listensForShutdown, SHUTDOWN, startChildActor } from './child-actor.ts'
import { systemClock, type SupervisorClock } from './clock.ts'
import { decide } from './core/decide.ts'
import type { Effect } from './core/effect.ts'
import type { CoreEvent } from './core/event.ts'
import { createState, type CoreState } from './core/state.ts'
import type { SupervisorEvent } from './events.ts'
import type { ExitReason } from './exit-reason.ts'
import type { Settings, SupervisorOptions } from './options.ts'
import type { SupervisorSnapshot } from './logic.ts'

export type SupervisorScope = ActorScope<SupervisorSnapshot, CoreEvent, ActorSystem<ActorSystemInfo>, SupervisorEvent>

/** Carries out what the core decides: makes actors, sets timers, sends. Whatever happens then comes back as an event. */
export class Shell {
  readonly state: CoreState
  /** Set when the supervisor has ended. */
  outcome: ExitReason | undefined
  readonly #scope: SupervisorScope
  readonly #clock: SupervisorClock
  readonly #random: () => number
  readonly #timers = new Map<number, unknown>()

  constructor(scope: SupervisorScope, settings: Settings, options: SupervisorOptions) {
    this.state = createState(settings)
    this.#scope = scope
    this.#clock = options.clock ?? clockOf(scope) ?? systemClock
    this.#random = options.random ?? Math.random
  }

  handle(event: CoreEvent): void {
    for (const effect of decide(this.state, event, this.#clock.now())) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    const { self, emit, stopChild } = this.#scope
    switch (effect.type) {
      case 'start':
        this.#start(effect)
        return
      case 'shutdown':
        if (effect.patient || listensForShutdown(effect.ref)) effect.ref.send(SHUTDOWN)
        else {
          this.#exited(effect.id, effect.birth, { type: 'shutdown' })
          stopChild(effect.ref)
        }
        return
      case 'kill':
        stopChild(effect.ref)
        return
      case 'setTimer': {
        const { id, timer, delay } = effect
        const callback = (): void => {
          this.#timers.delete(timer)
          self.send({ type: 'supervisor.timer', id, timer, random: this.#random() })
        }
        this.#timers.set(timer, this.#clock.setTimeout(callback, delay))
        return
      }
      case 'clearTimer':
        if (!this.#timers.has(effect.timer)) return
        this.#clock.clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
        return
      case 'emit':
        emit(effect.event)
        return
      case 'reply':
        effect.reply(effect.result)
        return
      case 'exit':
        this.outcome = effect.reason
    }
  }

  #start({ spec, birth, incarnation }: Extract<Effect, { type: 'start' }>): void {
    const { id } = spec
    const { self, stopChild } = this.#scope
    startChildActor({
      spec,
      context: { supervisor: this.state.settings.id, id, incarnation },
      parent: self as AnyActorRef,
      stopChild,
      isWanted: () => {
        const child = this.state.children.get(id)
        return child?.birth === birth && child.state === 'starting'
      },
      report: {
        spawned: (ref) => {
          self.send({ type: 'supervisor.child.spawned', id, birth, ref })
        },
        ignored: () => {
          self.send({ type: 'supervisor.child.ignored', id, birth })
        },
        ready: () => {
          self.send({ type: 'supervisor.child.ready', id, birth })
        },
        exited: (reason) => {
          this.#exited(id, birth, reason)
        },
      },
    })
  }

  #exited(id: string, birth: number, reason: ExitReason): void {
    this.#scope.self.send({ type: 'supervisor.child.exited', id, birth, reason, random: this.#random() })
  }
}

/** XState's clocks cannot tell the time; ours, given to the root of the system, can. */
function clockOf({ self }: SupervisorScope): SupervisorClock | undefined {
  const { clock } = self as { clock?: Partial<SupervisorClock> }
  return typeof clock?.now === 'function' ? (clock as SupervisorClock) : undefined
}
