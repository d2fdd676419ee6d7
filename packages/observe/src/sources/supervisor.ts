// A supervisor as a source: its events become events of the bus with the causes that the supervisor gives them, and its
// children become actors. Children that are pools or supervisors themselves are sources of their own.
import type { OutputLine } from '@terrarium/inspector/protocol'
import { poolOf, type PoolEvents, type PoolSnapshot } from '@terrarium/pool'
import type { ChildInfo, SupervisorEvent, SupervisorEvents, SupervisorSnapshot } from '@terrarium/supervisor'
import type { AnyActorRef } from 'xstate'
import { factsOfError, factsOfReason, parkedLine, reasonLine, type EventFacts } from '../events.ts'
import type { ActorView } from '../messages.ts'
import { BudgetView } from './budget.ts'
import { isProcess, lifeOf, PROCESS } from './life-chart.ts'
import type { Fresh } from './life.ts'
import { Lives, type Followed } from './lives.ts'
import { PoolSource, type ObservedPool, type SourceDependencies } from './pool.ts'
import { Programs } from './programs.ts'
import { childDeeds } from './deeds.ts'
import type { Deeds, PoolGround, Source, Supervision } from './source.ts'
import { Tally } from './tally.ts'

type Because = Told<'child.start'>['because'] & object

/** Above so many tallies, the tallies of children that are gone are dropped for the first time. */
const TALLIES = 1_024

/** A child's event, whose type is known. */
type Told<T extends SupervisorEvent['type']> = Extract<SupervisorEvent, { readonly type: T }>

export class SupervisorSource implements Source {
  readonly #dependencies: SourceDependencies
  readonly #ref: AnyActorRef
  readonly #tally: Tally
  readonly #children = new Map<string, Tally>()
  readonly #nested = new Map<string, Source>()
  #most = TALLIES
  readonly #subscriptions: { unsubscribe(): void }[] = []
  readonly #lives: Lives
  readonly #budget: BudgetView
  readonly #programs: Programs
  /** Children whose actors are lives of processes: kept programs. */
  readonly #processes = new Set<string>()

  /** `ref`: the actor of a supervisor. */
  constructor(ref: AnyActorRef, dependencies: SourceDependencies) {
    this.#ref = ref
    this.#dependencies = dependencies
    this.#tally = new Tally(dependencies.now())
    this.#budget = new BudgetView(dependencies.now)
    this.#programs = new Programs(dependencies.now)
    this.#lives = new Lives(
      (id) => this.#snapshot().child(id),
      dependencies.now,
      (id) => this.#path(id),
    )
    for (const child of this.#snapshot().supervised) if (child.ref !== undefined) this.#adopt(child.id, child.ref)
    this.#listen()
  }

