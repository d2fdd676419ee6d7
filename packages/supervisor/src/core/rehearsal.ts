// The core with an imagined shell: effects lead to imagined news, timers run on an imagined clock. Nothing real is
// started, stopped or told.
import type { AnyActorRef } from 'xstate'
import type { ExitReason } from '../base/exit-reason.ts'
import type { ParkCause } from '../policy/breaker.ts'
import type { Because } from '../spec/because.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import { decide } from './decide.ts'
import type { Effect } from './effect.ts'
import type { CoreEvent, Death } from './event.ts'
import { Fifo } from './fifo.ts'
import type { Child, CoreState } from './state.ts'

/** One thing that happens, in the order in which it happens. */
export interface Step {
  /** In ms: after the failure in a what-if, of the supervisor's clock in a replay. */
  readonly at: number
  /** The type of the supervisor event that tells it. */
  readonly what: SupervisorEvent['type']
  /** The child; of `supervisor.exit` the supervisor. */
  readonly id: string
  readonly incarnation?: number
  /** Of `child.exit` and `supervisor.exit`. */
  readonly reason?: ExitReason['type']
  /** Of `child.backoff`, in ms. */
  readonly delay?: number
  /** Of `child.parked`. */
  readonly cause?: ParkCause
  /** Because of which failure and plan. */
  readonly because?: StepCause
}

/** A cause without its failure, which the steps before tell. */
export type StepCause = Omit<Because, 'failure'>

/** How one imagined start goes. Times in ms after the start. */
export interface Life {
  /** `undefined`: the child never becomes ready. */
  readonly ready: number | undefined
  /** True: the start function says, after `ready` ms, that the child is not needed. */
  readonly ignored?: boolean
  /** When and why the child ends by itself; `undefined`: it lives on. */
  readonly end?: { readonly after: number; readonly death: Death } | undefined
}

/** How imagined children behave. */
export interface World {
  /** How the start of this child goes that begins at `now` (ms). */
  start(child: Child, now: number): Life
  /** How long this child takes to end when it is asked to, in ms. */
  stop(child: Child): number
  /** True if this child is asked to end; others are stopped at once. */
  listens(child: Child): boolean
  /** The wall clock when the supervisor's clock shows `now`, both in ms. */
  time(now: number): number
}

/** Children are ready at once, end as soon as they are asked to, and live on. */
export const IDEAL: World = {
  start: () => ({ ready: 0 }),
  stop: () => 0,
  listens: () => true,
  time: (now) => now,
}

interface Due {
  readonly at: number
  readonly event: () => CoreEvent | undefined
  readonly timer?: number
}

/** For jitter: the middle. */
export const MIDDLE = 0.5

export class Rehearsal {
  readonly state: CoreState
  readonly world: World
  /** In ms. */
  now: number
  /** What has happened since the beginning, or since the caller emptied it. */
  readonly steps: Step[] = []
  /** Why the supervisor has ended; `undefined` until then. */
  outcome: ExitReason | undefined
  /** What is to come, in the order in which it was planned. */
  readonly #due: Due[] = []
  readonly #effects = new Fifo<Effect>()
  readonly #sent = new Fifo<CoreEvent>()
  readonly #random: () => number

  /** The state is changed: pass a copy. */
  constructor(state: CoreState, now: number, world: World = IDEAL, random = (): number => MIDDLE) {
    this.state = state
    this.now = now
    this.world = world
    this.#random = random
    for (const child of state.children.values()) this.#resume(child)
  }

  /** Tells the core one event, and all that follows from it at once. */
  tell(event: CoreEvent): void {
    this.#sent.push(event)
    this.#goOn()
  }

