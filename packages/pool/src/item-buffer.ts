// The items of one stream between the pool and its reader: what has arrived is read in order, and the end or the error
// comes behind it.

/** What a reader gets for one `next()`. */
type Next = IteratorResult<unknown, undefined>

interface Reader {
  readonly resolve: (next: Next) => void
  readonly reject: (error: unknown) => void
}

interface Item {
  readonly value: unknown
  readonly bytes: number
}

export const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** From so many read items on the array is made shorter. */
const MOST_READ = 1_024

export class ItemBuffer {
  readonly #taken: (bytes: number) => void
  /** What has arrived and was not read: from the place {@link #first} on. */
  #items: Item[] = []
  #first = 0
  /** Waiting readers, oldest first. There are none while there are items. */
  #readers: Reader[] = []
  #hasEnded = false
  /** Thrown once, behind the last item. */
  #error: { readonly error: unknown } | undefined

  /** `taken` is called for each item that a reader gets. */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken
  }

  /** An item has arrived. After the end it is dropped. */
  push(value: unknown, bytes: number): void {
    if (this.#hasEnded) return
    const reader = this.#readers.shift()
    if (reader === undefined) {
      this.#items.push({ value, bytes })
      return
    }
    reader.resolve({ done: false, value })
    this.#taken(bytes)
  }

  next(): Promise<Next> {
    const item = this.#items[this.#first]
    if (item !== undefined) {
      this.#first += 1
      if (this.#first === this.#items.length) this.#clear()
      else if (this.#first === MOST_READ) {
        this.#items.splice(0, MOST_READ)
        this.#first = 0
      }
      this.#taken(item.bytes)
      return Promise.resolve({ done: false, value: item.value })
    }
    if (!this.#hasEnded) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
    const failed = this.#error
    this.#error = undefined
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what a user's signal was aborted with
    return failed === undefined ? Promise.resolve(DONE) : Promise.reject(failed.error)
  }

  /** Nothing more arrives. With an error, the next reader gets that once the items are read; later ones get the end. */
  end(failed?: { readonly error: unknown }): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const [first, ...others] = this.#readers.splice(0)
    if (failed === undefined) first?.resolve(DONE)
    else if (first === undefined) this.#error = failed
    else first.reject(failed.error)
    for (const { resolve } of others) resolve(DONE)
  }

  /** As {@link end}; what has arrived is not read any more. */
  drop(failed?: { readonly error: unknown }): void {
    this.#clear()
    this.#error = undefined
    this.end(failed)
  }

  #clear(): void {
    this.#items = []
    this.#first = 0
  }
}
