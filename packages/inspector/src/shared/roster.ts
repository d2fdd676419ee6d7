// The actors that a tap knows: what is kept of each, who is still alive, and how many were left out. It keeps no actor
// in memory that has ended.
import { hasStarted, isSameValue, kindOf, nameOf, snapshotOf, statusOf, valueOf } from './actor-ref.ts'
import type { ActorLike, SnapshotLike } from './actor-ref.ts'
import type { Clock } from './clock.ts'
import { rootOf, defineMachine } from './definition.ts'
import { ACTORS, ENDED_ACTORS, MACHINES, TRANSITIONS_PER_FLUSH, KEPT_TRANSITIONS } from './limits.ts'
import type { ActorKind, ActorStatus, NodeView, StateValue, Transition } from './protocol.ts'
import { messageOf } from './value.ts'

/** What is kept of one actor. */
export interface Entry {
  readonly id: string
  readonly name: string
  readonly parent: string | undefined
  readonly born: number
  /** Its machine, which is known also after its end. */
  readonly root: object | undefined
  /** Known from its first view on, also after its end. */
  kind: ActorKind | undefined
  /** Weak once the actor has ended. */
  ref: ActorLike | WeakRef<ActorLike>
  /** It has started: XState also makes actors that never do. */
  hasStarted: boolean
  value: StateValue
  status: ActorStatus
  since: number
  events: number
  last: string | undefined
  error: string | undefined
  /** How many pages watch it. */
  watchers: number
  /** Whether the entry has changed since the last flush, and goes into the next one. */
  isDirty: boolean
  /** Not yet sent in a detail. */
  fresh: Transition[]
  /** Left out of `fresh`. */
  left: number
  /** The last ones, for pages that begin to watch it and for a saved trace. */
  readonly kept: Transition[]
}

/** How many actors are taken between two looks for actors that ended without a word. */
const TAKEN_BETWEEN_LOOKS = 256

export interface RosterListener {
  /** The value or the status of an actor has changed. */
  changed(entry: Entry): void
  /** An actor that has ended was forgotten. */
  removed(entry: Entry): void
}

export class Roster {
  readonly entries = new Map<string, Entry>()
  /** Actors that were not taken, or that were forgotten soon after their end. */
  left = 0
  readonly #clock: Clock
  readonly #listener: RosterListener
  readonly #byRef = new WeakMap<object, Entry>()
  readonly #systems = new WeakMap<object, number>()
  /** Ended, oldest first. */
  readonly #ended: Entry[] = []
  #systemCount = 0
  #latestRef: ActorLike | undefined
  #latest: Entry | undefined
  #taken = 0

  constructor(clock: Clock, listener: RosterListener) {
    this.#clock = clock
    this.#listener = listener
  }

  /** Undefined for an actor that was left out. */
  find(ref: ActorLike): Entry | undefined {
    return this.#byRef.get(ref)
  }

