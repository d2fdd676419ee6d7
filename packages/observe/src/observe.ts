// observe(): one observer for pools and supervisors of this process, with its bus, its ring and its private socket.
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { PROTOCOL_VERSION, VERBS } from '@terrarium/inspector/protocol'
import type { Pool } from '@terrarium/pool'
import type { Kept } from '@terrarium/process'
import type { Supervisor } from '@terrarium/supervisor'
import {
  ASYNC_DISPOSE,
  Checker,
  faultReporter,
  isBoolean,
  isFields,
  isFunction,
  isName,
  reportOnce,
  systemClock,
  tellUser,
  type OnFault,
  type Stoppable,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import type { AnyActorRef } from 'xstate'
import { Actions } from './actions.ts'
import { Bus, type BusListener } from './bus.ts'
import type { ObservedEvent } from './events.ts'
import { healthOf, type Health } from './health.ts'
import type { Hello } from './messages.ts'
import { Publisher } from './publisher.ts'
import type { ReaderConnection, ReaderPort } from './reader.ts'
import { openPage, type PageServer } from './page.ts'
import { takePicture } from './picture.ts'
import { ObserverSocket } from './socket.ts'
import { PoolSource, poolOfHandle } from './sources/pool.ts'
import type { Source } from './sources/source.ts'
import { isSupervisor, SupervisorSource } from './sources/supervisor.ts'

/**
 * What can be observed: what `createPool()`, `createSupervisor()` or `keep()` has made. Nested ones are found by
 * themselves.
 */
export type Observable = Pool | Pick<Supervisor, 'id' | 'ref' | 'children'> | Pick<Kept, 'name' | 'supervisor'>

export interface ObserveOptions {
  /** Names the program for readers. Default: the name of its main file. */
  readonly name?: string
  /** Whether the series is kept while no reader looks, once a second. Default false. */
  readonly record?: boolean
  /** Whether a private socket is opened for the `terrarium` command. Default true. */
  readonly socket?: boolean
  /**
   * Whether a page is served on 127.0.0.1, on any free port, which `terrarium open` prints the address of. Default
   * false.
   */
  readonly page?: boolean
  /**
   * Whether readers may do more than look, with a second token, see {@link Observer.actionsAddress}: restart, park,
   * unpark or kill a worker or child, pause, resume, drain or reload a pool. Default false.
   */
  readonly actions?: boolean
  /** Told of each action that a reader asks for: which, of what, and who. Default: `console.warn`. */
  readonly onAction?: (line: string) => void
  /** Told of what listeners throw. Default: `console.error`. */
  readonly onFault?: OnFault
  /** Time for messages to readers. Default: the system's. */
  readonly clock?: SupervisorClock
}

/** What `observe()` returns. It keeps no process alive. */
export interface Observer extends Stoppable {
  /** The path of the private socket; undefined without one. */
  readonly socket: string | undefined
  /** The address of the page, with the token that it needs; undefined without one. */
  readonly address: string | undefined
  /** The same with the token for actions, too; undefined without `page` or `actions`. */
  readonly actionsAddress: string | undefined
  /** How many readers look now. */
  readonly readers: number
  /** The kept events, oldest first: the last 2,000. */
  readonly events: readonly ObservedEvent[]
  /** Observes one more pool or supervisor. Throws INVALID_ARGUMENT for anything else. */
  add(observable: Observable): void
  /** Tells every event from now on. What the listener throws changes nothing. The answer stops it. */
  listen(listener: (event: ObservedEvent) => void): () => void
  /** Whether all that is observed can do its work, as of now. */
  health(): Health
  /** Takes a reader, on any carrier of JSON texts. */
  connect(port: ReaderPort): ReaderConnection
  /** Lets readers go, removes the socket and every listener. Idempotent. What is observed goes on. */
  stop(): Promise<void>
}

const OPTIONS: Readonly<Record<keyof ObserveOptions, true>> = {
  name: true,
  record: true,
  socket: true,
  page: true,
  actions: true,
  onAction: true,
  onFault: true,
  clock: true,
}

/**
 * Observes pools and supervisors, started or not. Errors: INVALID_ARGUMENT, naming every mistake at once; CONFIGURATION
 * when there is no folder for the socket; START_FAILED when socket or page cannot be opened.
 *
 * ```ts
 * await observe(pool)
 * ```
 */
export async function observe(
  observables: Observable | readonly Observable[],
  options: ObserveOptions = {},
): Promise<Observer> {
  const list = Array.isArray(observables) ? (observables as readonly Observable[]) : [observables as Observable]
  validate(list, options)
  const observer = new ObserverHandle(options)
  for (const each of list) observer.add(each)
  await observer.open()
  return observer
}

class ObserverHandle implements Observer {
  readonly #options: ObserveOptions
  readonly #bus: Bus
  readonly #publisher: Publisher
  readonly #clock: SupervisorClock
  readonly #sources = new Map<string, Source>()
  readonly #observed = new Set<Observable>()
  readonly #actions: Actions | undefined
  readonly #started: number
  #socket: ObserverSocket | undefined
  #page: PageServer | undefined
  #stopping: Promise<void> | undefined

  constructor(options: ObserveOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#started = this.#now()
    const report = faultReporter(options.onFault)
    this.#bus = new Bus(() => this.#now(), reportOnce(report))
    const sources = (): Iterable<Source> => this.#sources.values()
    const { onAction = console.warn } = options
    const log = (line: string): void => {
      tellUser(onAction as (line: unknown) => unknown, line, (error) => {
        report('onAction failed', error)
      })
    }
    this.#actions =
      options.actions === true ? new Actions({ bus: this.#bus, sources, log, now: () => this.#now() }) : undefined
    this.#publisher = new Publisher({
      bus: this.#bus,
      clock: this.#clock,
      sources,
      hello: () => this.#hello(),
      actions: this.#actions,
      record: options.record ?? false,
    })
  }

  get socket(): string | undefined {
    return this.#socket?.path
  }

  get readers(): number {
    return this.#publisher.readers
  }

  get events(): readonly ObservedEvent[] {
    return this.#bus.after(0)
  }

  get address(): string | undefined {
    return this.#page?.address
  }

  get actionsAddress(): string | undefined {
    const { address } = this
    return address === undefined || this.#actions === undefined ? undefined : `${address}&a=${this.#actions.token}`
  }

  /** Opens the socket and the page, as the options say. */
  async open(): Promise<void> {
    const { socket = true, page = false } = this.#options
    try {
      if (page) this.#page = await openPage((port) => this.connect(port))
      if (socket) this.#socket = await ObserverSocket.listen((port) => this.#connectTrusted(port))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Who can open the private socket may also open the page. */
  #connectTrusted(port: ReaderPort): ReaderConnection {
    const { address: page, actionsAddress: actionsPage } = this
    return this.#publisher.connect(port, {
      ...(page === undefined ? {} : { page }),
      ...(actionsPage === undefined ? {} : { actionsPage }),
    })
  }

  add(observable: Observable): void {
    const check = new Checker()
    checkObservable(check, 'observable', observable)
    check.finish('add()')
    if (this.#observed.has(observable)) return
    this.#observed.add(observable)
    const dependencies = { bus: this.#bus, now: () => this.#now() }
    if (isPoolHandle(observable)) {
      const id = this.#path(observable.name)
      this.#sources.set(id, new PoolSource(poolOfHandle(observable), { ...dependencies, id }))
    } else {
      const { id: name, ref } = 'supervisor' in observable ? observable.supervisor : observable
      const id = this.#path(name)
      this.#sources.set(id, new SupervisorSource(ref, { ...dependencies, id }))
    }
    this.#publisher.follow()
  }

  listen(listener: BusListener): () => void {
    return this.#bus.listen(listener)
  }

  health(): Health {
    return healthOf(takePicture(this.#sources.values()).actors.values())
  }

  connect(port: ReaderPort): ReaderConnection {
    return this.#publisher.connect(port)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    for (const source of this.#sources.values()) source.detach()
    this.#publisher.close()
    await this.#page?.close()
    await this.#socket?.close()
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.stop()
  }

  /** A path that nothing else has: of two with the same name the second is `name~2`. */
  #path(name: string): string {
    let path = name
    for (let n = 2; this.#sources.has(path); n += 1) path = `${name}~${n}`
    return path
  }

  #now(): number {
    return this.#clock.time?.() ?? Date.now()
  }

  #hello(): Hello {
    return {
      t: 'hello',
      v: PROTOCOL_VERSION,
      source: 'terrarium',
      name: this.#options.name ?? basename(process.argv[1] ?? 'node'),
      agent: '@terrarium/observe',
      pid: process.pid,
      host: hostname(),
      node: process.version,
      started: this.#started,
      now: this.#now(),
      actions: this.#actions === undefined ? [] : VERBS,
      asks: ['explain', 'whatIf', 'system', 'sweeps'],
    }
  }
}

function validate(list: readonly unknown[], options: ObserveOptions): void {
  const check = new Checker()
  for (const [index, each] of list.entries()) {
    checkObservable(check, list.length === 1 ? 'observable' : `observables[${index}]`, each)
  }
  if (check.object('options', options, OPTIONS)) {
    const fields = options
    check.known(fields, OPTIONS)
    check.field(fields, 'name', isName, 'a name')
    check.field(fields, 'record', isBoolean, 'true or false')
    check.field(fields, 'socket', isBoolean, 'true or false')
    check.field(fields, 'page', isBoolean, 'true or false')
    check.field(fields, 'actions', isBoolean, 'true or false')
    check.field(fields, 'onAction', isFunction, 'a function')
    check.field(fields, 'onFault', isFunction, 'a function')
    check.field(fields, 'clock', isClock, 'a clock: now, setTimeout, clearTimeout')
  }
  check.finish('observe()')
}

const isClock = (clock: unknown): boolean =>
  isFields(clock) && [clock.now, clock.setTimeout, clock.clearTimeout].every(isFunction)

function checkObservable(check: Checker, name: string, value: unknown): void {
  const isKnown = (each: unknown): boolean => isPoolHandle(each) || isSupervisorHandle(each) || isKept(each)
  check.required({ [name]: value }, name, isKnown, 'what createPool(), createSupervisor() or keep() has made')
}

function isPoolHandle(value: unknown): value is Pool {
  return isFields(value) && isFunction(value.on) && isFunction(value.kill) && isFields(value.stats)
}

function isSupervisorHandle(value: unknown): value is Pick<Supervisor, 'id' | 'ref' | 'children'> {
  if (!isFields(value) || typeof value.id !== 'string' || !isFields(value.ref)) return false
  return isFunction(value.ref.getSnapshot) && isSupervisor(value.ref as unknown as AnyActorRef)
}

const isKept = (value: unknown): boolean =>
  isFields(value) && isFunction(value.whenReady) && isSupervisorHandle(value.supervisor)
