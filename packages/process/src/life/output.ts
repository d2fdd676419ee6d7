// What a process writes, as its readers see it: one readable stream for each of its channels, and the last bytes of
// its standard error.
import { Readable } from 'node:stream'

export const CHANNELS = ['stdout', 'stderr', 'report'] as const

export type Channel = (typeof CHANNELS)[number]

/** How much of standard error is kept for the exit status, in bytes. */
const TAIL_BYTES = 4096

/**
 * One channel of a process, with back-pressure. Its end comes from the process and does not wait for the reader.
 */
export class Output {
  readonly stream: Readable
  readonly #flow: (on: boolean) => void
  readonly #discard: boolean
  #isPaused = false
  #isOver = false

  /**
   * `flow`: pauses and resumes the source. With `discard`, a full buffer without a reader is thrown away, so that a
   * chatty process does not stop; a reader that comes before that misses nothing. A destroyed stream never stops the
   * process.
   */
  constructor(flow: (on: boolean) => void, { discard }: { readonly discard: boolean }) {
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
    if (this.#isOver || stream.destroyed || stream.push(chunk)) return
    this.#isPaused = true
    this.#flow(false)
    if (!this.#discard) return
    // A reader that is being handed the stream in this turn has not had the time to read from it.
    setImmediate(() => {
      if (!this.#isOver && this.#isUnread) stream.resume()
    })
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.stream.push(null)
  }

  get #isUnread(): boolean {
    return this.stream.listenerCount('data') === 0 && this.stream.listenerCount('readable') === 0
  }

  #resume(): void {
    if (!this.#isPaused || this.#isOver) return
    this.#isPaused = false
    this.#flow(true)
  }
}

/** Keeps the last bytes of a stream. */
export class Tail {
  #bytes = Buffer.alloc(0)

  take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-TAIL_BYTES)
  }

  toString(): string {
    return this.#bytes.toString('utf8')
  }
}
