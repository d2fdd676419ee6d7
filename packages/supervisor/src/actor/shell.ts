// The shell around the core: it carries out effects, makes actors and timers, and turns what happens into events.
import type { ActorScope, ActorSystem, ActorSystemInfo, AnyActorLogic, AnyActorRef } from 'xstate'
import {
  isLogic,
  isAskedToEnd,
  notALogic,
  optionsFor,
  readinessOf,
  SHUTDOWN,
  spawn,
  spawnAndWatch,
} from './child-actor.ts'
import { cleanUpFailures } from './clean-up.ts'
import { historyOf } from './history.ts'
import { cloneState } from '../core/clone.ts'
import { decide, decideEnd } from '../core/decide.ts'
import type { Effect, Result } from '../core/effect.ts'
import type { ChildNews, CoreEvent, Death } from '../core/event.ts'
import { Fifo } from '../core/fifo.ts'
import { unforeseen } from '../core/imagining.ts'
import { recall, remember, type SupervisorMemory } from '../core/memory.ts'
import type { Recorder } from '../core/recorder.ts'
import { createState, type Child, type CoreState } from '../core/state.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import { exitReasonOf, isOver, orderedExit, recordExit, whenOver } from './exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { faultReporter, reportFault } from '../base/platform.ts'
import { isSupervisor } from '../base/brand.ts'
import type { Settings, SupervisorOptions } from '../spec/options.ts'
import { causeAbove, incidentOf } from './incidents.ts'
import type { Arrival, ForeignExit } from './news.ts'
import { orphan } from './orphan.ts'
import { copyOf, Snapshots } from './resume.ts'
import { Readings } from './readings.ts'
import type { SupervisorSnapshot } from './logic.ts'
import { IGNORE } from '../spec/spec.ts'
import { isPromiseLike, reportOnce } from '../base/user-code.ts'
import { freeName, stopHard } from './xstate.ts'

const KILLED: ExitReason = { type: 'killed' }
const SHUT_DOWN: ExitReason = { type: 'shutdown' }

export type SupervisorScope = ActorScope<SupervisorSnapshot, CoreEvent, ActorSystem<ActorSystemInfo>, SupervisorEvent>

/**
 * Carries out effects. A result that is known at once, such as the start of an actor, goes straight back to the core;
 * anything later comes as an event.
 */
export class Shell {
  readonly state: CoreState
  readonly options: SupervisorOptions
  /** Why the supervisor has ended; `undefined` until then. */
  outcome: ExitReason | undefined
  /** What was told to the core, if that is kept. */
  readonly journal: Recorder | undefined
  /** How many events have come from children after they were declared exited. All were dropped. */
  zombieEffects = 0
  readonly #scope: SupervisorScope
  readonly #readings: Readings
  readonly #report: (hook: string, error: unknown) => void
  readonly #snapshots: Snapshots
  readonly #timers = new Map<number, unknown>()
  /** Effects that are still to be carried out, in order. */
  readonly #effects = new Fifo<Effect>()
  /** The time of the current event, in ms. */
  #now = 0

