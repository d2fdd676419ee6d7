// A pool as a source: its events become events of the bus, each with its cause, and its workers become actors.
import type { OutputLine } from '@terrarium/inspector/protocol'
import type { Pool, PoolAccess, PoolEvents, PoolSnapshot, WorkerOutput, WorkerView } from '@terrarium/pool'
import type { ExitReason, SupervisorSnapshot } from '@terrarium/supervisor'
import type { AnyActorRef } from 'xstate'
import type { Bus } from '../bus.ts'
import { factsOfError, factsOfReason, parkedLine, reasonLine, shortened, type EventFacts } from '../events.ts'
import type { ActorView } from '../messages.ts'
import { BudgetView } from './budget.ts'
import { lifeOf, PROCESS } from './life-chart.ts'
import type { Fresh, Supervised } from './life.ts'
import { Lives, type Followed } from './lives.ts'
import { MemoryReader } from './memory.ts'
import { LINE, LINES } from './programs.ts'
import { poolDeeds, workerDeeds } from './deeds.ts'
import type { Calls, Deeds, PoolGround, Source, Supervision } from './source.ts'
import { RecentTimes } from './recent-times.ts'
import { Tally } from './tally.ts'

/** A pool, with a handle or nested. */
export interface ObservedPool {
  readonly access: PoolAccess
  readonly snapshot: () => PoolSnapshot
  /** Adds a listener; the answer removes it. */
  readonly on: <E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]) => () => void
}

/** A pool that `createPool()` has made. */
export const poolOfHandle = (pool: Pool): ObservedPool => ({
  access: pool,
  snapshot: () => pool.actor.getSnapshot() as PoolSnapshot,
  on(event, listener) {
    pool.on(event, listener)
    return () => {
      pool.off(event, listener)
    }
  },
})

interface WorkerTally {
  readonly tally: Tally
  readonly output: OutputLine[]
  readonly memory: MemoryReader
  /** Of the present worker, or the last. */
  incarnation: number
}

/** Two readings of the clocks may differ by this much, in ms. */
const DUE_TOLERANCE = 250

export interface SourceDependencies {
  readonly bus: Bus
  /** Ms since 1970. */
  readonly now: () => number
  /** The path of the actor. */
  readonly id: string
  readonly parent?: string
}

export class PoolSource implements Source {
  readonly #dependencies: SourceDependencies
  readonly #pool: ObservedPool
  readonly #tally: Tally
  readonly #workers = new Map<string, WorkerTally>()
  readonly #listeners: (() => void)[] = []
  readonly #lives: Lives
  readonly #budget: BudgetView
  readonly #times = new RecentTimes()
  /** When the next deadline of a watched pool or worker passes, as it was told. */
  readonly #due = new Map<string, number>()

