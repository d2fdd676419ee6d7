import { Readable } from 'node:stream'

/** A child's pipe as its reader sees it: it always ends cleanly, also when somebody else still holds the other end. */
export interface Outlet {
  readonly stream: Readable
  /** The child has exited: read what is left until the deadline (ms), then let go of the descriptor. */
  finish(deadline: number): void
}

/**
 * Hands a child's pipe on with its back-pressure. With `discard`, a full buffer that nobody reads is thrown away, so that a chatty
 * child does not stop; a reader who comes before that misses nothing. Nor does it stop when its reader has destroyed the stream.
 */
export function outlet(source: Readable, { discard }: { readonly discard: boolean }): Outlet {
  const stream = new Readable({
    read: () => {
      source.resume()
    },
    destroy: (error, callback) => {
      source.resume()
      callback(error)
    },
  })
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    source.destroy()
    stream.push(null)
  }
  const isUnread = () => stream.listenerCount('data') === 0 && stream.listenerCount('readable') === 0
  source.once('end', end).once('close', end).on('error', end)
  source.on('data', (chunk: Buffer) => {
    if (ended || stream.destroyed || stream.push(chunk)) return
    source.pause()
    if (!discard) return
    // Whoever is being handed the stream in this turn has not had the time to read from it.
    setImmediate(() => {
      if (!ended && isUnread()) stream.resume()
    })
  })
  source.resume()
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
