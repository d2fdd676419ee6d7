// The calls of one session that have no result yet, and the ids that both sides know them by.
import { BEGUN_WORDS } from './begun-page.ts'

/** The largest call id: ids are uint32 on the wire, and 0 is no id. */
const LAST_ID = 0xffffffff
const LAST_WORD = BEGUN_WORDS - 1

/**
 * The calls in flight, by call id. Ids are given so that no two open calls share a word of the page of begun calls,
 * as long as there are no more calls than words. So a call is found by its word, which is faster than by a Map.
 */
export class CallTable<T> {
  /** By word: the open call that had the word first, and its id; 0: there is none. */
  readonly #calls = new Array<T | undefined>(BEGUN_WORDS).fill(undefined)
  readonly #ids = new Uint32Array(BEGUN_WORDS)
  /** The other calls, whose words were all taken. */
  readonly #others = new Map<number, T>()
  /** How many open calls share each word. */
  readonly #users = new Uint32Array(BEGUN_WORDS)
  #freeWords = BEGUN_WORDS
  /** Calls of whose word the page may say what another call has written. */
  readonly #ambiguous = new Set<number>()
  #size = 0
  #lastId: number

  /** `lastId`: the id before the first one. Default 0. */
  constructor(lastId = 0) {
    this.#lastId = lastId
  }

  get size(): number {
    return this.#size
  }

  /** Adds a call and returns its id: 1 to 2^32 - 1, then from 1 again, without the ids in use. */
  add(value: T): number {
    const isShared = this.#freeWords === 0
    let id = this.#lastId
    do id = id === LAST_ID ? 1 : id + 1
    while (isShared ? this.has(id) : this.#users[id & LAST_WORD] !== 0)
    this.#lastId = id
    const word = id & LAST_WORD
    if (isShared) {
      this.#others.set(id, value)
      this.#ambiguous.add(id)
      const first = this.#ids[word] as number
      if (first !== 0) this.#ambiguous.add(first)
    } else {
      this.#calls[word] = value
      this.#ids[word] = id
      this.#freeWords -= 1
    }
    this.#users[word] = (this.#users[word] as number) + 1
    this.#size += 1
    return id
  }

  has(id: number): boolean {
    return id !== 0 && (this.#ids[id & LAST_WORD] === id || this.#others.has(id))
  }

  /** Whether the call's word in the page of begun calls was or may be written for another call too. */
  isAmbiguous(id: number): boolean {
    return this.#ambiguous.has(id)
  }

  /** Removes a call and returns it; undefined when there is none of that id. */
  take(id: number): T | undefined {
    const word = id & LAST_WORD
    let value: T | undefined
    if (this.#ids[word] === id && id !== 0) {
      value = this.#calls[word]
      this.#calls[word] = undefined
      this.#ids[word] = 0
    } else {
      value = this.#others.get(id)
      if (!this.#others.delete(id)) return undefined
    }
    if (this.#ambiguous.size > 0) this.#ambiguous.delete(id)
    const users = (this.#users[word] as number) - 1
    this.#users[word] = users
    if (users === 0) this.#freeWords += 1
    this.#size -= 1
    return value
  }

  /** The ids of all calls, oldest first. */
  ids(): number[] {
    // Ids are given in order, and begin again behind the largest.
    const age = (id: number): number => (this.#lastId - id) >>> 0
    const all = [...this.#ids.filter((id) => id !== 0), ...this.#others.keys()]
    return all.sort((a, b) => age(b) - age(a))
  }
}
