// A registry of actors by key, as Elixir's Registry.
import type { AnyActorLogic, AnyActorRef, Subscription } from 'xstate'
import { TerrariumError } from '../base/errors.ts'
import { isOver, whenOver } from '../actor/exit.ts'
import { reportFault } from '../base/platform.ts'
import { KeyedLock } from './keyed-lock.ts'
import { tellUser } from '../base/user-code.ts'

export interface RegistryOptions<TKey, TValue> {
  /** `unique`: at most one living owner per key. `duplicate`: any number of entries, also of the same owner (N06). */
  readonly keys: 'unique' | 'duplicate'
  /**
   * Called for every `register` and `unregister`, but not for the entries that are removed because their owner has
   * ended (N11).
   */
  readonly listeners?: readonly ((event: RegistryEvent<TKey, TValue>) => void)[]
}

export type RegistryEvent<TKey, TValue> =
  | { readonly type: 'register'; readonly key: TKey; readonly ref: AnyActorRef; readonly value: TValue }
  | { readonly type: 'unregister'; readonly key: TKey; readonly ref: AnyActorRef }

export interface RegistryEntry<TValue> {
  readonly ref: AnyActorRef
  readonly value: TValue
}

/** The value of an entry; missing if none was given. */
type Value<TValue> = undefined extends TValue ? [value?: TValue] : [value: TValue]

interface Entry<TKey, TValue> {
  readonly key: TKey
  readonly ref: AnyActorRef
  value: TValue
}

interface Owned<TKey, TValue> {
  readonly entries: Set<Entry<TKey, TValue>>
  readonly subscription: Subscription
}

/** Makes an empty registry. */
export function createRegistry<TKey, TValue = undefined>(
  options: RegistryOptions<TKey, TValue>,
): Registry<TKey, TValue> {
  return new Registry(options)
}

/**
 * Finds actors by keys, which are compared as those of a Map (N10). An entry ends with its owner: from then on it is
 * not found, and its keys are free (N02, N04, N05). A refused operation throws INVALID_ARGUMENT with `details.reason`.
 */
export class Registry<TKey, TValue = undefined> {
  readonly #options: RegistryOptions<TKey, TValue>
  readonly #byKey = new Map<TKey, Set<Entry<TKey, TValue>>>()
  readonly #byOwner = new Map<AnyActorRef, Owned<TKey, TValue>>()
  readonly #locks = new KeyedLock<TKey>()

  constructor(options: RegistryOptions<TKey, TValue>) {
    this.#options = options
  }

