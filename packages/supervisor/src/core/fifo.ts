// A queue in which both ends take constant time.

/** Compact the array once this many leading slots are empty. */
const COMPACT_AT = 1_024

/** First in, first out, both in constant time. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0
  #tail = 0

  get length(): number {
    return this.#tail - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** What waits, first come first. */
  get items(): readonly T[] {
    return this.#items.slice(this.#head, this.#tail) as T[]
  }

  push(item: T): void {
    this.#items[this.#tail] = item
    this.#tail += 1
  }

  shift(): T | undefined {
    if (this.#head === this.#tail) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head === this.#tail) this.#rewind()
    else if (this.#head >= COMPACT_AT && this.#head * 2 > this.#tail) this.#compact()
    return item
  }

  #rewind(): void {
    if (this.#tail > COMPACT_AT) this.#items = []
    this.#head = 0
    this.#tail = 0
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head, this.#tail)
    this.#tail -= this.#head
    this.#head = 0
  }
}
