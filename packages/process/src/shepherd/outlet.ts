import { Readable } from 'node:stream'

/** Where something comes from, bit by bit. */
export interface Flow {
  pause(): void
  resume(): void
}

/**
 * What a process says on one channel, as its reader sees it: with back-pressure, and an end that does not depend on the
 * reader.
 */
export class Outlet {
  readonly stream: Readable
  readonly #flow: Flow
  readonly #discard: boolean
  #isPaused = false
  #hasEnded = false

  /**
   * With `discard`, a full buffer that nobody reads is thrown away, so that a chatty process does not stop; a reader
   * who comes before that misses nothing. Nor does it stop when its reader has destroyed the stream.
   */
  constructor(flow: Flow, { discard }: { readonly discard: boolean }) {
    this.#flow = flow
    this.#discard = discard
    this.stream = new Readable({
      read: () => {
        this.#resume()
      },
      destroy: (error, callback) => {
        this.#resume()
        callback(error)
      },
    })
  }

  take(chunk: Buffer): void {
    const { stream } = this
    if (this.#hasEnded || stream.destroyed || stream.push(chunk)) return
    this.#isPaused = true
    this.#flow.pause()
    if (!this.#discard) return
    // Whoever is being handed the stream in this turn has not had the time to read from it.
    setImmediate(() => {
      if (!this.#hasEnded && this.#isUnread) stream.resume()
    })
  }

  /** There is no more. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.stream.push(null)
  }

  get #isUnread(): boolean {
    return this.stream.listenerCount('data') === 0 && this.stream.listenerCount('readable') === 0
  }

  #resume(): void {
    if (!this.#isPaused || this.#hasEnded) return
    this.#isPaused = false
    this.#flow.resume()
  }
}

/** Keeps the last bytes that came by. */
export class Tail {
  readonly #limit: number
  #bytes = Buffer.alloc(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#limit)
  }

  toString(): string {
    return this.#bytes.toString('utf8')
  }
}