  #listen(): void {
    this.#on('child.start', ({ id, ref, incarnation, resumed = false, because }) => {
      this.#adopt(id, ref)
      this.#at(id, 'child.start').started()
      this.#publish(
        id,
        'child.start',
        `life ${incarnation} begins${whyOf(id, because)}`,
        { incarnation, resumed },
        because?.incident,
      )
    })
    this.#on('child.ready', ({ id, incarnation }) => {
      const tally = this.#at(id, 'child.ready')
      this.#publish(id, 'child.ready', 'ready', { incarnation }, tally.incident)
      tally.ready(this.#dependencies.now())
    })
    this.#on('child.exit', ({ id, incarnation, reason, because }) => {
      const tally = this.#at(id, 'child.exit')
      tally.exited(reason)
      tally.incident = because?.incident ?? tally.incident
      this.#nested.get(id)?.detach()
      this.#nested.delete(id)
      const facts = { incarnation, reason: factsOfReason(reason) }
      this.#publish(
        id,
        'child.exit',
        `exited: ${reasonLine(facts.reason)}${whyOf(id, because)}`,
        facts,
        because?.incident,
      )
    })
    this.#on('child.backoff', ({ id, incarnation, delay, attempt, because }) => {
      this.#at(id, 'child.backoff')
      const text = `the next start is in ${Math.round(delay)} ms, after failure ${attempt} in a row`
      this.#publish(id, 'child.backoff', text, { incarnation, delay, attempt }, because?.incident)
    })
    this.#on('child.restart', ({ id, incarnation, attempt, because }) => {
      this.#at(id, 'child.restart')
      const text = `is being started again${whyOf(id, because)}`
      this.#publish(id, 'child.restart', text, { incarnation, attempt }, because?.incident)
    })
    this.#on('child.parked', ({ id, incarnation, failure, cause, because }) => {
      this.#at(id, 'child.parked').failed(failure.error)
      const facts = factsOfError(failure.error)
      const text = parkedLine(facts)
      this.#publish(id, 'child.parked', text, { incarnation, ...facts, cause }, because?.incident)
    })
    this.#on('child.crash_loop', ({ id, incarnation, failures }) => {
      this.#publish(id, 'child.crash_loop', `failed ${failures} times in a short time`, { incarnation, failures })
    })
    this.#on('child.resume_dropped', ({ id, incarnation }) => {
      this.#publish(id, 'child.resume_dropped', 'the next start is from the beginning', { incarnation })
    })
    this.#on('child.unparked', ({ id, incarnation }) => {
      const { incident } = this.#at(id, 'child.unparked')
      this.#publish(id, 'child.unparked', 'not parked any more', { incarnation }, incident)
    })
    this.#on('supervisor.exit', ({ reason }) => {
      const { bus, id, now } = this.#dependencies
      this.#tally.note('supervisor.exit', now())
      const facts = { reason: factsOfReason(reason) }
      bus.publish({ type: 'supervisor.exit', actor: id, text: `ended: ${reasonLine(facts.reason)}`, facts })
    })
  }

  addViews(views: ActorView[]): void {
    const { id, parent } = this.#dependencies
    const { status, phase, supervised, budget } = this.#snapshot()
    const name = id.slice(id.lastIndexOf('/') + 1)
    const isNested = parent === undefined ? {} : { parent }
    const own = { id, ...isNested, name, kind: 'supervisor', value: phase, status } as const
    views.push({ ...this.#tally.view(), ...own, ...this.#budget.view(budget) })
    for (const child of supervised) {
      const nested = this.#nested.get(child.id)
      if (nested === undefined) views.push(this.#viewOf(child))
      else nested.addViews(views)
    }
  }

  #viewOf({ id, type, state, incarnation, until, ref }: ChildInfo): ActorView {
    return {
      ...this.#tallyOf(id).view(),
      id: this.#path(id),
      parent: this.#dependencies.id,
      name: id,
      kind: type === 'supervisor' ? 'supervisor' : 'other',
      value: state,
      status: state === 'parked' ? 'error' : 'active',
      ...(this.#processes.has(id) ? { machine: PROCESS, life: lifeOf(state, ref), ...this.#programs.viewOf(id) } : {}),
      incarnation,
      ...(until === undefined ? {} : { until }),
    }
  }

  follow(followed: Followed): void {
    this.#lives.follow(followed, this.#processes)
    for (const source of this.#nested.values()) source.follow(followed)
  }

  transitionsOf(id: string, after: number): Fresh | undefined {
    for (const source of this.#nested.values()) {
      const fresh = source.transitionsOf(id, after)
      if (fresh !== undefined) return fresh
    }
    const child = id.slice(this.#dependencies.id.length + 1)
    return id === this.#path(child) && this.#processes.has(child) ? this.#lives.after(child, after) : undefined
  }

  supervisionOf(id: string): Supervision | undefined {
    for (const source of this.#nested.values()) {
      const found = source.supervisionOf(id)
      if (found !== undefined) return found
    }
    const child = id.slice(this.#dependencies.id.length + 1)
    const isChild = id === this.#path(child) && this.#snapshot().child(child) !== undefined
    return isChild ? { supervisor: this.#ref, child } : undefined
  }

  deedsOf(id: string): Deeds | undefined {
    const nested = [...this.#nested.values()].map((source) => source.deedsOf(id)).find(Boolean)
    const supervision = this.supervisionOf(id)
    // A nested pool is a child of its supervisor, too.
    const isOwn = supervision?.supervisor === this.#ref
    return isOwn ? { ...childDeeds(supervision), ...nested } : nested
  }

  addGrounds(grounds: PoolGround[]): void {
    for (const source of this.#nested.values()) source.addGrounds(grounds)
  }

  outputOf(id: string): readonly OutputLine[] | undefined {
    for (const source of this.#nested.values()) {
      const output = source.outputOf(id)
      if (output !== undefined) return output
    }
    const child = id.slice(this.#dependencies.id.length + 1)
    return id === this.#path(child) ? this.#programs.outputOf(child) : undefined
  }

  detach(): void {
    this.#lives.detach()
    this.#programs.detach()
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    for (const source of this.#nested.values()) source.detach()
    this.#nested.clear()
  }

  #on<T extends keyof SupervisorEvents>(type: T, listener: (event: Told<T>) => void): void {
    this.#subscriptions.push(this.#ref.on(type, listener as never))
  }

  #snapshot(): SupervisorSnapshot {
    return this.#ref.getSnapshot() as SupervisorSnapshot
  }

  #path(child: string): string {
    return `${this.#dependencies.id}/${child}`
  }

  #tallyOf(child: string): Tally {
    const known = this.#children.get(child)
    if (known !== undefined) return known
    if (this.#children.size >= this.#most) this.#forget()
    const tally = new Tally(this.#dependencies.now())
    this.#children.set(child, tally)
    return tally
  }

  /** Drops the tallies of children that are not there any more: dynamic children come and go. */
  #forget(): void {
    const present = new Set(this.#snapshot().supervised.map(({ id }) => id))
    for (const id of this.#children.keys()) if (!present.has(id)) this.#children.delete(id)
    for (const id of this.#processes) {
      if (present.has(id)) continue
      this.#processes.delete(id)
      this.#programs.forget(id)
    }
    this.#most = Math.max(TALLIES, 2 * this.#children.size)
  }

  /** The tally of a child, after an event has changed its state. */
  #at(child: string, type: string): Tally {
    const tally = this.#tallyOf(child)
    tally.note(type, this.#dependencies.now())
    if (this.#processes.has(child)) this.#lives.heed(child)
    return tally
  }

  #publish<T extends keyof EventFacts>(
    child: string,
    type: T,
    text: string,
    facts: EventFacts[T],
    incident?: string,
  ): void {
    this.#dependencies.bus.publish({ type, actor: this.#path(child), text, facts, incident })
  }

  #adopt(child: string, ref: AnyActorRef): void {
    this.#nested.get(child)?.detach()
    this.#nested.delete(child)
    const { bus, now, id: parent } = this.#dependencies
    if (isProcess(ref)) {
      this.#processes.add(child)
      this.#programs.adopt(child, ref)
    }
    const source = sourceOf(ref, { bus, now, id: this.#path(child), parent })
    if (source === undefined) return
    this.#nested.set(child, source)
    source.follow(this.#lives.followed)
  }
}

/** Names the child that failed, if it is another one. */
const whyOf = (id: string, because: Because | undefined): string =>
  because === undefined || because.child === id ? '' : `, because ${because.child} failed`

/** The source that an actor is; undefined unless it is a pool or a supervisor. */
function sourceOf(ref: AnyActorRef, dependencies: SourceDependencies): Source | undefined {
  const pool = nestedPool(ref)
  if (pool !== undefined) return new PoolSource(pool, dependencies)
  return isSupervisor(ref) ? new SupervisorSource(ref, dependencies) : undefined
}

export function isSupervisor(ref: AnyActorRef): boolean {
  const snapshot = ref.getSnapshot() as Partial<SupervisorSnapshot> | undefined
  return Array.isArray(snapshot?.supervised)
}

function nestedPool(ref: AnyActorRef): ObservedPool | undefined {
  try {
    return {
      access: poolOf(ref),
      snapshot: () => ref.getSnapshot() as PoolSnapshot,
      on<E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]) {
        const subscription = ref.on(event, listener as never)
        return () => {
          subscription.unsubscribe()
        }
      },
    }
  } catch {
    return undefined // it is no pool
  }
}
