// The tap on an application's actors: it hears XState's inspection, and tells the pages that are open what has changed,
// at most ten times a second. While no page is open it counts and remembers, and writes nothing. It never throws into
// the application.
import type { ActorLike, InspectionLike } from './actor-ref.ts'
import { changeOf, viewOf } from './actor-view.ts'
import { buffered, type Client, type Sink } from './client.ts'
import type { Clock } from './clock.ts'
import { DetailWriter } from './detail.ts'
import { EventLog, shortType } from './event-log.ts'
import {
  DETAILS_MS,
  FIRST_EVENTS,
  FLUSH_MS,
  KEPT_EVENTS,
  TRACED_DETAILS,
  TRACE_MS,
  UNSENT_BYTES,
  WATCHED,
} from './limits.ts'
import { PROTOCOL_VERSION } from './protocol.ts'
import type { Delta, Detail, FromSource, Hello, LeftOut, NodeView, Snap } from './protocol.ts'
import { readMessage, refusal } from './read-message.ts'
import type { Redact } from './redact.ts'
import { Roots } from './roots.ts'
import { forgetFresh, Machines, Roster, type Entry } from './roster.ts'

/** The end of a page that the tap holds. */
export interface Connection {
  /** Takes a message of the page. */
  receive(text: string): void
  /** The page is gone. */
  close(): void
}

export interface TapOptions {
  readonly clock: Clock
  readonly hello: Omit<Hello, 't' | 'v' | 'source' | 'started' | 'now'>
  readonly redact?: Redact | undefined
}

export class Tap {
  readonly #clock: Clock
  readonly #hello: TapOptions['hello']
  readonly #started: number
  readonly #roster: Roster
  readonly #roots: Roots
  readonly #machines = new Machines()
  readonly #events: EventLog
  readonly #details: DetailWriter
  readonly #clients = new Set<Client>()
  /** Changed since the last flush. */
  #dirty: Entry[] = []
  /** Watched, and changed since their last detail. */
  readonly #owed = new Set<Entry>()
  /** Forgotten since the last flush. */
  #gone: Entry[] = []
  /** Entries and machines that pages know. */
  readonly #told = new Set<Entry>()
  readonly #toldMachines = new Set<string>()
  /** How many clients watch every actor. */
  #watchingAll = 0
  #seq = 0
  #stopTimer: (() => void) | undefined