  /** Takes an actor that it does not know yet, unless there are too many. */
  take(ref: ActorLike): Entry | undefined {
    // An event of an actor is mostly followed by its snapshot.
    if (ref === this.#latestRef) return this.#latest
    const known = this.#byRef.get(ref)
    if (known !== undefined) {
      this.#latestRef = ref
      this.#latest = known
      return known
    }
    this.#taken += 1
    if (this.#taken % TAKEN_BETWEEN_LOOKS === 0) this.look()
    if (this.entries.size >= ACTORS) {
      this.left += 1
      return undefined
    }
    const now = this.#clock.now()
    const { _parent: parent } = ref
    const entry: Entry = {
      id: `${this.#numberOf(ref.system)}.${ref.sessionId}`,
      name: nameOf(ref).slice(0, 120),
      parent: parent === undefined ? undefined : this.#byRef.get(parent)?.id,
      born: now,
      root: rootOf(ref.logic),
      kind: undefined,
      ref,
      hasStarted: false,
      value: '',
      status: 'active',
      since: now,
      events: 0,
      last: undefined,
      error: undefined,
      watchers: 0,
      isDirty: false,
      fresh: [],
      left: 0,
      kept: [],
    }
    this.#byRef.set(ref, entry)
    this.entries.set(entry.id, entry)
    return entry
  }

  /** Takes an actor that may run already, without a word of it. Answers whether it was not known as started. */
  adopt(ref: ActorLike): boolean {
    const entry = this.take(ref)
    if (entry === undefined || entry.hasStarted || !hasStarted(ref)) return false
    entry.hasStarted = true
    this.lookAt(entry)
    this.#listener.changed(entry)
    return true
  }

  /** Takes over what a snapshot says. */
  update(entry: Entry, snapshot: SnapshotLike, event: string): void {
    const value = entry.root === undefined ? '' : valueOf(snapshot)
    const status = statusOf(snapshot)
    const isSame = isSameValue(entry.value, value)
    if (isSame && entry.status === status) return
    const now = this.#clock.now()
    if (!isSame && entry.watchers > 0) keepTransition(entry, [now, entry.value, value, event.slice(0, 80)])
    entry.value = value
    entry.since = now
    if (entry.status !== status) {
      entry.status = status
      if (status === 'error') entry.error = messageOf(snapshot.error)
      if (status !== 'active') this.#end(entry)
    }
    this.#listener.changed(entry)
  }

  /** Forgets the actors of a system, as if it had not been heard of. */
  forget(system: object): void {
    this.#forgetLatest()
    const prefix = `${this.#numberOf(system)}.`
    for (const entry of this.entries.values()) {
      if (!entry.id.startsWith(prefix)) continue
      this.entries.delete(entry.id)
      const ref = refOf(entry)
      if (ref !== undefined) this.#byRef.delete(ref)
      this.#listener.removed(entry)
    }
    const ended = this.#ended.filter(({ id }) => !id.startsWith(prefix))
    this.#ended.splice(0, Infinity, ...ended)
  }

  /** Looks at each living actor: a machine that throws says nothing, and a root has no parent to tell. */
  look(): void {
    for (const entry of this.entries.values()) this.lookAt(entry)
  }

  lookAt(entry: Entry): void {
    if (entry.status !== 'active') return
    const ref = refOf(entry)
    const snapshot = ref && snapshotOf(ref)
    if (snapshot !== undefined) this.update(entry, snapshot, '')
  }

  #end(entry: Entry): void {
    const ref = refOf(entry)
    if (ref !== undefined) {
      entry.kind ??= kindOf(ref.logic, snapshotOf(ref))
      entry.ref = new WeakRef(ref)
      this.#forgetLatest()
    }
    this.#ended.push(entry)
    const oldest = this.#ended.length > ENDED_ACTORS ? this.#ended.shift() : undefined
    if (oldest === undefined) return
    this.entries.delete(oldest.id)
    this.#listener.removed(oldest)
    this.left += 1
  }

  /** Drops the strong references, so that the actor can be collected. */
  #forgetLatest(): void {
    this.#latestRef = undefined
    this.#latest = undefined
  }

  #numberOf(system: object): number {
    const known = this.#systems.get(system)
    if (known !== undefined) return known
    this.#systemCount += 1
    this.#systems.set(system, this.#systemCount)
    return this.#systemCount
  }
}

/** The actor, unless it has ended and was collected. */
export const refOf = ({ ref }: Entry): ActorLike | undefined => (ref instanceof WeakRef ? ref.deref() : ref)

function keepTransition(entry: Entry, transition: Transition): void {
  if (entry.fresh.length < TRANSITIONS_PER_FLUSH) entry.fresh.push(transition)
  else entry.left += 1
  entry.kept.push(transition)
  if (entry.kept.length > KEPT_TRANSITIONS) entry.kept.shift()
}

/** The definitions of machines, each written once: machines that look the same share one. */
export class Machines {
  readonly definitions = new Map<string, NodeView>()
  /** Machines that were not taken. */
  left = 0
  readonly #byRoot = new WeakMap<object, string>()
  readonly #byText = new Map<string, string>()

  /** The id of the machine of an actor; undefined for what has none. */
  idOf({ root }: Entry): string | undefined {
    if (root === undefined) return undefined
    const known = this.#byRoot.get(root)
    if (known !== undefined) return known === '' ? undefined : known
    const id = this.#take(root)
    this.#byRoot.set(root, id ?? '')
    return id
  }

  #take(root: object): string | undefined {
    try {
      const definition = defineMachine(root)
      const text = JSON.stringify(definition)
      const same = this.#byText.get(text)
      if (same !== undefined) return same
      if (this.definitions.size < MACHINES) {
        const id = `m${this.definitions.size + 1}`
        this.definitions.set(id, definition)
        this.#byText.set(text, id)
        return id
      }
    } catch {
      // A machine whose fields throw is shown without a statechart.
    }
    this.left += 1
    return undefined
  }
}

/** Drops the transitions that no detail has told yet. */
export function forgetFresh(entry: Entry): void {
  entry.fresh = []
  entry.left = 0
}
