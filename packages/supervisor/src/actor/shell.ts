import type { ActorScope, ActorSystem, ActorSystemInfo, AnyActorLogic, AnyActorRef } from 'xstate'
import {
  isLogic,
  legacyOf,
  listensForShutdown,
  notALogic,
  optionsFor,
  readinessOf,
  SHUTDOWN,
  spawn,
  spawnAndWatch,
} from './child-actor.ts'
import { cleanUpFailures } from './clean-up.ts'
import { systemClock, type SupervisorClock } from '../base/clock.ts'
import { decide, decideEnd } from '../core/decide.ts'
import type { Effect } from '../core/effect.ts'
import type { ChildNews, CoreEvent, Death } from '../core/event.ts'
import { Fifo } from '../core/fifo.ts'
import { recall, remember, type SupervisorMemory } from '../core/memory.ts'
import { createState, type Child, type CoreState } from '../core/state.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import { exitReasonOf, isOver, orderedExit, recordExit, whenOver } from './exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { reportFault } from '../base/host.ts'
import { isSupervisor } from '../base/brand.ts'
import type { Settings, SupervisorOptions } from '../spec/options.ts'
import { orphan } from './orphan.ts'
import type { SupervisorSnapshot } from './logic.ts'
import { IGNORE } from '../spec/spec.ts'
import { askUser, isPromiseLike, reportOnce } from '../base/user-code.ts'
import { faultReporter } from '../base/host.ts'
import { show } from '../base/show.ts'
import { clockOf, freeName, stopHard } from './xstate.ts'

/** The shell's own event: the promise of a start function is settled. */
export interface Arrival {
  readonly type: 'supervisor.child.arrived'
  readonly id: string
  readonly birth: number
  readonly arrival: { readonly logic: unknown } | { readonly error: unknown }
}

/** What `exit()` tells the supervisor of an actor. */
export interface ForeignExit {
  readonly type: 'supervisor.child.exited'
  readonly id: string
  readonly ref: AnyActorRef
  readonly reason: ExitReason
}

const KILLED: ExitReason = { type: 'killed' }
const SHUT_DOWN: ExitReason = { type: 'shutdown' }

export type SupervisorScope = ActorScope<SupervisorSnapshot, CoreEvent, ActorSystem<ActorSystemInfo>, SupervisorEvent>

/**
 * Carries out what the core decides: makes actors, sets timers, sends. What is known at once, like the start of an
 * actor, goes straight back to the core; whatever happens later comes as an event.
 */
export class Shell {
  readonly state: CoreState
  /** Set when the supervisor has ended. */
  outcome: ExitReason | undefined
  /** What has come from children after they had been declared dead, and was dropped. */
  zombieEffects = 0
  readonly #scope: SupervisorScope
  readonly #clock: SupervisorClock
  readonly #random: () => number
  /** What keeps this supervisor from going on: found where nothing may throw, told with the next event. */
  #fault: { readonly error: unknown } | undefined
  readonly #report: (hook: string, error: unknown) => void
  readonly #timers = new Map<number, unknown>()
  /** What is to be done, in order. */
  readonly #effects = new Fifo<Effect>()
  /** When what is being dealt with happened, in ms. */
  #now = 0