  constructor(pool: ObservedPool, dependencies: SourceDependencies) {
    this.#pool = pool
    this.#dependencies = dependencies
    this.#tally = new Tally(dependencies.now())
    this.#budget = new BudgetView(dependencies.now)
    this.#lives = new Lives(
      (id) => this.#supervised(id),
      dependencies.now,
      (id) => this.#path(id),
    )
    for (const { id, incarnation } of pool.snapshot().workers) this.#worker(id).incarnation = incarnation
    this.#listen()
  }

  #listen(): void {
    const listeners: PoolEvents = {
      'worker.start': ({ worker, incarnation }) => {
        const { tally } = this.#at(worker, 'worker.start')
        tally.started()
        this.#worker(worker).incarnation = incarnation
        this.#publish(worker, 'worker.start', `life ${incarnation} begins`, { incarnation })
      },
      'worker.ready': ({ worker, pid, tools }) => {
        const facts = { pid, tools: tools.length }
        const { tally } = this.#at(worker, 'worker.ready')
        this.#publish(worker, 'worker.ready', `ready, pid ${pid}, ${tools.length} tools`, facts)
        tally.ready(this.#dependencies.now())
      },
      'worker.exit': ({ worker, pid, reason }) => {
        this.#exited(worker, pid, reason)
      },
      'worker.backoff': ({ worker, delay, attempt }) => {
        this.#at(worker, 'worker.backoff')
        const text = `the next start is in ${Math.round(delay)} ms, after failure ${attempt} in a row`
        this.#publish(worker, 'worker.backoff', text, { delay, attempt })
      },
      'worker.parked': ({ worker, error }) => {
        const { tally } = this.#at(worker, 'worker.parked')
        tally.failed(error)
        const facts = factsOfError(error)
        this.#publish(worker, 'worker.parked', parkedLine(facts), facts)
      },
      'worker.unparked': ({ worker }) => {
        this.#at(worker, 'worker.unparked')
        this.#publish(worker, 'worker.unparked', 'not parked any more', {})
      },
      'worker.output': (output) => {
        this.#printed(output)
      },
      'call.retry': ({ tool, attempts, worker }) => {
        const text = `a call of ${tool} is run again, after ${attempts} attempts`
        this.#publish(worker, 'call.retry', text, { tool, attempts })
      },
      'session.lost': ({ session, worker, reason }) => {
        this.#publish(worker, 'session.lost', `the state of session ${session} is lost: ${reason}`, { session, reason })
      },
    }
    for (const event of Object.keys(listeners) as (keyof PoolEvents)[]) {
      this.#listeners.push(this.#pool.on(event, listeners[event]))
    }
  }

  #exited(worker: string, pid: number | undefined, reason: ExitReason): void {
    const { tally, incarnation } = this.#at(worker, 'worker.exit')
    tally.exited(reason)
    if (reason.type === 'error') tally.incident ??= `${this.#path(worker)}#${incarnation}`
    const facts = { reason: factsOfReason(reason), ...(pid === undefined ? {} : { pid }) }
    this.#publish(worker, 'worker.exit', `exited: ${reasonLine(facts.reason)}`, facts)
  }

  addViews(views: ActorView[]): void {
    const { id, parent } = this.#dependencies
    const { access } = this.#pool
    const { status, workers, queue } = this.#pool.snapshot()
    const tree = this.#tree()
    const { accepted, failed, inFlight, ready, queued, sessions } = access.stats
    const onHost = workers.reduce((sum, worker) => sum + (worker.onHost ?? 0), 0)
    views.push({
      ...this.#tally.view(),
      id,
      ...(parent === undefined ? {} : { parent }),
      name: access.name,
      kind: 'pool',
      value: access.status,
      status,
      inFlight,
      ready,
      size: workers.length,
      calls: accepted,
      failed,
      queued: Math.max(queued, queue.waiting + queue.again),
      ...(onHost === 0 ? {} : { onHost }),
      ...(sessions === 0 ? {} : { sessions }),
      ...this.#budget.view(tree?.budget),
    })
    for (const worker of workers) views.push(this.#viewOf(worker, tree?.child(worker.id)?.ref))
  }

  #viewOf(worker: WorkerView, ref: AnyActorRef | undefined): ActorView {
    const { id, state, incarnation, inFlight, onHost, calls, pid, until } = worker
    const { tally, memory } = this.#worker(id)
    const rss = pid === undefined ? undefined : memory.of(pid, this.#dependencies.now())
    return {
      ...tally.view(),
      id: this.#path(id),
      parent: this.#dependencies.id,
      name: id,
      kind: 'worker',
      value: state,
      status: state === 'parked' ? 'error' : 'active',
      machine: PROCESS,
      life: lifeOf(state, ref),
      incarnation,
      inFlight,
      ...(onHost === undefined ? {} : { onHost }),
      calls,
      ...(pid === undefined ? {} : { pid }),
      ...(rss === undefined ? {} : { rss }),
      ...(until === undefined ? {} : { until }),
    }
  }

  outputOf(id: string): readonly OutputLine[] | undefined {
    return this.#workers.get(this.#workerAt(id) ?? '')?.output
  }

  callsOf(id: string): Calls | undefined {
    const snapshot = this.#pool.snapshot()
    const worker = this.#workerAt(id)
    const isPool = id === this.#dependencies.id
    if (!isPool && worker === undefined) return undefined
    const now = this.#dependencies.now()
    const { nextIn, ...counts } = snapshot.deadlines(worker)
    const deadlines = nextIn === undefined ? counts : { ...counts, next: this.#dueAt(id, now + nextIn) }
    return isPool ? { times: this.#times.of(snapshot.times, now), deadlines } : { deadlines }
  }

  /** When the next deadline passes, as it was told before if that is nearly the same. */
  #dueAt(id: string, at: number): number {
    const before = this.#due.get(id) ?? -Infinity
    if (Math.abs(at - before) <= DUE_TOLERANCE) return before
    this.#due.set(id, at)
    return at
  }

  /** The id of the worker that has this path. */
  #workerAt(path: string): string | undefined {
    const { id: own } = this.#dependencies
    const worker = path.slice(own.length + 1)
    return path.startsWith(`${own}/`) && this.#workers.has(worker) ? worker : undefined
  }

  /** The supervisor of the workers. */
  #tree(): SupervisorSnapshot | undefined {
    return this.#pool.snapshot().children.workers?.getSnapshot() as SupervisorSnapshot | undefined
  }

  #supervised(id: string): Supervised | undefined {
    const view = this.#pool.snapshot().workers.find((each) => each.id === id)
    return view && { state: view.state, ref: this.#tree()?.child(id)?.ref }
  }

  follow(followed: Followed): void {
    if (followed !== 'all' && !followed.has(this.#dependencies.id)) this.#times.forget()
    if (followed !== 'all') for (const id of this.#due.keys()) if (!followed.has(id)) this.#due.delete(id)
    this.#lives.follow(followed, this.#workers.keys())
  }

  transitionsOf(id: string, after: number): Fresh | undefined {
    const worker = this.#workerAt(id)
    return worker === undefined ? undefined : this.#lives.after(worker, after)
  }

  supervisionOf(id: string): Supervision | undefined {
    const child = this.#workerAt(id)
    const supervisor = this.#pool.snapshot().children.workers
    return child === undefined || supervisor === undefined ? undefined : { supervisor, child }
  }

  deedsOf(id: string): Deeds | undefined {
    const { access } = this.#pool
    if (id === this.#dependencies.id) return poolDeeds(access)
    const supervision = this.supervisionOf(id)
    return supervision && workerDeeds(supervision, access)
  }

  addGrounds(grounds: PoolGround[]): void {
    const { ground } = this.#pool.snapshot()
    if (ground !== undefined) grounds.push({ pool: this.#dependencies.id, ...ground })
  }

  detach(): void {
    this.#lives.detach()
    for (const remove of this.#listeners.splice(0)) remove()
  }

  #path(worker: string): string {
    return `${this.#dependencies.id}/${worker}`
  }

  #worker(id: string): WorkerTally {
    let worker = this.#workers.get(id)
    if (worker === undefined) {
      worker = { tally: new Tally(this.#dependencies.now()), output: [], memory: new MemoryReader(), incarnation: 0 }
      this.#workers.set(id, worker)
    }
    return worker
  }

  /** The tally of a worker, after an event has changed its state. */
  #at(id: string, type: string): WorkerTally {
    const worker = this.#worker(id)
    worker.tally.note(type, this.#dependencies.now())
    this.#lives.heed(id)
    return worker
  }

  #printed({ worker, stream, line }: WorkerOutput): void {
    const { output } = this.#worker(worker.slice(worker.lastIndexOf('/') + 1))
    output.push({ at: this.#dependencies.now(), stream, line: shortened(line, LINE) })
    if (output.length > LINES) output.shift()
  }

  #publish<T extends keyof EventFacts>(worker: string, type: T, text: string, facts: EventFacts[T]): void {
    const { incident } = this.#worker(worker).tally
    this.#dependencies.bus.publish({ type, actor: this.#path(worker), text, facts, incident })
  }
}
