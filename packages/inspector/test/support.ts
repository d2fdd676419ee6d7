// A tap on a virtual clock, and a page that notes what it is sent.
import type { Clock } from '../src/shared/clock.ts'
import type { ActorView, Delta, Detail, EventView, FromSource, Snap } from '../src/shared/protocol.ts'
import type { Redact } from '../src/shared/redact.ts'
import { Tap, type Connection } from '../src/shared/tap.ts'

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  /** Ms that pass with each look at the clock, as if the code between two looks took long. */
  step = 0
  /** Timers that were set, in all. */
  timers = 0
  #now = 1_000_000
  readonly #due = new Map<() => void, number>()

  now(): number {
    this.#now += this.step
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    this.timers += 1
    const timer = (): void => {
      run()
    }
    this.#due.set(timer, this.#now + ms)
    return () => this.#due.delete(timer)
  }

  get pending(): number {
    return this.#due.size
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#due].filter(([, at]) => at <= end).sort(([, a], [, b]) => a - b)
      if (next === undefined) break
      this.#due.delete(next[0])
      this.#now = next[1]
      next[0]()
    }
    this.#now = end
  }
}

/** What a page knows after the messages it was sent. */
export class TestPage {
  readonly messages: FromSource[] = []
  readonly actors = new Map<string, ActorView>()
  readonly events: EventView[] = []
  readonly connection: Connection
  /** What the socket has not sent yet, in bytes. */
  unsent = 0
  /** How many sequence numbers were missed. */
  gaps = 0
  #seq = -1

  constructor(tap: Tap) {
    this.connection = tap.connect({
      send: (text) => {
        this.#take(JSON.parse(text) as FromSource)
      },
      buffered: () => this.unsent,
    })
  }

  of<Kind extends FromSource['t']>(kind: Kind): Extract<FromSource, { t: Kind }>[] {
    return this.messages.filter((message): message is Extract<FromSource, { t: Kind }> => message.t === kind)
  }

  named(name: string): ActorView | undefined {
    return [...this.actors.values()].find((actor) => actor.name === name)
  }

  watch(...names: string[]): void {
    this.say({ t: 'watch', ids: names.map((name) => this.named(name)?.id ?? name) })
  }

  say(message: unknown): void {
    this.connection.receive(JSON.stringify(message))
  }

  detail(): Detail | undefined {
    return this.of('detail').at(-1)
  }

  #take(message: FromSource): void {
    this.messages.push(message)
    if (message.t === 'snap') this.#takeSnap(message)
    if (message.t === 'd') this.#takeDelta(message)
  }

  #takeSnap(snap: Snap): void {
    this.#seq = snap.seq
    this.actors.clear()
    for (const actor of snap.actors) this.actors.set(actor.id, actor)
    this.events.splice(0, Infinity, ...snap.events)
  }

  #takeDelta({ seq, add = [], set = [], del = [], events = [] }: Delta): void {
    this.gaps += seq - this.#seq - 1
    this.#seq = seq
    for (const actor of add) this.actors.set(actor.id, actor)
    for (const [id, change] of set) {
      const actor = this.actors.get(id)
      if (actor === undefined) this.gaps += 1
      else this.actors.set(id, { ...actor, ...change } as ActorView)
    }
    for (const id of del) this.actors.delete(id)
    this.events.push(...events)
  }
}

/** A tap with a clock of its own. */
export function openTap(redact?: Redact): { tap: Tap; clock: ManualClock } {
  const clock = new ManualClock()
  return { tap: new Tap({ clock, hello: { name: 'test', agent: 'test' }, redact }), clock }
}