  constructor(scope: SupervisorScope, settings: Settings, options: SupervisorOptions, memory?: SupervisorMemory) {
    this.options = options
    this.journal = options.journal?.open() as Recorder | undefined
    const name = `${settings.id}-${scope.sessionId.replace('x:', '')}`
    this.state = createState(this.journal?.listen(settings) ?? settings, name)
    this.#scope = scope
    cleanUpFailures(scope.system)
    this.#readings = new Readings(scope.self as AnyActorRef, options)
    const tell = faultReporter(options.onFault)
    this.#report = reportOnce((hook, error) => {
      tell(`\`${hook}\` of supervisor ${settings.id} failed`, error)
    })
    this.#snapshots = new Snapshots(() => this.latest(), this.#report)
    if (memory !== undefined) recall(this.state, memory, this.#readings.now())
    this.#snapshots.recall(this.state, memory?.resume)
    this.journal?.begin(this.state, this.latest())
  }

  /** The memory for the next incarnation. */
  get memory(): SupervisorMemory {
    return { ...remember(this.state, this.latest()), ...this.#snapshots.remember(this.state) }
  }

  /** The time in ms; `undefined` if the clock throws. */
  get now(): number | undefined {
    try {
      return this.#readings.clock.now()
    } catch {
      return undefined
    }
  }

  /** Takes one core event and carries out what follows. */
  handle(event: CoreEvent): void {
    if (this.#readings.fault !== undefined) throw this.#readings.fault.error
    this.#now = this.#readings.now()
    this.#decide(event)
    this.#carryOn()
  }

  /** Takes an event that starts or stops the supervisor, with the failure for which the supervisor above does that. */
  handleOrder(event: Extract<CoreEvent, { type: 'supervisor.boot' | 'supervisor.shutdown' }>): void {
    const state = event.type === 'supervisor.boot' ? 'starting' : 'stopping'
    const because = event.because ?? causeAbove(this.#scope.self as AnyActorRef, state)
    this.handle(because === undefined ? event : { ...event, because })
  }

  /** Handles that XState stops the supervisor's own actor hard. */
  halt(): void {
    const self = this.#scope.self as AnyActorRef
    const reason = orderedExit(self)
    const because = causeAbove(self, 'stopping')
    this.handle(
      reason === undefined ? { type: 'supervisor.halt', because } : { type: 'supervisor.halt', reason, because },
    )
  }

  /**
   * Ends the supervisor after an error of the given clock or `random`, or a fault of this package. XState would end the
   * supervisor and leave its children running.
   */
  fail(error: unknown): void {
    const reason: ExitReason = { type: 'error', error }
    while (this.#effects.shift() !== undefined);
    this.#decide({ type: 'supervisor.halt', reason })
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
      try {
        this.#carryOut(effect)
      } catch {
        // Only the first error is reported.
      }
    }
    this.outcome = reason
  }

  #carryOn(): void {
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift())
      this.#carryOut(effect)
    this.journal?.settle(this.state, this.#now)
  }

  /** Called again from within effects, so that their results are decided before the next effect runs. */
  #decide(event: CoreEvent): void {
    const told = this.journal?.record(event, this.#now) ?? event
    decide(this.state, told, this.#now, this.#effects)
  }

  /**
   * Handles XState's event that an actor with this id has ended by itself. The event may be about an earlier
   * incarnation; then the present actor is still active.
   */
  ended(id: string): void {
    const child = this.state.children.get(id)
    const death = child?.ref === undefined ? undefined : this.#deathOf(child, child.ref)
    if (child === undefined || death === undefined) return
    this.handle({ type: 'supervisor.child.exited', id, startNumber: child.startNumber, ...death })
  }

  #deathOf(child: Child, ref: AnyActorRef): Death | undefined {
    const reason = exitReasonOf(ref)
    if (reason === undefined) return undefined
    this.#keepHistory(child, ref)
    return { reason, random: this.#readings.draw(), time: this.#readings.time(), incident: incidentOf(ref) }
  }

  /**
   * Keeps the memory of a nested supervisor for its next incarnation, however it ended (X22), unless it was stopped to
   * stay stopped.
   */
  #keepHistory(child: Child | undefined, ref: AnyActorRef): void {
    if (!this.state.settings.keepHistory || child === undefined || (child.ref ?? child.lastRef) !== ref) return
    const history = child.state === 'stopped' && !child.isHeld ? undefined : historyOf(ref)
    if (history !== undefined) child.troubled.history = history
  }

  /** Handles that a caller has ended a child with `exit()`. */
  endedBy({ id, ref, reason }: ForeignExit): void {
    const child = this.state.children.get(id)
    if (child?.ref === ref) {
      this.#keepHistory(child, ref)
      this.handle(this.#exited(id, child.startNumber, reason))
    } else if (child?.lastRef !== ref || exitReasonOf(ref) !== reason) this.zombieEffects += 1 // else it is known
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'start':
        this.#start(effect.child, effect.startNumber)
        return
      case 'shutdown':
        this.#shutDown(effect.child)
        return
      case 'kill':
        this.#keepHistory(this.state.children.get(effect.ref.id), effect.ref)
        this.#kill(effect)
        return
      case 'setTimer': {
        const { id, timer, delay } = effect
        const callback = (): void => {
          this.#timers.delete(timer)
          this.#scope.self.send({
            type: 'supervisor.timer',
            id,
            timer,
            random: this.#readings.draw(),
            time: this.#readings.time(),
          })
        }
        this.#timers.set(timer, this.#readings.clock.setTimeout(callback, delay))
        return
      }
      case 'clearTimer':
        if (!this.#timers.has(effect.timer)) return
        this.#readings.clock.clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
        return
      case 'fault':
        this.#report(effect.hook, effect.error)
        return
      case 'reply':
        this.#reply(effect)
        return
      case 'imagine':
        this.#imagine(effect)
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

  /** The answer is about the state as it is now, however long its module takes to load. */
  #imagine(question: Extract<Effect, { type: 'imagine' }>): void {
    const [state, now, time] = [cloneState(this.state), this.latest(), this.#readings.time()]
    void import('./what-if.ts')
      .then(
        ({ answerWhatIf }) => answerWhatIf(state, question, now, time),
        (error: unknown): Result => ({ ok: false, error: unforeseen(question.id, error) }),
      )
      .then((result) => {
        this.#reply({ reply: question.reply, result })
      })
  }

  /** An operation that was sent as an event may carry any function. */
  #reply({ reply, result }: Pick<Extract<Effect, { type: 'reply' }>, 'reply' | 'result'>): void {
    try {
      reply(result)
    } catch (error) {
      reportFault(`a reply of supervisor ${this.state.settings.id} failed`, error)
    }
  }

  #shutDown(child: Child): void {
    const { id, startedWith, ref, startNumber } = child
    if (ref === undefined) return
    const isBrutal = startedWith.shutdown === 'brutal_kill'
    const ended = exitReasonOf(ref)
    if (ended === undefined && !isBrutal && isAskedToEnd(child, ref)) {
      ref.send(SHUTDOWN)
      this.#decide({ type: 'supervisor.child.asked', id, startNumber })
      return
    }
    const reason = ended ?? (isBrutal ? KILLED : SHUT_DOWN)
    if (ended === undefined) recordExit(ref, reason)
    this.#keepHistory(child, ref)
    if (ended === undefined) stopHard(ref)
    const end = exitReasonOf(ref) // an error, if its clean-up has thrown
    if (end === undefined) {
      // The actor is handling an event, and XState stops it after that.
      whenOver(ref, (why) => {
        this.#scope.self.send(this.#exited(id, startNumber, why))
      })
      this.#decide({ type: 'supervisor.child.asked', id, startNumber })
      return
    }
    const death = { reason: end, random: 0 } // `random` is unused: nothing is delayed
    if (this.journal === undefined) decideEnd(this.state, child, death, this.#now, this.#effects)
    else this.#decide({ type: 'supervisor.child.exited', id, startNumber, ...death })
  }

  #kill({ ref, orphanedBy, because }: Extract<Effect, { type: 'kill' }>): void {
    if (isOver(ref)) return
    if (orphanedBy !== undefined && isSupervisor(ref.getSnapshot())) orphan(ref, orphanedBy, because)
    else {
      stopHard(ref)
      freeName(ref)
    }
  }

  #start(child: Child, startNumber: number): void {
    const { id, incarnation } = child
    const { logic } = child.spec
    if (typeof logic !== 'function') {
      this.#spawn(child, startNumber, logic)
      return
    }
    let made: unknown
    let isLate: boolean
    try {
      made = logic({ supervisor: this.state.settings.id, id, incarnation })
      isLate = isPromiseLike(made)
    } catch (error) {
      this.#fail(child, startNumber, error)
      return
    }
    if (!isLate) {
      this.#accept(made, child, startNumber)
      return
    }
    this.#now = this.#readings.now()
    this.#decide({ type: 'supervisor.child.making', id, startNumber })
    const { self } = this.#scope
    const arrive = (arrival: Arrival['arrival']): void => {
      self.send({ type: 'supervisor.child.arrived', id, startNumber, arrival } as never)
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

  /** Handles the settled promise of a start function. A logic that comes too late is not made an actor. */
  arrived({ id, startNumber, arrival }: Arrival): void {
    const child = this.state.children.get(id)
    if (child?.startNumber !== startNumber || child.state !== 'starting') {
      this.zombieEffects += 1
      return
    }
    if ('error' in arrival) this.#fail(child, startNumber, arrival.error)
    else this.#accept(arrival.logic, child, startNumber)
    this.#carryOn()
  }

  #accept(made: unknown, child: Child, startNumber: number): void {
    const { id, incarnation } = child
    if (made === IGNORE) this.#told({ type: 'supervisor.child.ignored', id, startNumber })
    else if (isLogic(made)) this.#spawn(child, startNumber, made)
    else this.#fail(child, startNumber, notALogic(made, { supervisor: this.state.settings.id, id, incarnation }))
  }

  #spawn(child: Child, startNumber: number, logic: AnyActorLogic): void {
    const { id, spec } = child
    const { self } = this.#scope
    const from = this.#snapshots.pointFor(child)
    const options = optionsFor(logic, child, self as AnyActorRef, from && copyOf(from.snapshot))
    const isReady = readinessOf(logic, spec.ready)
    const { actor, ready, failure } =
      isReady === undefined
        ? spawn(logic, options)
        : spawnAndWatch(logic, options, isReady, (news) => {
            if (news === 'ready') self.send({ type: 'supervisor.child.ready', id, startNumber })
            else self.send(this.#exited(id, startNumber, { type: 'error', error: news.error }))
          })
    if (actor !== undefined) {
      const death = ready ? this.#deathOf(child, actor) : undefined
      this.#told({ type: 'supervisor.child.spawned', id, startNumber, ref: actor, ready, death, resumed: from && true })
      if (spec.resume !== undefined) this.#snapshots.follow(child, actor, from)
    }
    if (failure === undefined) return
    if (actor !== undefined && !isOver(actor)) stopHard(actor)
    this.#told(this.#exited(id, startNumber, { type: 'error', error: failure.error }, actor && incidentOf(actor)))
  }

  /** Passes news to the core with a new reading of the clock, since a start takes time. */
  #told(news: ChildNews): void {
    this.#now = this.#readings.now()
    this.#decide(news)
  }

  /** The time, or the last known time if the clock throws. */
  latest(): number {
    try {
      return this.#readings.now()
    } catch {
      return this.#now
    }
  }

  #fail({ id }: Child, startNumber: number, error: unknown): void {
    this.#told(this.#exited(id, startNumber, { type: 'error', error }))
  }

  #exited(id: string, startNumber: number, reason: ExitReason, incident?: string): ChildNews {
    const [random, time] = [this.#readings.draw(), this.#readings.time()]
    return { type: 'supervisor.child.exited', id, startNumber, reason, random, time, incident }
  }
}
