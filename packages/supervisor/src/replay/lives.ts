// How the children of a recorded run went, as a model of the outside world for a run in which the supervisor decides
// otherwise.
import type { CoreEvent, Death } from '../core/event.ts'
import type { Effect } from '../core/effect.ts'
import type { Life, World } from '../core/rehearsal.ts'
import type { Child, CoreState } from '../core/state.ts'

type Exited = Extract<CoreEvent, { readonly type: 'supervisor.child.exited' }>

/** In ms. A life that was shorter failed because of its start, and would fail again. */
const SHORT = 10_000

/** One start in the recorded run, and what became of it. Times in ms of the clock. */
export interface RecordedLife {
  readonly id: string
  readonly startNumber: number
  readonly at: number
  ready?: number
  ignored?: number
  /** The end, unless it was asked for. */
  end?: { readonly at: number; readonly death: Death }
  /** When the child was asked to end. */
  asked?: number
}

/**
 * The lives of a recorded run. A start in another run goes as the child's last recorded start before it went: it
 * becomes ready after as long, and fails after as long with the same error if that was a short life. The failure that
 * ended a long life has a cause of its own: it comes when it came, whichever incarnation runs then. A child that was
 * never started in the recorded run becomes ready at once and lives on.
 */
export class Lives implements World {
  readonly #lives = new Map<number, RecordedLife>()
  readonly #byChild = new Map<string, RecordedLife[]>()
  /** How long each child took to end when it was asked to, in ms. */
  readonly #stops = new Map<string, number>()

  /** What the wall clock is ahead of the supervisor's clock, in ms. */
  #offset = 0

  /** Begins with the children that live at the checkpoint. */
  constructor({ children }: CoreState) {
    for (const { id, startNumber, startedAt, readyAt, isAlive } of children.values()) {
      if (isAlive) this.#add({ id, startNumber, at: startedAt, ...(readyAt === undefined ? {} : { ready: readyAt }) })
    }
  }

  of(startNumber: number): RecordedLife | undefined {
    return this.#lives.get(startNumber)
  }

  /** Takes notice of an input, before the core gets it. `now` in ms. */
  note(event: CoreEvent, { children }: CoreState, now: number): void {
    if ('time' in event && event.time !== undefined) this.#offset = event.time - now
    if (!('startNumber' in event)) return
    const life = this.#lives.get(event.startNumber)
    const child = children.get(event.id)
    if (life === undefined || child?.startNumber !== event.startNumber || !child.isAlive) return
    if (event.type === 'supervisor.child.spawned') {
      if (event.ready) life.ready = now
      if (event.death !== undefined) life.end = { at: now, death: event.death }
    } else if (event.type === 'supervisor.child.ready') life.ready ??= now
    else if (event.type === 'supervisor.child.ignored') life.ignored = now
    else if (event.type === 'supervisor.child.exited') {
      if (life.asked === undefined) life.end = { at: now, death: deathOf(event) }
      else this.#stops.set(life.id, now - life.asked)
    }
  }

  /** Takes notice of an effect. `now` in ms. */
  follow(effect: Effect, now: number): void {
    if (effect.type === 'start') this.#add({ id: effect.child.id, startNumber: effect.startNumber, at: now })
    if (effect.type !== 'shutdown') return
    const life = this.#lives.get(effect.child.startNumber)
    if (life !== undefined) life.asked = now
  }

  start({ id }: Child, now: number): Life {
    const life = this.#like(id, now)
    if (life === undefined) return { ready: 0 }
    const { at, ready, ignored, end, asked } = life
    if (ignored !== undefined) return { ready: ignored - at, ignored: true }
    return {
      // A start that was cut short might have become ready.
      ready: ready === undefined ? (asked === undefined ? undefined : 0) : ready - at,
      end: end === undefined || isLong(life) ? undefined : { after: end.at - at, death: end.death },
    }
  }

  /** The failures that ended long lives. */
  *failures(): Iterable<{ readonly id: string; readonly at: number; readonly death: Death }> {
    for (const life of this.#lives.values())
      if (life.end !== undefined && isLong(life)) yield { id: life.id, ...life.end }
  }

  stop({ id }: Child): number {
    return this.#stops.get(id) ?? 0
  }

  listens(): boolean {
    return true
  }

  time(now: number): number {
    return now + this.#offset
  }

  /** The recorded start that shows how a start at this time goes. */
  #like(id: string, now: number): RecordedLife | undefined {
    const lives = this.#byChild.get(id) ?? []
    const index = lives.findLastIndex(({ at }) => at <= now)
    const life = lives[Math.max(0, index)]
    const isOver = life?.end !== undefined && life.end.at <= now && isLong(life)
    // Nothing was recorded of the time after a long life, until the next start.
    return isOver ? lives[index + 1] : life
  }

  #add(life: RecordedLife): void {
    this.#lives.set(life.startNumber, life)
    const lives = this.#byChild.get(life.id)
    if (lives === undefined) this.#byChild.set(life.id, [life])
    else lives.push(life)
  }
}

/** True for a life that did not end because of its start. */
export function isLong({ at, end }: RecordedLife): boolean {
  return end !== undefined && end.at - at >= SHORT
}

/** The death alone: its event is about another start. */
function deathOf({ type: _type, id: _id, startNumber: _number, ...death }: Exited): Death {
  return death
}
