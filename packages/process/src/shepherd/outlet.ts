import { PassThrough, type Readable } from 'node:stream'

/** A child's pipe as its reader sees it: it always ends cleanly, also when somebody else still holds the other end. */
export interface Outlet {
  readonly stream: Readable
  /** The child has exited: read what is left until the deadline (ms), then let go of the descriptor. */
  finish(deadline: number): void
}

/**
 * Hands a child's pipe on with its back-pressure. With `discard`, a full buffer that nobody reads is thrown away, so that a chatty
 * child does not stop; a reader who comes before that misses nothing.
 */
export function outlet(source: Readable, { discard }: { readonly discard: boolean }): Outlet {
  const stream = new PassThrough()
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    source.unpipe(stream)
    source.destroy()
    stream.end()
  }
  source.once('end', end).once('close', end).on('error', end)
  source.pipe(stream, { end: false })
  if (discard) {
    source.on('pause', () => {
      // Whoever is being handed the stream in this turn has not had the time to read from it. At its end it pauses too.
      setImmediate(() => {
        if (!ended && stream.listenerCount('data') === 0 && stream.listenerCount('readable') === 0) stream.resume()
      })
    })
  }
  return {
    stream,
    finish(deadline) {
      if (!ended) setTimeout(end, deadline).unref()
    },
  }
}

/** Keeps the last bytes that came by. */
export class Tail {
  readonly #limit: number
  #bytes = Buffer.alloc(0)

  constructor(source: Readable, limit: number) {
    this.#limit = limit
    source.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#limit)
    })
  }

  toString(): string {
    return this.#bytes.toString('utf8')
  }
}
