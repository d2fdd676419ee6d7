// A run from the moment at which it goes another way than the recorded one: the core with an imagined shell, and with
// the starts, failures and operations of the recorded run.
import { isRef } from '../core/operation.ts'
import type { Effect } from '../core/effect.ts'
import type { CoreEvent, Death } from '../core/event.ts'
import { Rehearsal, type Step } from '../core/rehearsal.ts'
import type { Child, CoreState } from '../core/state.ts'
import { isLong, type Lives } from './lives.ts'

/** The number of steps at which a run ends, since a strategy may go on for ever. */
const MOST_STEPS = 100_000

export class Divergence {
  readonly #rehearsal: Rehearsal
  readonly #lives: Lives

  /** @param now - in ms */
  constructor(state: CoreState, now: number, lives: Lives) {
    this.#rehearsal = new Rehearsal(state, now, lives)
    this.#lives = lives
    for (const child of state.children.values()) this.#resume(child)
    for (const { id, at, death } of lives.failures()) if (at > now) this.#fail(id, at, death)
  }

  /** Plans a failure of a child, if it runs by then. */
  #fail(id: string, at: number, death: Death): void {
    const { state } = this.#rehearsal
    this.#rehearsal.plan(at, () => {
      const child = state.children.get(id)
      if (child?.state !== 'running' || !child.isAlive) return undefined
      return { type: 'supervisor.child.exited', id, startNumber: child.startNumber, ...death }
    })
  }

  /** Carries out the effects with which the run goes its own way. */
  begin(effects: readonly Effect[]): void {
    this.#rehearsal.begin(effects)
  }

  /** Plans a recorded input, if it came from outside. All others follow from what the core does. `at` in ms. */
  plan(at: number, event: CoreEvent): void {
    const { state } = this.#rehearsal
    if (event.type === 'supervisor.shutdown' || event.type === 'supervisor.halt') this.#rehearsal.plan(at, () => event)
    if (event.type !== 'supervisor.call' || event.call.type === 'whatIf') return
    this.#rehearsal.plan(at, () => {
      const { call } = event
      const address = 'child' in call ? call.child : undefined
      if (!isRef(address)) return event
      // Actors of this run are other actors.
      const child = state.children.get(address.id)
      return { ...event, call: { ...call, child: child?.knownAs ?? child?.ref ?? address } as typeof call }
    })
  }

  /** @param until - in ms */
  play(until: number): readonly Step[] {
    const rehearsal = this.#rehearsal
    for (let { next } = rehearsal; next !== undefined && next <= until; { next } = rehearsal) {
      if (rehearsal.outcome !== undefined || rehearsal.steps.length >= MOST_STEPS) break
      rehearsal.advance()
    }
    return rehearsal.steps
  }

  /** Goes on with what is under way for a child: its start, its life or its end. */
  #resume(child: Child): void {
    const { id, startNumber, isAlive, state, readyAt, ref } = child
    if (!isAlive) return
    const life = this.#lives.of(startNumber)
    if (life === undefined) return
    const about = { id, startNumber }
    const rehearsal = this.#rehearsal
    if (state === 'stopping') {
      const reason = { type: 'shutdown' } as const
      const at = rehearsal.now + this.#lives.stop(child)
      rehearsal.plan(at, () => ({ type: 'supervisor.child.exited', ...about, reason, random: 0 }))
      return
    }
    const { ready, ignored, end, at } = life
    if (state === 'starting' && ref === undefined && ignored === undefined) rehearsal.spawn(id, startNumber)
    if (ignored !== undefined) rehearsal.plan(ignored, () => ({ type: 'supervisor.child.ignored', ...about }))
    else if (readyAt === undefined && ready !== undefined) {
      rehearsal.plan(Math.max(at, ready), () => ({ type: 'supervisor.child.ready', ...about }))
    }
    if (end === undefined || isLong(life)) return
    rehearsal.plan(end.at, () =>
      rehearsal.isAsked(id, startNumber) ? undefined : { type: 'supervisor.child.exited', ...about, ...end.death },
    )
  }
}
