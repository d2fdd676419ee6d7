// Tells readers what has changed, at most ten times a second. Without a reader it takes no picture and has no timer. A
// reader that is too slow is sent nothing until it has read, then a whole picture; at last it is cut off.
import { readMessage, refusal, type Refusal, type Sample, type Verb } from '@terrarium/inspector/protocol'
import { isTerrariumError, messageOf, ReferencedClock, type SupervisorClock } from '@terrarium/supervisor/base'
import { deedsOf, type Actions } from './actions.ts'
import type { Bus } from './bus.ts'
import { shortened, type ObservedEvent } from './events.ts'
import type { Answer, Delta, Detail, EventView, FromObserver, Hello, Snap } from './messages.ts'
import { PROCESS, PROCESS_CHART } from './sources/life-chart.ts'
import { difference, EMPTY, isSame, takePicture, type Picture } from './picture.ts'
import { answer } from './questions.ts'
import { bufferedOf, type Reader, type ReaderConnection, type ReaderPort } from './reader.ts'
import type { Source } from './sources/source.ts'
import { toWire } from './wire-value.ts'

/** Time between two messages to a reader, in ms. */
const EVERY = 100
/** Time between two samples of the series, in ms, and how many are kept. */
const SAMPLE_EVERY = 1_000
const SAMPLES = 300
/** Events of a whole picture at most. */
const SNAP_EVENTS = 500
/** A reader with more bytes unsent is told nothing more until it has read them. */
const SLOW_BYTES = 1_048_576
/** How long a reader may stay that slow, in ms. */
const SLOW_MS = 30_000
/** Readers at a time. */
export const READERS = 16

export interface PublisherDependencies {
  readonly bus: Bus
  readonly clock: SupervisorClock
  readonly sources: () => Iterable<Source>
  readonly hello: () => Hello
  /** Carries out what readers ask for; undefined: readers may only look. */
  readonly actions: Actions | undefined
  /** Whether the series is kept while no reader is there. */
  readonly record: boolean
}

export class Publisher {
  readonly #dependencies: PublisherDependencies
  readonly #clock: ReferencedClock
  readonly #readers = new Set<Reader>()
  readonly #series: Sample[] = []
  #picture: Picture = EMPTY
  #seq = 0
  /** The number of the last event that readers were told. */
  #told = 0
  #sampledAt = -Infinity
  #timer: unknown

  constructor(dependencies: PublisherDependencies) {
    this.#dependencies = dependencies
    // What is observed decides how long the host process lives, not who looks.
    this.#clock = new ReferencedClock(dependencies.clock)
    this.#clock.unref()
    if (dependencies.record) this.#tick()
  }

  /** How many readers there are. */
  get readers(): number {
    return this.#readers.size
  }

  /** Whether anything is done in the background. */
  get isAwake(): boolean {
    return this.#timer !== undefined
  }

