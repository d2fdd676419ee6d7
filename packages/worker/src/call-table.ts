/** Ids are uint32 on the wire, and 0 is nobody's. */
const LAST_ID = 0xffffffff

/**
 * What is in flight, by call id. A Map would do, but for one thing: its table is replaced again and again while calls
 * come and go, and once one of these tables has grown old, V8's young-generation collections keep everything that was
 * ever in its successors until the next full one.
 */
export class CallTable<T> {
  /** An entry is at its id modulo the length, which is a power of two. */
  #entries: ({ readonly id: number; readonly value: T } | undefined)[] = emptied(64)
  #lastId: number
  #size = 0

  /** `lastId` is the id before the first. */
  constructor(lastId = 0) {
    this.#lastId = lastId
  }

  get size(): number {
    return this.#size
  }

  /** Answers its id: 1 to 2^32 - 1, then from 1 again, leaving out those in use. */
  add(value: T): number {
    if (this.#size * 2 >= this.#entries.length) this.#grow()
    do this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1
    while (this.#entries[this.#place(this.#lastId)] !== undefined)
    this.#entries[this.#place(this.#lastId)] = { id: this.#lastId, value }
    this.#size += 1
    return this.#lastId
  }

  has(id: number): boolean {
    return this.#entries[this.#place(id)]?.id === id
  }

  /** Removes and answers it, if it is there. */
  take(id: number): T | undefined {
    const place = this.#place(id)
    const entry = this.#entries[place]
    if (entry?.id !== id) return undefined
    this.#entries[place] = undefined
    this.#size -= 1
    return entry.value
  }

  /** Removes and answers all, in the order of their ids. */
  takeAll(): { readonly id: number; readonly value: T }[] {
    const entries = this.#entries.filter((entry) => entry !== undefined).sort((a, b) => a.id - b.id)
    this.#entries.fill(undefined)
    this.#size = 0
    return entries
  }

  #place(id: number): number {
    return id & (this.#entries.length - 1)
  }

  #grow(): void {
    const entries = this.#entries
    this.#entries = emptied(entries.length * 2)
    for (const entry of entries) if (entry !== undefined) this.#entries[this.#place(entry.id)] = entry
  }
}

const emptied = (length: number): undefined[] => new Array<undefined>(length).fill(undefined)