  /** The number of entries. */
  get size(): number {
    return [...this.#byOwner.values()].reduce((sum, { entries }) => sum + entries.size, 0)
  }

  /**
   * Registers an actor. Refused with `already_registered` if the registry is unique and the key has a living owner,
   * `details.ref`, which may be the same actor (N03); with `noproc` if the actor has ended.
   */
  register(key: TKey, ref: AnyActorRef, ...[value]: Value<TValue>): void {
    if (isOver(ref)) throw refusal('noproc', `actor ${ref.id} is not running`, { ref })
    const owner = this.#options.keys === 'unique' ? this.whereis(key) : undefined
    if (owner !== undefined) {
      throw refusal('already_registered', `the key ${String(key)} belongs to actor ${owner.id}`, { ref: owner })
    }
    const entry = { key, ref, value: value as TValue }
    const entries = this.#byKey.get(key)
    if (entries === undefined) this.#byKey.set(key, new Set([entry]))
    else entries.add(entry)
    this.#owned(ref).entries.add(entry)
    this.#tell({ type: 'register', key, ref, value: entry.value })
  }

  /** Removes all entries of this owner with this key. It is no mistake if there are none (N06, N10). */
  unregister(key: TKey, ref: AnyActorRef): void {
    const own = this.#byOwner.get(ref)
    for (const entry of own?.entries ?? []) {
      if (this.#byKey.get(key)?.has(entry) === true) this.#remove(entry)
    }
    if (own?.entries.size === 0) this.#disown(ref)
    this.#tell({ type: 'unregister', key, ref })
  }

  /** All entries with a key, in order of registration. */
  lookup(key: TKey): RegistryEntry<TValue>[] {
    return [...(this.#byKey.get(key) ?? [])].filter(({ ref }) => !isOver(ref)).map(({ ref, value }) => ({ ref, value }))
  }

  /** The owner of a key. Refused with `not_unique` if keys may be duplicate (N07). */
  whereis(key: TKey): AnyActorRef | undefined {
    this.#mustBeUnique('whereis')
    return this.lookup(key)[0]?.ref
  }

  /** The keys of an owner, in order of registration. A key that is registered twice is listed twice (N06). */
  keys(ref: AnyActorRef): TKey[] {
    return isOver(ref) ? [] : [...(this.#byOwner.get(ref)?.entries ?? [])].map(({ key }) => key)
  }

  /**
   * Changes the value of an entry. Refused with `not_registered` unless the entry is the owner's (N08), with
   * `not_unique` if keys may be duplicate (N07).
   */
  updateValue(key: TKey, ref: AnyActorRef, update: (value: TValue) => TValue): { value: TValue; previous: TValue } {
    this.#mustBeUnique('updateValue')
    const entry = [...(this.#byKey.get(key) ?? [])].find((each) => each.ref === ref)
    if (entry === undefined) throw refusal('not_registered', `actor ${ref.id} does not own ${String(key)}`, { ref })
    const previous = entry.value
    entry.value = update(previous)
    return { value: entry.value, previous }
  }

  /** Calls the callback with all entries of a key, unless there are none (N09). */
  dispatch(key: TKey, callback: (entries: RegistryEntry<TValue>[]) => void): void {
    const entries = this.lookup(key)
    if (entries.length > 0) callback(entries)
  }

  /**
   * Returns the same logic, whose actors are registered under the key when they start: every new incarnation takes over
   * the name at once (N02). A start while the key is taken fails with `already_started`, `details.ref` being the owner,
   * which is not affected (N01). Refused with `not_unique` if keys may be duplicate (N07).
   */
  named<TLogic extends AnyActorLogic>(key: TKey, logic: TLogic, ...value: Value<TValue>): TLogic {
    this.#mustBeUnique('named')
    const start: AnyActorLogic['start'] = (snapshot, scope) => {
      const owner = this.whereis(key)
      if (owner !== undefined) throw refusal('already_started', `actor ${owner.id} is ${String(key)}`, { ref: owner })
      this.register(key, scope.self, ...value)
      logic.start?.(snapshot, scope)
    }
    return Object.create(logic, { start: { value: start } }) as TLogic
  }

  /**
   * Runs the work while the actor holds the lock of the key; other keys are free. Settles as the work does. When the
   * holder ends, the lock goes to the next one, and this rejects with STOPPED (N11).
   */
  lock<T>(key: TKey, holder: AnyActorRef, work: () => T | PromiseLike<T>): Promise<T> {
    return this.#locks.hold(key, holder, work)
  }

  #owned(ref: AnyActorRef): Owned<TKey, TValue> {
    let own = this.#byOwner.get(ref)
    if (own === undefined) {
      const subscription = whenOver(ref, () => {
        this.#disown(ref)
      })
      own = { entries: new Set(), subscription }
      this.#byOwner.set(ref, own)
    }
    return own
  }

  #disown(ref: AnyActorRef): void {
    const own = this.#byOwner.get(ref)
    own?.subscription.unsubscribe()
    own?.entries.forEach((entry) => {
      this.#remove(entry)
    })
    this.#byOwner.delete(ref)
  }

  #remove(entry: Entry<TKey, TValue>): void {
    this.#byOwner.get(entry.ref)?.entries.delete(entry)
    const entries = this.#byKey.get(entry.key)
    entries?.delete(entry)
    if (entries?.size === 0) this.#byKey.delete(entry.key)
  }

  #mustBeUnique(operation: string): void {
    if (this.#options.keys === 'unique') return
    throw refusal('not_unique', `${operation}: a key of this registry may have many owners`)
  }

  #tell(event: RegistryEvent<TKey, TValue>): void {
    for (const listener of this.#options.listeners ?? []) {
      tellUser(listener, event, (error) => {
        reportFault(`a listener for ${event.type} of a registry failed`, error)
      })
    }
  }
}

function refusal(reason: string, message: string, details: Record<string, unknown> = {}): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', message, { details: { reason, ...details } })
}