  constructor(scope: SupervisorScope, settings: Settings, options: SupervisorOptions, memory?: SupervisorMemory) {
    this.state = createState(settings)
    this.#scope = scope
    cleanUpFailures(scope.system)
    this.#clock = options.clock ?? clockOfSystem(scope) ?? systemClock
    this.#random = options.random ?? Math.random
    const tell = faultReporter(options.onFault)
    this.#report = reportOnce((hook, error) => {
      tell(`\`${hook}\` of supervisor ${settings.id} failed`, error)
    })
    if (memory !== undefined) recall(this.state, memory, this.#read())
  }

  /** What the next incarnation should know. */
  get memory(): SupervisorMemory {
    return remember(this.state, this.#latest())
  }

  /** In ms; `undefined` if the clock cannot tell. */
  get now(): number | undefined {
    try {
      return this.#clock.now()
    } catch {
      return undefined
    }
  }

  handle(event: CoreEvent): void {
    if (this.#fault !== undefined) throw this.#fault.error
    this.#now = this.#read()
    this.#decide(event)
    this.#carryOn()
  }

  /** The supervisor's own actor is stopped hard. */
  halt(): void {
    const reason = orderedExit(this.#scope.self as AnyActorRef)
    this.handle(reason === undefined ? { type: 'supervisor.halt' } : { type: 'supervisor.halt', reason })
  }

  /**
   * What has no business throwing has thrown: the clock or `random` that we were given, or a fault of our own. XState
   * would end the supervisor and leave its children running.
   */
  fail(error: unknown): void {
    const reason: ExitReason = { type: 'error', error }
    while (this.#effects.shift() !== undefined);
    decide(this.state, { type: 'supervisor.halt', reason }, this.#now, this.#effects)
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
      try {
        this.#carryOut(effect)
      } catch {
        // One error is told, which is the first.
      }
    }
    this.outcome = reason
  }

  #carryOn(): void {
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift())
      this.#carryOut(effect)
  }

  /**
   * Also what comes of an effect, before the next one is carried out: it is still at hand, and the next is not late.
   */
  #decide(event: CoreEvent): void {
    decide(this.state, event, this.#now, this.#effects)
  }

  /**
   * XState says that the actor with this id has ended by itself. It does not say which one it was: it may be one that
   * had been replaced already, and then the present one is still active.
   */
  ended(id: string): void {
    const child = this.state.children.get(id)
    const death = child?.ref === undefined ? undefined : this.#deathOf(child, child.ref)
    if (child === undefined || death === undefined) return
    this.handle({ type: 'supervisor.child.exited', id, birth: child.birth, ...death })
  }

  #deathOf(child: Child, ref: AnyActorRef): Death | undefined {
    const reason = exitReasonOf(ref)
    if (reason === undefined) return undefined
    this.#keepHistory(child, ref)
    return { reason, random: this.#draw() }
  }

  /**
   * What a nested supervisor knows is for its next incarnation, however it ends (X22), unless it was stopped to stay
   * so.
   */
  #keepHistory(child: Child | undefined, ref: AnyActorRef): void {
    if (!this.state.settings.keepHistory || child === undefined || (child.ref ?? child.lastRef) !== ref) return
    const legacy = child.state === 'stopped' && !child.isHeld ? undefined : legacyOf(ref)
    if (legacy !== undefined) child.troubled.legacy = legacy
  }

  /** The child was ended by somebody else, for a reason of his own. */
  endedBy({ id, ref, reason }: ForeignExit): void {
    const child = this.state.children.get(id)
    if (child?.ref === ref) {
      this.#keepHistory(child, ref)
      this.handle(this.#exited(id, child.birth, reason))
    } else if (child?.lastRef !== ref || exitReasonOf(ref) !== reason) this.zombieEffects += 1 // else it is known
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'start':
        this.#start(effect.child, effect.birth)
        return
      case 'shutdown':
        this.#shutDown(effect.child)
        return
      case 'kill':
        this.#keepHistory(this.state.children.get(effect.ref.id), effect.ref)
        this.#kill(effect.ref, effect.orphanedBy)
        return
      case 'setTimer': {
        const { id, timer, delay } = effect
        const callback = (): void => {
          this.#timers.delete(timer)
          this.#scope.self.send({ type: 'supervisor.timer', id, timer, random: this.#draw() })
        }
        this.#timers.set(timer, this.#clock.setTimeout(callback, delay))
        return
      }
      case 'clearTimer':
        if (!this.#timers.has(effect.timer)) return
        this.#clock.clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
        return
      case 'fault':
        this.#report(effect.hook, effect.error)
        return
      case 'reply':
        this.#reply(effect)
        return
      case 'comeBack':
        this.#scope.self.send(effect.event)
        return
      case 'goOn':
        this.#scope.self.send({ type: 'supervisor.go_on' })
        return
      case 'exit':
        this.outcome = effect.reason
        return
      default:
        this.#scope.emit(effect)
    }
  }

  /** Whoever asks by an event of its own gives any function. */
  #reply({ reply, result }: Extract<Effect, { type: 'reply' }>): void {
    try {
      reply(result)
    } catch (error) {
      reportFault(`a reply of supervisor ${this.state.settings.id} failed`, error)
    }
  }

  #shutDown(child: Child): void {
    const { id, startedWith, ref, birth } = child
    if (ref === undefined) return
    const isBrutal = startedWith.shutdown === 'brutal_kill'
    const ended = exitReasonOf(ref)
    if (ended === undefined && !isBrutal && (startedWith.patient || listensForShutdown(ref))) {
      ref.send(SHUTDOWN)
      this.#decide({ type: 'supervisor.child.asked', id, birth })
      return
    }
    const reason = ended ?? (isBrutal ? KILLED : SHUT_DOWN)
    if (ended === undefined) recordExit(ref, reason)
    this.#keepHistory(child, ref)
    if (ended === undefined) stopHard(ref)
    const end = exitReasonOf(ref) // what it has thrown while it was cleaned up, if it has
    if (end === undefined) {
      // It is in the middle of an event, and XState stops it after that.
      whenOver(ref, (why) => {
        this.#scope.self.send(this.#exited(id, birth, why))
      })
      this.#decide({ type: 'supervisor.child.asked', id, birth })
    } else decideEnd(this.state, child, { reason: end, random: 0 }, this.#now, this.#effects) // nothing is delayed
  }

  #kill(ref: AnyActorRef, orphanedBy: ExitReason | undefined): void {
    if (isOver(ref)) return
    if (orphanedBy !== undefined && isSupervisor(ref.getSnapshot())) {
      orphan(ref, orphanedBy)
      return
    }
    stopHard(ref)
    freeName(ref)
  }

  #start(child: Child, birth: number): void {
    const { id, incarnation } = child
    const { logic } = child.spec
    if (typeof logic !== 'function') {
      this.#spawn(child, birth, logic)
      return
    }
    let made: unknown
    let isLate: boolean
    try {
      made = logic({ supervisor: this.state.settings.id, id, incarnation })
      isLate = isPromiseLike(made)
    } catch (error) {
      this.#fail(child, birth, error)
      return
    }
    if (!isLate) {
      this.#accept(made, child, birth)
      return
    }
    this.#now = this.#read()
    this.#decide({ type: 'supervisor.child.making', id, birth })
    const { self } = this.#scope
    const arrive = (arrival: Arrival['arrival']): void => {
      self.send({ type: 'supervisor.child.arrived', id, birth, arrival } as never)
    }
    void Promise.resolve(made).then(
      (logic) => {
        arrive({ logic })
      },
      (error: unknown) => {
        arrive({ error })
      },
    )
  }

  /** What a start function had promised. If it comes too late, it is not even made an actor. */
  arrived({ id, birth, arrival }: Arrival): void {
    const child = this.state.children.get(id)
    if (child?.birth !== birth || child.state !== 'starting') {
      this.zombieEffects += 1
      return
    }
    if ('error' in arrival) this.#fail(child, birth, arrival.error)
    else this.#accept(arrival.logic, child, birth)
    this.#carryOn()
  }

  #accept(made: unknown, child: Child, birth: number): void {
    const { id, incarnation } = child
    if (made === IGNORE) this.#told({ type: 'supervisor.child.ignored', id, birth })
    else if (isLogic(made)) this.#spawn(child, birth, made)
    else this.#fail(child, birth, notALogic(made, { supervisor: this.state.settings.id, id, incarnation }))
  }

  #spawn(child: Child, birth: number, logic: AnyActorLogic): void {
    const { id, spec } = child
    const { self } = this.#scope
    const options = optionsFor(logic, child, self as AnyActorRef)
    const isReady = readinessOf(logic, spec.ready)
    const { actor, ready, failure } =
      isReady === undefined
        ? spawn(logic, options)
        : spawnAndWatch(logic, options, isReady, (news) => {
            if (news === 'ready') self.send({ type: 'supervisor.child.ready', id, birth })
            else self.send(this.#exited(id, birth, { type: 'error', error: news.error }))
          })
    if (actor !== undefined) {
      const death = ready ? this.#deathOf(child, actor) : undefined
      this.#told({ type: 'supervisor.child.spawned', id, birth, ref: actor, ready, death })
    }
    if (failure === undefined) return
    if (actor !== undefined && !isOver(actor)) stopHard(actor)
    this.#told(this.#exited(id, birth, { type: 'error', error: failure.error }))
  }

  /** A start takes its time. */
  #told(news: ChildNews): void {
    this.#now = this.#read()
    this.#decide(news)
  }

  /** Throws what the clock throws, and a TypeError if it does not tell the time. */
  #read(): number {
    const now: unknown = askUser(() => this.#clock.now())
    if (typeof now === 'number' && Number.isFinite(now)) return now
    throw new TypeError(`clock.now() of supervisor ${this.state.settings.id} must answer with ms, not ${show(now)}`)
  }

  /** The time, or when it could be told last. */
  #latest(): number {
    try {
      return this.#read()
    } catch {
      return this.#now
    }
  }

  /** Never throws: it is also called by a timer. */
  #draw(): number {
    try {
      const drawn: unknown = askUser(() => this.#random())
      if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return drawn
      const what = `random() of supervisor ${this.state.settings.id}`
      throw new TypeError(`${what} must answer with a number from 0 to below 1, not ${show(drawn)}`)
    } catch (error) {
      this.#fault ??= { error }
      return 0
    }
  }

  #fail({ id }: Child, birth: number, error: unknown): void {
    this.#told(this.#exited(id, birth, { type: 'error', error }))
  }

  #exited(id: string, birth: number, reason: ExitReason): ChildNews {
    return { type: 'supervisor.child.exited', id, birth, reason, random: this.#draw() }
  }
}

/** XState's clocks cannot tell the time; ours, given to the root of the system, can. */
function clockOfSystem({ self }: SupervisorScope): SupervisorClock | undefined {
  const clock: Partial<SupervisorClock> = clockOf(self as AnyActorRef)
  return typeof clock.now === 'function' ? (clock as SupervisorClock) : undefined
}
