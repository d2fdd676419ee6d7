// Roots that are watched without XState's option `inspect`. XState is listened to only while a page is open: as long as
// nothing listens, it makes no inspection events, and nothing is kept but a weak reference to each root.
import { childrenOf, type ActorLike } from './actor-ref.ts'
import type { Roster } from './roster.ts'

interface Subscription {
  unsubscribe(): void
}

interface Inspected {
  inspect(hear: (event: unknown) => void): Subscription
}

export class Roots {
  readonly #roster: Roster
  readonly #hear: (event: unknown) => void
  #roots: WeakRef<ActorLike>[] = []
  readonly #subscriptions = new Map<ActorLike, Subscription>()
  #isOpen = false

  /** `hear` is called with each inspection event of XState. */
  constructor(roster: Roster, hear: (event: unknown) => void) {
    this.#roster = roster
    this.#hear = hear
  }

  /** Watches a root. Returns the function that ends the watch. */
  add(root: ActorLike): () => void {
    const reference = new WeakRef(root)
    this.#roots.push(reference)
    if (this.#isOpen) this.#attach(root)
    return () => {
      this.#roots = this.#roots.filter((each) => each !== reference)
      this.#detach(root)
    }
  }

  /** A page is open: listens, and takes the actors that run already. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#roots = this.#roots.filter((each) => each.deref() !== undefined)
    for (const reference of this.#roots) {
      const root = reference.deref()
      if (root !== undefined) this.#attach(root)
    }
  }

  /** No page is open any more. */
  close(): void {
    this.#isOpen = false
    for (const root of [...this.#subscriptions.keys()]) this.#detach(root)
  }

  #attach(root: ActorLike): void {
    if (this.#subscriptions.has(root)) return
    // The option `inspect` was given, too: each event is heard already.
    const isHeard = this.#roster.find(root) !== undefined
    if (isHeard) return
    this.#subscriptions.set(root, (root.system as Inspected).inspect(this.#hear))
    this.#take(root)
  }

  #take(actor: ActorLike): void {
    if (!this.#roster.adopt(actor)) return
    for (const child of childrenOf(actor)) this.#take(child)
  }

  #detach(root: ActorLike): void {
    const subscription = this.#subscriptions.get(root)
    if (subscription === undefined) return
    this.#subscriptions.delete(root)
    subscription.unsubscribe()
    this.#roster.forget(root.system)
  }
}
