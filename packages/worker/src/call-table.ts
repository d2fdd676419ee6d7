// The calls of one session that have no result yet, and the ids that both sides know them by.

/** The largest call id: ids are uint32 on the wire, and 0 is no id. */
const LAST_ID = 0xffffffff

/** The calls in flight, by call id. At most as many as the worker's `concurrency`. */
export class CallTable<T> {
  readonly #calls = new Map<number, T>()
  #lastId: number

  /** `lastId`: the id before the first one. Default 0. */
  constructor(lastId = 0) {
    this.#lastId = lastId
  }

  get size(): number {
    return this.#calls.size
  }

  /** Adds a call and returns its id: 1 to 2^32 - 1, then from 1 again, without the ids in use. */
  add(value: T): number {
    do this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1
    while (this.#calls.has(this.#lastId))
    this.#calls.set(this.#lastId, value)
    return this.#lastId
  }

  has(id: number): boolean {
    return this.#calls.has(id)
  }

  /** Removes a call and returns it; undefined when there is none of that id. */
  take(id: number): T | undefined {
    const value = this.#calls.get(id)
    this.#calls.delete(id)
    return value
  }

  /** Removes and returns all calls, oldest first. */
  takeAll(): { readonly id: number; readonly value: T }[] {
    const calls = [...this.#calls].map(([id, value]) => ({ id, value }))
    this.#calls.clear()
    return calls
  }
}
