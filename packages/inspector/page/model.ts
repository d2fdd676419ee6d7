// What the page knows: sources with their actors, machines, events and details, as the messages of the protocol say.
// Actors are replaced when they change, so that what shows one is drawn anew for a change only.
import type {
  Act,
  ActorChange,
  ActorView,
  Answer,
  Delta,
  Detail,
  EventView,
  FromReader,
  FromSource,
  Hello,
  LeftOut,
  NodeView,
  Numbers,
  OutputLine,
  Question,
  Refusal,
  Sample,
  Snap,
  StateValue,
  Transition,
  Value,
  Verb,
  Verdict,
} from '../src/shared/protocol.ts'

/** An actor of one of several sources. */
export interface Actor extends ActorView {
  /** Unique among all sources. */
  readonly key: string
  readonly above: string | undefined
  readonly source: Source
}

export interface Event {
  readonly key: string
  readonly at: number
  readonly from: string
  readonly to: string
  readonly type: string
  readonly payload: Value | undefined
  /** Of an observer: a sentence, the key of the event that caused it, and the incident that it belongs to. */
  readonly text: string | undefined
  readonly because: string | undefined
  readonly incident: string | undefined
}

export type Link = 'connecting' | 'live' | 'lost' | 'trace'

export interface Source {
  readonly key: string
  hello: Hello | undefined
  link: Link
  seq: number
  left: LeftOut
  readonly machines: Map<string, NodeView>
  /** Only an observer sends numbers, verdicts and the series. */
  numbers: Numbers | undefined
  verdict: readonly Verdict[]
  series: readonly Sample[]
  /** The token for actions, if the address had one. */
  readonly token: string | undefined
  /** Questions and actions that are not answered yet, by their ids. */
  readonly asked: Map<number, (answer: Answer | Refusal) => void>
  readonly say: (message: FromReader) => void
}

/** What is known of a watched actor besides. */
export interface Watched {
  readonly snapshot: Value
  readonly transitions: readonly Transition[]
  readonly left: number
  /** The last lines that its process has printed. */
  readonly output: readonly OutputLine[]
  /** The actions that are possible now, for example `restart`. */
  readonly verbs: readonly Verb[]
}

/** What is drawn. While it is paused the page shows a copy. */
export interface Picture {
  readonly sources: readonly Source[]
  readonly actors: ReadonlyMap<string, Actor>
  readonly events: readonly Event[]
  readonly watched: ReadonlyMap<string, Watched>
  /** Events per second, one number a second, the last 120. */
  readonly rates: readonly number[]
  readonly now: number
}

const KEPT_EVENTS = 2_000
const KEPT_TRANSITIONS = 500
const SECONDS = 120
/** Samples of the series, one a second: five minutes. */
const SAMPLES = 300
const NOTHING_LEFT: LeftOut = { events: 0, actors: 0, machines: 0 }

export class Model {
  readonly sources: Source[] = []
  readonly #actors = new Map<string, Actor>()
  readonly #watched = new Map<string, Watched>()
  #events: Event[] = []
  #rates: number[] = []
  #second = 0
  #sourceCount = 0
  #askCount = 0
  #selected: string | undefined
  readonly #changed: () => void

  constructor(changed: () => void) {
    this.#changed = changed
  }

