// The calls of one session that have no result yet, and the ids that both sides know them by.
import { BEGUN_WORDS } from './begun-page.ts'

/** The largest call id: ids are uint32 on the wire, and 0 is no id. */
const LAST_ID = 0xffffffff
const LAST_WORD = BEGUN_WORDS - 1

/**
 * The calls in flight, by call id. Ids are given so that no two open calls share a word of the page of begun calls,
 * as long as there are no more calls than words.
 */
export class CallTable<T> {
  readonly #calls = new Map<number, T>()
  /** How many open calls share each word, and which call had the word first. */
  readonly #users = new Uint32Array(BEGUN_WORDS)
  readonly #firsts = new Uint32Array(BEGUN_WORDS)
  #freeWords = BEGUN_WORDS
  /** Calls of whose word the page may say what another call has written. */
  readonly #ambiguous = new Set<number>()
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
    const isShared = this.#freeWords === 0
    let id = this.#lastId
    do id = id === LAST_ID ? 1 : id + 1
    while (isShared ? this.#calls.has(id) : this.#users[id & LAST_WORD] !== 0)
    this.#lastId = id
    this.#calls.set(id, value)
    const word = id & LAST_WORD
    if (isShared) {
      this.#ambiguous.add(id)
      const first = this.#firsts[word] as number
      if (this.#calls.has(first)) this.#ambiguous.add(first)
    } else {
      this.#firsts[word] = id
      this.#freeWords -= 1
    }
    this.#users[word] = (this.#users[word] as number) + 1
    return id
  }

  has(id: number): boolean {
    return this.#calls.has(id)
  }

  /** Whether the call's word in the page of begun calls was or may be written for another call too. */
  isAmbiguous(id: number): boolean {
    return this.#ambiguous.has(id)
  }

  /** Removes a call and returns it; undefined when there is none of that id. */
  take(id: number): T | undefined {
    const value = this.#calls.get(id)
    if (!this.#calls.delete(id)) return undefined
    if (this.#ambiguous.size > 0) this.#ambiguous.delete(id)
    const word = id & LAST_WORD
    const users = (this.#users[word] as number) - 1
    this.#users[word] = users
    if (users === 0) this.#freeWords += 1
    return value
  }

  /** The ids of all calls, oldest first. */
  ids(): number[] {
    return [...this.#calls.keys()]
  }
}