  /** Takes a reader and tells it the whole picture. `more`: fields of its hello. */
  connect(port: ReaderPort, more: Partial<Hello> = {}): ReaderConnection {
    const reader: Reader = { port, watched: [], details: new Map(), slowSince: undefined, missed: 0 }
    if (this.#readers.size >= READERS) {
      this.#send(reader, refusal('TOO_MANY_READERS', `there are ${READERS} readers already`, 'Close another reader.'))
      this.#drop(reader)
      return { receive: () => undefined, closed: () => undefined }
    }
    this.#tell()
    this.#readers.add(reader)
    this.#send(reader, { ...this.#dependencies.hello(), ...more })
    this.#send(reader, this.#snap(0))
    if (this.#readers.size === 1) this.#schedule()
    return {
      receive: (text) => {
        this.#receive(reader, text)
      },
      closed: () => {
        this.#readers.delete(reader)
        this.follow()
      },
    }
  }

  /** Lets every reader go. */
  close(): void {
    for (const reader of [...this.#readers]) this.#drop(reader)
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #schedule(): void {
    this.#clock.clearTimeout(this.#timer)
    const delay = this.#readers.size > 0 ? EVERY : SAMPLE_EVERY
    this.#timer = this.#clock.setTimeout(() => {
      this.#tick()
    }, delay)
  }

  #tick(): void {
    this.#timer = undefined
    this.#tell()
    if (this.#readers.size > 0 || this.#dependencies.record) this.#schedule()
    else this.#picture = EMPTY
  }

  /** Takes a picture, and tells the readers what is new in it. */
  #tell(): void {
    const { bus, clock, sources } = this.#dependencies
    const before = this.#picture
    const after = takePicture(sources())
    const at = clock.now()
    this.#picture = after
    this.#sample(at)
    const events = bus.after(this.#told)
    const isLate = bus.last - this.#told > events.length
    this.#told = bus.last
    if (this.#readers.size === 0) return
    const numbers = isSame(before.numbers, after.numbers) ? undefined : after.numbers
    const verdict = isSame(before.verdict, after.verdict) ? undefined : after.verdict
    const actors = difference(before, after)
    if (actors !== undefined || events.length > 0 || numbers !== undefined || verdict !== undefined) {
      const delta: Delta = {
        t: 'd',
        seq: ++this.#seq,
        now: this.#now(),
        ...actors,
        ...(events.length === 0 ? {} : { events: events.map(wireEvent) }),
        ...(numbers === undefined ? {} : { g: numbers }),
        ...(verdict === undefined ? {} : { verdict }),
        ...(isLate || before.left !== after.left ? { left: this.#left(0) } : {}),
      }
      const text = JSON.stringify(delta)
      for (const reader of [...this.#readers]) this.#pass(reader, text, events.length, at)
    }
    for (const reader of [...this.#readers])
      if (reader.slowSince === undefined) this.#tellDetails(reader)
      else this.#judge(reader, at)
  }

  #pass(reader: Reader, text: string, events: number, at: number): void {
    if (reader.slowSince !== undefined || bufferedOf(reader) > SLOW_BYTES) {
      reader.slowSince ??= at
      reader.missed += events
      return
    }
    this.#sendText(reader, text)
  }

  /** A slow reader: has it read, or is its time over? */
  #judge(reader: Reader, at: number): void {
    if (reader.slowSince === undefined) return
    if (bufferedOf(reader) === 0) {
      const { missed } = reader
      reader.slowSince = undefined
      reader.missed = 0
      this.#send(reader, this.#snap(missed))
    } else if (at - reader.slowSince >= SLOW_MS) {
      const { missed } = reader
      const hint = 'Connect again, and read faster.'
      this.#send(reader, { ...refusal('TOO_SLOW', `cut off after ${missed} missed events`, hint), missed })
      this.#drop(reader)
      const text = `a reader was too slow and was cut off; it has missed ${missed} events`
      this.#dependencies.bus.publish({ type: 'reader.cut', actor: '', text, facts: { missed } })
    }
  }

  #receive(reader: Reader, text: string): void {
    const { actions, sources } = this.#dependencies
    const message = readMessage(text, actions !== undefined)
    switch (message.t) {
      case 'watch':
        reader.watched = message.ids
        reader.details.clear()
        this.follow()
        this.#tellDetails(reader)
        break
      case 'since':
        this.#send(reader, this.#snap(0))
        break
      case 'ask':
        this.#answer(reader, message.id, answer(message, sources()))
        break
      case 'act':
        this.#answer(reader, message.id, actions?.carryOut(message, reader.port.address ?? 'a reader'))
        break
      case 'error':
        this.#send(reader, message)
    }
  }

  #answer(reader: Reader, id: number, answered: Promise<Answer> | undefined): void {
    answered?.then(
      (message) => {
        if (this.#readers.has(reader)) this.#send(reader, message)
      },
      (error: unknown) => {
        if (this.#readers.has(reader)) this.#send(reader, { ...refusalOf(error), id })
      },
    )
  }

  #tellDetails(reader: Reader): void {
    const { actions } = this.#dependencies
    const sources = [...this.#dependencies.sources()]
    for (const id of reader.watched) {
      const told = reader.details.get(id)
      const actor = this.#picture.actors.get(id)
      const diagnosis = actor?.diagnosis
      const output = sources.map((source) => source.outputOf(id)).find(Boolean) ?? []
      const fresh = sources.map((source) => source.transitionsOf(id, told?.count ?? 0)).find(Boolean)
      const { transitions = [], left = 0, count = 0 } = fresh ?? {}
      const detail: Detail = {
        t: 'detail',
        id,
        now: this.#now(),
        snapshot: toWire(actor),
        transitions,
        left,
        ...(diagnosis === undefined ? {} : { diagnosis }),
        output: [...output],
        ...(actions === undefined ? {} : { verbs: Object.keys(deedsOf(id, sources)) as Verb[] }),
      }
      const still = { now: 0, transitions: [], left: 0 }
      if (count === told?.count && isSame({ ...told.detail, ...still }, { ...detail, ...still })) continue
      reader.details.set(id, { detail, count })
      this.#send(reader, detail)
    }
  }

  /** Has the transitions kept of what is watched, or of everything. */
  follow(): void {
    const { record, sources } = this.#dependencies
    const followed = record ? 'all' : new Set([...this.#readers].flatMap(({ watched }) => watched))
    for (const source of sources()) source.follow(followed)
  }

  #snap(missed: number): Snap {
    const { bus } = this.#dependencies
    const { actors, numbers, verdict } = this.#picture
    return {
      t: 'snap',
      seq: this.#seq,
      now: this.#now(),
      actors: [...actors.values()],
      machines: { [PROCESS]: PROCESS_CHART },
      events: bus.after(0, SNAP_EVENTS).map(wireEvent),
      left: this.#left(missed),
      g: numbers,
      verdict,
      series: this.#series,
    }
  }

  #left(events: number): Snap['left'] {
    return { events, actors: this.#picture.left, machines: 0 }
  }

  #sample(at: number): void {
    if (at - this.#sampledAt < SAMPLE_EVERY) return
    this.#sampledAt = at
    const { accepted, failed, inFlight, queued } = this.#picture.numbers
    this.#series.push([this.#now(), accepted, failed, inFlight, queued])
    if (this.#series.length > SAMPLES) this.#series.shift()
  }

  #now(): number {
    return this.#dependencies.hello().now
  }

  #send(reader: Reader, message: FromObserver): void {
    this.#sendText(reader, JSON.stringify(message))
  }

  #sendText(reader: Reader, text: string): void {
    try {
      reader.port.send(text)
    } catch {
      this.#drop(reader)
    }
  }

  #drop(reader: Reader): void {
    this.#readers.delete(reader)
    this.follow()
    try {
      reader.port.close()
    } catch {
      // It is gone already.
    }
  }
}

function refusalOf(error: unknown): Refusal {
  const code = isTerrariumError(error) ? error.code : 'FAILED'
  const hint = isTerrariumError(error) ? error.hint : undefined
  return refusal(code, shortened(messageOf(error)), shortened(hint ?? 'See the events.', 1_000))
}

function wireEvent({ n, at, actor, type, facts, text, because, incident }: ObservedEvent): EventView {
  return [n, at, '', actor, type, toWire(facts), text, because ?? null, incident ?? null]
}