  constructor({ clock, hello, redact }: TapOptions) {
    this.#clock = clock
    this.#hello = hello
    this.#started = clock.now()
    this.#roster = new Roster(clock, {
      changed: (entry) => {
        this.#mark(entry)
      },
      removed: (entry) => {
        if (!this.#told.has(entry)) return
        this.#gone.push(entry)
        this.#schedule()
      },
    })
    this.#roots = new Roots(this.#roster, this.inspect)
    this.#events = new EventLog(clock, redact)
    this.#details = new DetailWriter(clock, redact)
  }

  /** How many pages are open. */
  get watchers(): number {
    return this.#clients.size
  }

  /** For XState's option `inspect`. Never throws: XState would throw it at the sender of the event. */
  readonly inspect = (inspection: unknown): void => {
    try {
      this.#hear(inspection as InspectionLike)
    } catch {
      // An event that cannot be read is not shown.
    }
  }

  /** Watches a root and what is below it while a page is open. Returns the function that ends it. */
  watch(root: ActorLike): () => void {
    return this.#roots.add(root)
  }

  /** Opens the tap for a page, which is sent a greeting and the whole picture. */
  connect(sink: Sink, { watchesAll = false } = {}): Connection {
    const client: Client = { sink, watched: [], watchesAll, isStale: false }
    this.#flush()
    this.#clients.add(client)
    if (watchesAll) this.#watchingAll += 1
    this.#roots.open()
    this.#send(client, this.#greeting())
    this.#send(client, this.#snap(FIRST_EVENTS))
    if (watchesAll) for (const entry of this.#roster.entries.values()) this.#mark(entry)
    return {
      receive: (text) => {
        this.#receive(client, text)
      },
      close: () => {
        this.#drop(client)
      },
    }
  }

  /** Everything that is known now, for a file. */
  trace(): readonly FromSource[] {
    this.#flush(TRACE_MS)
    this.#roots.open()
    const snap = this.#snap(KEPT_EVENTS)
    const details: Detail[] = []
    const end = this.#clock.now() + TRACE_MS
    for (const entry of this.#roster.entries.values()) {
      if (details.length === TRACED_DETAILS || this.#clock.now() > end) break
      if (entry.hasStarted) details.push(this.#details.write(entry, entry.kept))
    }
    if (this.#clients.size === 0) this.#roots.close()
    return [this.#greeting(), snap, ...details]
  }

  /** XState makes several inspection events of one event. Each fact is read from one kind of them, to count once. */
  #hear(inspection: InspectionLike): void {
    switch (inspection.type) {
      case '@xstate.event': {
        const { actorRef, sourceRef, event } = inspection
        if (event === undefined) return
        this.#hearEvent(this.#roster.take(actorRef), sourceRef && this.#roster.find(sourceRef), event)
        return
      }
      case '@xstate.snapshot': {
        const { actorRef, event, snapshot } = inspection
        if (snapshot === undefined) return
        const entry = this.#roster.take(actorRef)
        if (entry === undefined) return
        this.#roster.update(entry, snapshot, event?.type ?? '')
        this.#mark(entry)
        return
      }
      case '@xstate.actor':
        this.#roster.take(inspection.actorRef)
    }
  }

  #hearEvent(entry: Entry | undefined, source: Entry | undefined, event: { readonly type: string }): void {
    // The only word about a machine that has thrown.
    if (source !== undefined && event.type.startsWith('xstate.error.actor.')) this.#roster.lookAt(source)
    if (entry === undefined) return
    if (!entry.hasStarted) {
      entry.hasStarted = true
      this.#roster.lookAt(entry)
    }
    entry.events += 1
    entry.last = shortType(event.type)
    this.#events.add(source?.id ?? '', entry.id, event, this.#clients.size > 0)
    this.#mark(entry)
  }

  #mark(entry: Entry): void {
    if (this.#clients.size === 0) return
    if (!entry.isDirty) {
      entry.isDirty = true
      this.#dirty.push(entry)
    }
    if (this.#isWatched(entry)) this.#owed.add(entry)
    this.#schedule()
  }

  #schedule(): void {
    this.#stopTimer ??= this.#clock.after(FLUSH_MS, () => {
      this.#stopTimer = undefined
      try {
        this.#flush()
      } catch {
        // The next flush sends what this one could not.
      }
    })
  }

  /** `ms`: how long it may take to write the contents of events. */
  #flush(ms?: number): void {
    if (this.#clients.size === 0) return
    // A machine that has thrown by itself is known by its snapshot only.
    for (const entry of this.#dirty) this.#roster.lookAt(entry)
    const delta = this.#delta(ms)
    if (delta !== undefined) this.#broadcast(delta)
    const end = this.#clock.now() + DETAILS_MS
    for (const entry of this.#owed) {
      this.#tellDetail(entry)
      if (this.#clock.now() > end) break
    }
    if (this.#owed.size > 0) this.#schedule()
  }

  #delta(ms?: number): Delta | undefined {
    const events = this.#events.flush(ms)
    const dirty = this.#takeDirty().filter(({ id, hasStarted }) => hasStarted && this.#roster.entries.has(id))
    const gone = this.#gone
    this.#gone = []
    if (events.length + dirty.length + gone.length === 0) return undefined
    const changed = dirty.filter((entry) => this.#told.has(entry))
    const add = dirty.filter((entry) => !this.#told.has(entry)).map((entry) => this.#tell(entry))
    for (const entry of gone) this.#told.delete(entry)
    const machines = this.#newMachines()
    return {
      t: 'd',
      seq: (this.#seq += 1),
      now: Math.round(this.#clock.now()),
      ...(add.length > 0 && { add }),
      ...(changed.length > 0 && { set: changed.map((entry) => [entry.id, changeOf(entry)] as const) }),
      ...(gone.length > 0 && { del: gone.map(({ id }) => id) }),
      ...(machines.length > 0 && { machines: Object.fromEntries(machines) }),
      ...(events.length > 0 && { events }),
      left: this.#left(),
    }
  }

  #takeDirty(): Entry[] {
    const dirty = this.#dirty
    this.#dirty = []
    for (const entry of dirty) entry.isDirty = false
    return dirty
  }

  #tell(entry: Entry): ReturnType<typeof viewOf> {
    this.#told.add(entry)
    return viewOf(entry, this.#machines)
  }

  #newMachines(): (readonly [string, NodeView])[] {
    const news = [...this.#machines.definitions].filter(([id]) => !this.#toldMachines.has(id))
    for (const [id] of news) this.#toldMachines.add(id)
    return news
  }

  /** A detail that took long to write rests for long: see DetailWriter. */
  #tellDetail(entry: Entry): void {
    if (!this.#told.has(entry) || !this.#isWatched(entry)) {
      this.#owed.delete(entry)
      return
    }
    if (this.#details.isResting(entry)) return
    this.#owed.delete(entry)
    const detail = this.#details.write(entry, entry.fresh)
    for (const client of this.#clients)
      if (client.watchesAll || client.watched.includes(entry)) this.#send(client, detail)
    entry.fresh = []
    entry.left = 0
  }

  #isWatched({ watchers }: Entry): boolean {
    return watchers > 0 || this.#watchingAll > 0
  }

  #broadcast(delta: Delta): void {
    const text = JSON.stringify(delta)
    for (const client of this.#clients) {
      if (buffered(client) > UNSENT_BYTES) {
        client.isStale = true
      } else if (client.isStale) {
        client.isStale = false
        this.#send(client, this.#snap(FIRST_EVENTS))
      } else {
        this.#sendText(client, text)
      }
    }
  }

  #greeting(): Hello {
    const now = Math.round(this.#clock.now())
    return { t: 'hello', v: PROTOCOL_VERSION, source: 'app', ...this.#hello, started: Math.round(this.#started), now }
  }

  #snap(events: number): Snap {
    this.#roster.look()
    // Pages that are open hear of removals in deltas.
    const actors = [...this.#roster.entries.values()].filter(({ hasStarted }) => hasStarted)
    const views = actors.map((entry) => viewOf(entry, this.#machines))
    if (this.#clients.size > 0) for (const entry of actors) this.#told.add(entry)
    const machines = Object.fromEntries(this.#machines.definitions)
    for (const id of Object.keys(machines)) this.#toldMachines.add(id)
    const now = Math.round(this.#clock.now())
    return {
      t: 'snap',
      seq: this.#seq,
      now,
      actors: views,
      machines,
      events: this.#events.last(events),
      left: this.#left(),
    }
  }

  #left(): LeftOut {
    const { left: events, leftContents: contents } = this.#events
    return { events, ...(contents > 0 && { contents }), actors: this.#roster.left, machines: this.#machines.left }
  }

  #receive(client: Client, text: string): void {
    if (!this.#clients.has(client)) return
    const message = readMessage(text)
    if (message.t === 'error') this.#send(client, message)
    else if (message.t === 'since') {
      if (message.seq !== this.#seq) this.#send(client, this.#snap(FIRST_EVENTS))
    } else if (message.t === 'watch') this.#watch(client, message.ids)
    else {
      const hint = 'Ask an observer of pools and supervisors.'
      this.#send(client, { ...refusal('NOT_OFFERED', 'an application answers no questions', hint), id: message.id })
    }
  }

  #watch(client: Client, ids: readonly string[]): void {
    const before = client.watched
    client.watched = ids.slice(0, WATCHED).flatMap((id) => this.#roster.entries.get(id) ?? [])
    for (const entry of before) entry.watchers -= 1
    for (const entry of client.watched) entry.watchers += 1
    for (const entry of before) if (entry.watchers === 0) forgetFresh(entry)
    for (const entry of client.watched)
      if (!before.includes(entry)) this.#send(client, this.#details.write(entry, entry.kept))
  }

  #drop(client: Client): void {
    if (!this.#clients.delete(client)) return
    if (client.watchesAll) this.#watchingAll -= 1
    for (const entry of client.watched) {
      entry.watchers -= 1
      if (entry.watchers === 0) forgetFresh(entry)
    }
    client.watched = []
    if (this.#clients.size > 0) return
    this.#roots.close()
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#takeDirty()
    this.#owed.clear()
    this.#told.clear()
    this.#toldMachines.clear()
    this.#gone = []
    this.#events.forgetPending()
  }

  #send(client: Client, message: FromSource): void {
    if (message.t === 'detail' && buffered(client) > UNSENT_BYTES) return
    this.#sendText(client, JSON.stringify(message))
  }

  /** A page that cannot be sent to is dropped. */
  #sendText(client: Client, text: string): void {
    try {
      client.sink.send(text)
    } catch {
      this.#drop(client)
    }
  }
}