  addSource(say: Source['say'], link: Link, token?: string): Source {
    const source: Source = {
      key: String((this.#sourceCount += 1)),
      hello: undefined,
      link,
      seq: -1,
      left: NOTHING_LEFT,
      machines: new Map(),
      numbers: undefined,
      verdict: [],
      series: [],
      token,
      asked: new Map(),
      say,
    }
    this.sources.push(source)
    return source
  }

  removeSource(source: Source): void {
    this.sources.splice(this.sources.indexOf(source), 1)
    for (const [key, actor] of this.#actors) if (actor.source === source) this.#actors.delete(key)
    this.#events = this.#events.filter(({ key }) => !key.startsWith(`${source.key}/`))
    this.#changed()
  }

  /** Asks a question, or for an action. */
  ask(source: Source, question: Question | Pick<Act, 'verb' | 'actor'>): Promise<Answer | Refusal> {
    const id = (this.#askCount += 1)
    return new Promise((resolve) => {
      source.asked.set(id, resolve)
      source.say(
        'what' in question ? { t: 'ask', id, ...question } : { t: 'act', id, token: source.token ?? '', ...question },
      )
    })
  }

  setLink(source: Source, link: Link): void {
    source.link = link
    if (link === 'lost') {
      const lost: Refusal = { t: 'error', code: 'LOST', message: 'the program is not reached', hint: 'Ask again.' }
      for (const answer of source.asked.values()) answer(lost)
      source.asked.clear()
    }
    this.#changed()
  }

  /** A trace stands still at its end. */
  now(): number {
    const [first] = this.sources
    return first?.link === 'trace' ? (first.hello?.now ?? 0) : Date.now()
  }

  picture(): Picture {
    const { sources } = this
    this.#tick()
    return {
      sources,
      actors: new Map(this.#actors),
      events: this.#events,
      watched: new Map(this.#watched),
      rates: [...this.#rates],
      now: this.now(),
    }
  }

  /** The actor whose details the page shows. */
  select(key: string | undefined): void {
    if (key === this.#selected) return
    this.#selected = key
    this.#watch()
    this.#changed()
  }

  #watch(): void {
    const actor = this.#selected === undefined ? undefined : this.#actors.get(this.#selected)
    for (const source of this.sources) source.say({ t: 'watch', ids: actor?.source === source ? [actor.id] : [] })
  }

  take(source: Source, message: FromSource): void {
    if (message.t === 'hello') source.hello = message
    else if (message.t === 'snap') this.#takeSnap(source, message)
    else if (message.t === 'd') this.#takeDelta(source, message)
    else if (message.t === 'detail') this.#takeDetail(source, message)
    else if (message.id !== undefined) {
      source.asked.get(message.id)?.(message)
      source.asked.delete(message.id)
    }
    this.#changed()
  }

  #takeSnap(source: Source, snap: Snap): void {
    const { seq, actors, machines, events, left, g, verdict = [], series = [] } = snap
    source.seq = seq
    source.left = left
    source.numbers = g
    source.verdict = verdict
    source.series = series
    for (const [key, actor] of this.#actors) if (actor.source === source) this.#actors.delete(key)
    for (const [id, machine] of Object.entries(machines)) source.machines.set(id, machine)
    for (const actor of actors) this.#add(source, actor)
    const others = this.#events.filter(({ key }) => !key.startsWith(`${source.key}/`))
    this.#events = [...others, ...events.map((event) => this.#event(source, event))].sort((a, b) => a.at - b.at)
    this.#watch()
  }

  #takeDelta(source: Source, delta: Delta): void {
    const { seq, add = [], set = [], del = [], machines = {}, events = [], left, g, verdict } = delta
    if (seq !== source.seq + 1) source.say({ t: 'since', seq: source.seq })
    source.seq = seq
    if (left !== undefined) source.left = left
    if (verdict !== undefined) source.verdict = verdict
    if (g !== undefined) this.#sample(source, delta.now, g)
    for (const [id, machine] of Object.entries(machines)) source.machines.set(id, machine)
    for (const actor of add) this.#add(source, actor)
    for (const [id, change] of set) {
      const key = `${source.key}/${id}`
      const actor = this.#actors.get(key)
      if (actor !== undefined) this.#actors.set(key, changed(actor, change))
    }
    for (const id of del) this.#actors.delete(`${source.key}/${id}`)
    if (events.length === 0) return
    this.#tick()
    this.#rates[this.#rates.length - 1] = (this.#rates.at(-1) ?? 0) + events.length
    this.#events = [...this.#events, ...events.map((event) => this.#event(source, event))].slice(-KEPT_EVENTS)
  }

  /** The observer samples once a second, and sends the series only at first. */
  #sample(source: Source, now: number, g: Numbers): void {
    source.numbers = g
    const [at = 0] = source.series.at(-1) ?? []
    const kept = now - at < 1_000 ? source.series.slice(0, -1) : source.series
    const time = now - at < 1_000 ? at : now
    source.series = [...kept, [time, g.accepted, g.failed, g.inFlight, g.queued] as const].slice(-SAMPLES)
  }

  #takeDetail(source: Source, detail: Detail): void {
    const { id, snapshot, transitions, left, output = [], verbs = [] } = detail
    const key = `${source.key}/${id}`
    const before = this.#watched.get(key)
    const last = before?.transitions.at(-1)?.[0] ?? -1
    // The first detail after a selection repeats what may be known.
    const fresh = transitions.filter(([at]) => at > last)
    const all = [...(before?.transitions ?? []), ...fresh].slice(-KEPT_TRANSITIONS)
    this.#watched.set(key, { snapshot, transitions: all, left: (before?.left ?? 0) + left, output, verbs })
    if (this.#watched.size > 50) this.#watched.delete(this.#watched.keys().next().value ?? '')
  }

  #add(source: Source, actor: ActorView): void {
    const key = `${source.key}/${actor.id}`
    const above = actor.parent === undefined ? undefined : `${source.key}/${actor.parent}`
    this.#actors.set(key, { ...actor, key, above, source })
  }

  #event(source: Source, view: EventView): Event {
    const [n, at, from, to, type, payload, text, because, incident] = view
    const keyOf = (id: string): string => (id === '' ? '' : `${source.key}/${id}`)
    return {
      key: `${source.key}/${n}`,
      at,
      from: keyOf(from),
      to: keyOf(to),
      type,
      payload,
      text,
      because: typeof because === 'number' ? `${source.key}/${because}` : undefined,
      incident: incident ?? undefined,
    }
  }

  /** Begins the numbers of the seconds since the last one. */
  #tick(): void {
    const second = Math.floor(this.now() / 1_000)
    const missing = this.#rates.length === 0 ? 1 : Math.min(second - this.#second, SECONDS)
    for (let i = 0; i < missing; i += 1) this.#rates.push(0)
    this.#rates.splice(0, this.#rates.length - SECONDS)
    this.#second = second
  }
}

/** Whether a source is an observer of pools and supervisors. */
export const isObserver = ({ hello }: Source): boolean => hello?.source === 'terrarium'

/** `loading`, or `audio.on, video.off` for regions. */
export function valueText(value: StateValue): string {
  if (typeof value === 'string') return value
  return Object.entries(value)
    .map(([key, below = '']) => {
      const text = valueText(below)
      return text === '' ? key : text.includes(', ') ? `${key}(${text})` : `${key}.${text}`
    })
    .join(', ')
}

/** `3 ms`, `2.5 s`, `4 min`, `3 h`, `2 d`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`
  return `${Math.floor(ms / 86_400_000)} d`
}

/** As `duration`, but in steps of a second: for times that run. */
export const running = (ms: number): string =>
  ms < 1_000 ? '< 1 s' : ms < 60_000 ? `${Math.floor(ms / 1_000)} s` : duration(ms)

/** A source may say null of a field that an actor does not have any more. */
const changed = (actor: Actor, change: ActorChange): Actor =>
  Object.fromEntries(Object.entries({ ...actor, ...change }).filter(([, value]) => value !== null)) as unknown as Actor
