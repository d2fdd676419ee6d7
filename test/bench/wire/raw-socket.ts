// The contender that shows the floor: bytes over a Unix socket.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { startPeer } from '../peer.ts'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'

const HEADER = 4
/** A longer reply is received into memory of its own; longer requests are not copied to be written together. */
const LONG = 64 * 1024

/** The floor: length-prefixed bytes over a Unix socket, everything that is written in one tick in one write. */
export async function openRawSocket({ python, directory }: Opening): Promise<OpenContender> {
  const path = join(directory, `${uniqueName('raw')}.sock`)
  const peer = await startPeer(python, 'wire/echo_socket.py', [path])
  try {
    const socket = connect(path)
    await once(socket, 'connect')
    return {
      name: 'raw socket',
      echo: echoOver(socket),
      close: () => {
        socket.destroy()
        return peer.close()
      },
    }
  } catch (error) {
    await peer.close()
    throw error
  }
}

interface Pending {
  readonly resolve: (reply: Buffer) => void
  readonly reject: (error: Error) => void
}

/** Takes replies apart. */
class Replies {
  readonly #answer: (reply: Buffer) => void
  #rest: Buffer | undefined
  /** A long reply that has not come in full. */
  #long: Buffer | undefined
  #filled = 0

  constructor(answer: (reply: Buffer) => void) {
    this.#answer = answer
  }

  take(chunk: Buffer): void {
    let rest = this.#fill(chunk)
    if (this.#rest !== undefined) rest = Buffer.concat([this.#rest, rest])
    this.#rest = undefined
    let start = 0
    while (rest.length - start >= HEADER) {
      const length = rest.readUInt32LE(start)
      const end = start + HEADER + length
      if (end > rest.length && length > LONG) {
        this.#long = Buffer.allocUnsafeSlow(length)
        this.#filled = rest.copy(this.#long, 0, start + HEADER)
        return
      }
      if (end > rest.length) break
      this.#answer(rest.subarray(start + HEADER, end))
      start = end
    }
    if (start < rest.length) this.#rest = rest.subarray(start)
  }

  /** Adds a chunk to the long reply, if there is one. Returns what is left of the chunk. */
  #fill(chunk: Buffer): Buffer {
    const long = this.#long
    if (long === undefined) return chunk
    const count = chunk.copy(long, this.#filled)
    this.#filled += count
    if (this.#filled === long.length) {
      this.#long = undefined
      this.#answer(long)
    }
    return chunk.subarray(count)
  }
}

/** Requests are answered in order. */
function echoOver(socket: Socket): (payload: Buffer) => Promise<Buffer> {
  let pending: Pending[] = []
  let answered = 0
  let outbox: Buffer[] = []
  let bytes = 0

  const flush = (): void => {
    if (bytes > LONG) {
      socket.cork()
      for (const each of outbox) socket.write(each)
      socket.uncork()
    } else socket.write(Buffer.concat(outbox))
    outbox = []
    bytes = 0
  }
  const replies = new Replies((reply) => {
    pending[answered++]?.resolve(reply)
    if (answered < pending.length) return
    pending = []
    answered = 0
  })
  socket.on('data', (chunk) => {
    replies.take(chunk)
  })
  socket.on('close', () => {
    for (const { reject } of pending.slice(answered)) reject(new Error('the raw socket was closed'))
  })
  socket.on('error', () => undefined) // 'close' follows

  return (payload) =>
    new Promise((resolve, reject) => {
      pending.push({ resolve, reject })
      if (outbox.length === 0) process.nextTick(flush)
      const header = Buffer.allocUnsafe(HEADER)
      header.writeUInt32LE(payload.length)
      outbox.push(header, payload)
      bytes += payload.length
    })
}