  #goOn(): void {
    for (let next = this.#sent.shift(); next !== undefined && this.outcome === undefined; next = this.#sent.shift()) {
      this.#decide(next)
      this.#carryOn()
    }
  }

  #carryOn(): void {
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift())
      this.#carryOut(effect)
  }

  /** Carries out effects that the core has already answered with. */
  begin(effects: readonly Effect[]): void {
    for (const effect of effects) this.#effects.push(effect)
    this.#carryOn()
    this.#goOn()
  }

  /** Tells the core that a start which is under way has an actor now. */
  spawn(id: string, startNumber: number): void {
    this.#decide({ type: 'supervisor.child.spawned', id, startNumber, ref: imagined(id), ready: false })
  }

  /** Plans an event. `undefined` when its time has come: nothing happens. */
  plan(at: number, event: () => CoreEvent | undefined): void {
    this.#due.push({ at, event })
  }

  /** When the next planned thing happens, in ms; `undefined` if there is none. */
  get next(): number | undefined {
    return this.#first()?.at
  }

  /** True if a timer is due that was set after the timer of this number. */
  hasTimersAfter(timer: number): boolean {
    return this.#due.some((due) => due.timer === undefined || due.timer > timer)
  }

  /** The wall clock, in ms. */
  get time(): number {
    return this.world.time(this.now)
  }

  /** Lets the next planned thing happen. */
  advance(): void {
    const due = this.#first()
    if (due === undefined) return
    this.#due.splice(this.#due.indexOf(due), 1)
    this.now = Math.max(this.now, due.at)
    const event = due.event()
    if (event !== undefined) this.tell(event)
  }

  #first(): Due | undefined {
    let first: Due | undefined
    for (const due of this.#due) if (first === undefined || due.at < first.at) first = due
    return first
  }

  /** Continues what is under way for a child in the copied state: its timer, and what the core sends itself. */
  #resume(child: Child): void {
    const { id, timer, state, startedAt, startNumber, trouble, death } = child
    if (death !== undefined) this.#sent.push({ type: 'supervisor.death', id, startNumber })
    if (state === 'restarting' && trouble.retry !== undefined) this.#sent.push({ type: 'supervisor.retry', id })
    if (timer === undefined) return
    const { startTimeout = 0 } = child.startedWith
    const at = trouble.until ?? (state === 'starting' ? startedAt + startTimeout : this.now)
    this.#setTimer(id, timer, at)
  }

  #setTimer(id: string, timer: number, at: number): void {
    const random = this.#random
    this.#due.push({
      at,
      timer,
      event: () => ({ type: 'supervisor.timer', id, timer, random: random(), time: this.time }),
    })
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'start':
        this.#start(effect.child, effect.startNumber)
        return
      case 'shutdown':
        this.#stop(effect.child)
        return
      case 'setTimer':
        this.#setTimer(effect.id, effect.timer, this.now + effect.delay)
        return
      case 'clearTimer': {
        const index = this.#due.findIndex(({ timer }) => timer === effect.timer)
        if (index !== -1) this.#due.splice(index, 1)
        return
      }
      case 'comeBack':
        this.#sent.push(effect.event)
        return
      case 'goOn':
        this.#sent.push({ type: 'supervisor.go_on' })
        return
      case 'exit':
        this.outcome = effect.reason
        return
      case 'kill':
      case 'reply':
      case 'imagine':
      case 'fault':
        return
      default:
        this.steps.push(stepOf(effect, this.now))
    }
  }

  #start(child: Child, startNumber: number): void {
    const { id } = child
    const { ready, ignored = false, end } = this.world.start(child, this.now)
    const about = { id, startNumber }
    if (ready === undefined || !ignored) {
      this.#decide({ type: 'supervisor.child.spawned', ...about, ref: imagined(id), ready: ready === 0 })
    }
    if (ready !== undefined && ignored) {
      this.#at(ready, () => ({ type: 'supervisor.child.ignored', ...about }))
    } else if (ready !== undefined && ready > 0) {
      this.#at(ready, () => ({ type: 'supervisor.child.ready', ...about }))
    }
    if (end !== undefined) {
      const { after, death } = end
      this.#at(Math.max(after, ready ?? 0), () =>
        this.isAsked(id, startNumber)
          ? undefined
          : { type: 'supervisor.child.exited', ...about, ...death, time: this.time },
      )
    }
  }

  #stop(child: Child): void {
    const { id, startNumber, startedWith } = child
    const isBrutal = startedWith.shutdown === 'brutal_kill'
    const reason: ExitReason = { type: isBrutal ? 'killed' : 'shutdown' }
    const exited: CoreEvent = { type: 'supervisor.child.exited', id, startNumber, reason, random: 0 }
    if (isBrutal || !this.world.listens(child)) {
      this.#decide(exited)
      return
    }
    this.#decide({ type: 'supervisor.child.asked', id, startNumber })
    const wait = this.world.stop(child)
    if (wait === 0) this.#sent.push(exited)
    else this.plan(this.now + wait, () => exited)
  }

  /** True if this incarnation is to end anyway, or has ended. */
  isAsked(id: string, startNumber: number): boolean {
    const child = this.state.children.get(id)
    return child?.startNumber !== startNumber || child.state === 'stopping'
  }

  /** Something that happens `after` ms. At once: before the next effect is carried out, as in the shell. */
  #at(after: number, event: () => CoreEvent | undefined): void {
    if (after > 0) {
      this.plan(this.now + after, event)
      return
    }
    const now = event()
    if (now !== undefined) this.#decide(now)
  }

  #decide(event: CoreEvent): void {
    decide(this.state, event, this.now, this.#effects)
  }
}

/** The step that a supervisor event tells. */
export function stepOf(event: SupervisorEvent, at: number): Step {
  const { type: what } = event
  if (event.type === 'supervisor.exit') return { at, what, id: event.supervisor, reason: event.reason.type }
  const { id, incarnation } = event
  return {
    at,
    what,
    id,
    incarnation,
    ...('reason' in event ? { reason: event.reason.type } : {}),
    ...('delay' in event ? { delay: event.delay } : {}),
    ...('cause' in event ? { cause: event.cause } : {}),
    ...('because' in event && event.because !== undefined ? { because: withoutFailure(event.because) } : {}),
  }
}

function withoutFailure({ incident, child, supervisor, plan }: Because): StepCause {
  return { incident, child, supervisor, ...(plan === undefined ? {} : { plan }) }
}

/** An actor that is not there. */
export function imagined(id: string): AnyActorRef {
  return { id, getSnapshot: () => ({ status: 'active' }) } as unknown as AnyActorRef
}
