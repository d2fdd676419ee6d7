// How starts end on Terrarium's side of a scenario.
import type { Outcome } from './scenario.ts'

interface Held {
  /** The label of the supervisor that waits. */
  readonly supervisor: string
  readonly release: (outcome: Outcome) => void
}

/** The outcomes of the starts of a scenario: what steps have prepared, and the start that is held. */
export class Starts {
  readonly #script = new Map<string, Outcome[]>()
  #hold: string | undefined
  #held: Held | undefined

  /** The outcomes of the next starts of a child. */
  script(child: string, outcomes: readonly Outcome[]): void {
    this.#script.set(child, [...outcomes])
  }

  /** Holds the next start of this child until it is released; `undefined` holds none. */
  hold(child: string | undefined): void {
    this.#hold = child
  }

  /** The label of the supervisor whose start is held. */
  get holder(): string | undefined {
    return this.#held?.supervisor
  }

  release(outcome: Outcome): string {
    const held = this.#held
    if (held === undefined) return 'nothing held'
    this.#held = undefined
    held.release(outcome)
    return 'ok'
  }

  /** The supervisor has ended, and the start that it waited for has ended too. */
  forget(supervisor: string): void {
    if (this.holder === supervisor) this.#held = undefined
  }

  /** The outcome of a start, or a promise of it if the start is held. */
  next(child: string, supervisor: string): Outcome | Promise<Outcome> {
    if (this.#hold !== child || this.#held !== undefined) return this.#script.get(child)?.shift() ?? 'ok'
    this.#hold = undefined
    return new Promise((release) => {
      this.#held = { supervisor, release }
    })
  }
}

/** The names of dynamic children. Their supervisors know only actor ids. */
export class DynamicNames {
  /**
   * By the label of the supervisor: names of children that will be started, and names of started children by actor id.
   */
  readonly #names = new Map<string, { readonly waiting: string[]; readonly given: Map<string, string> }>()

  /** The supervisor is asked to start a child of this name. */
  expect(supervisor: string, name: string): void {
    this.#namesIn(supervisor).waiting.push(name)
  }

  /** A child gets its name with its first start, in the order in which they were asked for. */
  nameOf(supervisor: string, id: string): string {
    const { waiting, given } = this.#namesIn(supervisor)
    const name = given.get(id) ?? waiting.shift() ?? '?'
    given.set(id, name)
    return name
  }

  #namesIn(supervisor: string) {
    let names = this.#names.get(supervisor)
    if (names === undefined) this.#names.set(supervisor, (names = { waiting: [], given: new Map() }))
    return names
  }
}
