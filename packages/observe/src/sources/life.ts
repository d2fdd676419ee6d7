// The transitions of one process, kept while it is followed: its actor is subscribed to then, and only then.
import type { AnyActorRef, Subscription } from 'xstate'
import type { Transition } from '../messages.ts'
import { eventBetween, lifeOf, type LifeState } from './life-chart.ts'

/** How many transitions are kept of each process. */
const KEPT = 100

/** What a supervisor says of a process. */
export interface Supervised {
  /** In the supervisor's word. */
  readonly state: string
  readonly ref?: AnyActorRef | undefined
}

/** The transitions after a number of them. */
export interface Fresh {
  readonly transitions: readonly Transition[]
  /** How many there were in all. */
  readonly count: number
  /** How many of those asked for are not kept any more. */
  readonly left: number
}

export class Life {
  readonly #now: () => number
  readonly #look: () => Supervised | undefined
  readonly #transitions: Transition[] = []
  #count = 0
  #state: LifeState
  #ref: AnyActorRef | undefined
  #subscription: Subscription | undefined

  /** `look`: answers what the supervisor says now. */
  constructor(look: () => Supervised | undefined, now: () => number) {
    this.#look = look
    this.#now = now
    const { state = 'down', ref } = look() ?? {}
    this.#state = lifeOf(state, ref)
    this.#attach(ref)
  }

  /** The supervisor has told something: there may be another actor, or none. */
  heed(): void {
    const { state = 'down', ref } = this.#look() ?? {}
    if (ref !== this.#ref) this.#attach(ref)
    this.#note(lifeOf(state, ref))
  }

  /** A `count` that is too great is of an earlier life of the observer's source: everything is fresh then. */
  after(count: number): Fresh {
    const wanted = count > this.#count ? this.#count : this.#count - count
    const transitions = wanted <= 0 ? [] : this.#transitions.slice(-wanted)
    return { transitions, count: this.#count, left: Math.max(0, wanted - transitions.length) }
  }

  detach(): void {
    this.#subscription?.unsubscribe()
    this.#subscription = undefined
  }

  #attach(ref: AnyActorRef | undefined): void {
    this.detach()
    this.#ref = ref
    // An exit ends a life at once. What becomes of it then, its supervisor says.
    this.#subscription = ref?.subscribe(() => {
      const state = lifeOf('', ref)
      this.#note(state === 'down' ? 'terminating' : state)
    })
  }

  #note(state: LifeState): void {
    const from = this.#state
    if (state === from) return
    this.#state = state
    this.#count += 1
    this.#transitions.push([this.#now(), from, state, eventBetween(from, state)])
    if (this.#transitions.length > KEPT) this.#transitions.shift()
  }
}
