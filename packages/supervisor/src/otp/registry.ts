import type { AnyActorLogic, AnyActorRef, Subscription } from 'xstate'
import { TerrariumError } from '../base/errors.ts'
import { isOver, whenOver } from '../actor/exit.ts'
import { reportFault } from '../base/host.ts'
import { KeyedLock } from './keyed-lock.ts'
import { tellUser } from '../base/user-code.ts'

export interface RegistryOptions<TKey, TValue> {
  /** `unique`: at most one living owner a key. `duplicate`: any number of entries, also of the same owner (N06). */
  readonly keys: 'unique' | 'duplicate'
  /** Told of every `register` and `unregister`, but not of the entries that vanish with their owner (N11). */
  readonly listeners?: readonly ((event: RegistryEvent<TKey, TValue>) => void)[]
}

export type RegistryEvent<TKey, TValue> =
  | { readonly type: 'register'; readonly key: TKey; readonly ref: AnyActorRef; readonly value: TValue }
  | { readonly type: 'unregister'; readonly key: TKey; readonly ref: AnyActorRef }

export interface RegistryEntry<TValue> {
  readonly ref: AnyActorRef
  readonly value: TValue
}

/** Left out where there is nothing to give. */
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

/** An empty registry. */
export function createRegistry<TKey, TValue = undefined>(
  options: RegistryOptions<TKey, TValue>,
): Registry<TKey, TValue> {
  return new Registry(options)
}

/**
 * Finds actors by keys, which are compared as those of a Map (N10). An entry ends with its owner: from the moment on
 * that it is over nobody finds it, and its keys are free (N02, N04, N05). What is refused throws INVALID_ARGUMENT with
 * `details.reason`.
 */
export class Registry<TKey, TValue = undefined> {
  readonly #options: RegistryOptions<TKey, TValue>
  readonly #byKey = new Map<TKey, Set<Entry<TKey, TValue>>>()
  readonly #byOwner = new Map<AnyActorRef, Owned<TKey, TValue>>()
  readonly #locks = new KeyedLock<TKey>()

  constructor(options: RegistryOptions<TKey, TValue>) {
    this.#options = options
  }

  /** How many entries there are. */
  get size(): number {
    return [...this.#byOwner.values()].reduce((sum, { entries }) => sum + entries.size, 0)
  }

  /**
   * Refused with `already_registered` if the registry is unique and the key has a living owner, `details.ref`, be it
   * the same one (N03); with `noproc` if the owner is over.
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

  /** All entries of this owner with this key; none is fine as well (N06, N10). */
  unregister(key: TKey, ref: AnyActorRef): void {
    const own = this.#byOwner.get(ref)
    for (const entry of own?.entries ?? []) {
      if (this.#byKey.get(key)?.has(entry) === true) this.#remove(entry)
    }
    if (own?.entries.size === 0) this.#disown(ref)
    this.#tell({ type: 'unregister', key, ref })
  }

  /** In order of registration. */
  lookup(key: TKey): RegistryEntry<TValue>[] {
    return [...(this.#byKey.get(key) ?? [])].filter(({ ref }) => !isOver(ref)).map(({ ref, value }) => ({ ref, value }))
  }

  /** The one owner. Refused with `not_unique` if keys may be duplicate (N07). */
  whereis(key: TKey): AnyActorRef | undefined {
    this.#mustBeUnique('whereis')
    return this.lookup(key)[0]?.ref
  }

  /** In order of registration; one that is registered twice is listed twice (N06). */
  keys(ref: AnyActorRef): TKey[] {
    return isOver(ref) ? [] : [...(this.#byOwner.get(ref)?.entries ?? [])].map(({ key }) => key)
  }

  /** Refused with `not_registered` unless it is the owner's (N08), with `not_unique` if keys may be duplicate (N07). */
  updateValue(key: TKey, ref: AnyActorRef, update: (value: TValue) => TValue): { value: TValue; previous: TValue } {
    this.#mustBeUnique('updateValue')
    const entry = [...(this.#byKey.get(key) ?? [])].find((each) => each.ref === ref)
    if (entry === undefined) throw refusal('not_registered', `actor ${ref.id} does not own ${String(key)}`, { ref })
    const previous = entry.value
    entry.value = update(previous)
    return { value: entry.value, previous }
  }

  /** Gives all entries to the callback, unless there are none (N09). */
  dispatch(key: TKey, callback: (entries: RegistryEntry<TValue>[]) => void): void {
    const entries = this.lookup(key)
    if (entries.length > 0) callback(entries)
  }

  /**
   * The same logic, but its actors are registered under the key as they start: every new incarnation takes the name
   * over at once (N02). A start while it is taken fails with `already_started`, `details.ref` being the owner, which
   * notices nothing (N01). Refused with `not_unique` if keys may be duplicate (N07).
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
   * Runs the work while nobody else holds the key; other keys are free. Settles as the work does. When the holder ends
   * it is the next one's turn, and this rejects with STOPPED (N11).
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
